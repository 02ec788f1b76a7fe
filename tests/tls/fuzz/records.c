/*
 * fuzz/records.c: a connection of ours, and a peer that is OpenSSL in memory. The input selects the
 * actions of both, step by step, and what happens to the peer's records on their way: changed, cut,
 * doubled, late, or with other bytes between.
 */
#include "../tickets.h"
#include "fuzz.h"
#include <asyncio/tls.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_STEPS = 48, MAX_BYTES = 4096 };

static const double SOME_TIME = 0.00001; /* for the loop to poll the sockets */

/* The bytes of the input that are left. */
struct input {
    const uint8_t *next;
    size_t left;
};

struct play {
    struct input input;
    async_stream *stream; /* ours */
    async_task *task;     /* ours, that shakes hands and reads */
    async_tls *tls;       /* the role of our side */
    SSL *peer;
    int socket;              /* the peer's end */
    uint8_t late[MAX_BYTES]; /* records that the peer has sent, and that are held back */
    size_t late_size;
    bool is_up; /* our handshake is over */
};

/* ---- identity ------------------------------------------------------------------------------- */

static char identity[] = "/tmp/asyncio-fuzz-XXXXXX"; /* a PEM file of a certificate and its key */

static X509 *make_certificate(EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 24L * 60 * 60);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1,
                               0);
    X509_set_issuer_name(certificate, name);
    X509_set_pubkey(certificate, key);
    X509_sign(certificate, key, EVP_sha256());
    return certificate;
}

static void make_identity(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = make_certificate(key);
    FILE *file = fdopen(mkstemp(identity), "w");
    if (file == NULL)
        abort();
    PEM_write_X509(file, certificate);
    PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

/* ---- contexts, made once -------------------------------------------------------------------- */

static async_tls *our_server, *our_client, *our_strict_client;
static SSL_CTX *their_server, *their_client;

static void need(bool done)
{
    if (!done)
        abort();
}

static void make_contexts(void)
{
    make_identity();
    const async_tls_options server = {
        .certificate = identity, .no_resumption = true, .alpn = "h2,http/1.1"};
    async_tls_options client = {.ca = identity, .no_resumption = true, .alpn = "h2"};
    need(async_tls_server_new(&our_server, &server) == 0);
    need(async_tls_client_new(&our_strict_client, &client) == 0);
    client.verify = ASYNC_TLS_VERIFY_NONE;
    need(async_tls_client_new(&our_client, &client) == 0);
    their_server = SSL_CTX_new(TLS_server_method());
    their_client = SSL_CTX_new(TLS_client_method());
    need(SSL_CTX_use_certificate_file(their_server, identity, SSL_FILETYPE_PEM) == 1);
    need(SSL_CTX_use_PrivateKey_file(their_server, identity, SSL_FILETYPE_PEM) == 1);
    SSL_CTX_set_max_send_fragment(their_server, 512);
    SSL_CTX_set_session_ticket_cb(their_server, ticket_make_large, ticket_take_none, NULL);
    unlink(identity);
}

/* ---- steps ---------------------------------------------------------------------------------- */

/* 0 where nothing is left. */
static uint8_t take(struct input *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->next++;
}

static int shake_hands_and_read(struct play *play)
{
    char bytes[1000];
    int result = async_start_tls(play->stream, play->tls, "localhost");
    play->is_up = result == 0;
    while (result >= 0 && (result = async_stream_read(play->stream, bytes, sizeof bytes)) > 0)
        continue;
    fuzz_check_printable(async_strerror(result));
    return 0;
}
async_fn(shake_hands_and_read, struct play *);

static void send_raw(const struct play *play, const uint8_t *bytes, size_t size)
{
    if (size > 0)
        async_ignore(send(play->socket, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL));
}

/*
 * Has OpenSSL read the bytes that our side has sent, and writes its answer to bytes: how many those
 * are.
 */
static size_t pump(struct play *play, uint8_t bytes[MAX_BYTES])
{
    ssize_t got = recv(play->socket, bytes, MAX_BYTES, MSG_DONTWAIT);
    if (got > 0)
        BIO_write(SSL_get_rbio(play->peer), bytes, (int)got);
    if (!SSL_is_init_finished(play->peer))
        SSL_do_handshake(play->peer);
    else
        SSL_read(play->peer, bytes, MAX_BYTES);
    int size = BIO_read(SSL_get_wbio(play->peer), bytes, MAX_BYTES);
    return size > 0 ? (size_t)size : 0;
}

/* Decides about the peer's next bytes. */
static void pass_on(struct play *play, int how)
{
    uint8_t bytes[MAX_BYTES];
    size_t size = pump(play, bytes), place = take(&play->input) | (size_t)take(&play->input) << 8;
    uint8_t value = take(&play->input);
    if (size == 0)
        return;
    if (how == 1)
        bytes[place % size] ^= value;
    size_t now = how == 2 ? place % size : size;
    send_raw(play, play->late, play->late_size);
    send_raw(play, bytes, now);
    if (how == 3)
        send_raw(play, bytes, now);
    play->late_size = size - now;
    memcpy(play->late, bytes + now, play->late_size);
}

static void send_input(struct play *play)
{
    size_t size = take(&play->input);
    if (size > play->input.left)
        size = play->input.left;
    send_raw(play, play->input.next, size);
    play->input.next += size;
    play->input.left -= size;
}

static void write_ours(struct play *play, bool much)
{
    static const char bytes[70000];
    if (play->is_up && async_stream_write(play->stream, bytes, much ? sizeof bytes : 5) < 0)
        fuzz_check_printable(async_strerror(-EPROTO));
}

static void step(struct play *play, int what)
{
    switch (what % 12) {
    case 4:
        send_input(play);
        break;
    case 5:
        send_raw(play, play->late, play->late_size);
        play->late_size = 0;
        break;
    case 6:
        SSL_write(play->peer, "hello", 5);
        break;
    case 7:
        SSL_key_update(play->peer, SSL_KEY_UPDATE_REQUESTED);
        break;
    case 8:
        SSL_shutdown(play->peer);
        break;
    case 9:
        write_ours(play, take(&play->input) & 1);
        break;
    case 10:
        if (play->is_up && take(&play->input) < 32)
            async_ignore(async_stream_write_eof(play->stream));
        break;
    case 11:
        if (SSL_is_server(play->peer) && SSL_is_init_finished(play->peer))
            SSL_new_session_ticket(play->peer);
        break;
    default:
        pass_on(play, what % 12);
    }
}

/* ---- one input ------------------------------------------------------------------------------ */

static int run_steps(struct play *play)
{
    int ends[2];
    need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
    play->socket = ends[1];
    ASYNC_TRY(async_stream_new(&play->stream, ends[0]));
    play->task = async_create_task(shake_hands_and_read, play);
    for (int steps = 0; steps < MAX_STEPS && play->input.left > 0; steps++) {
        ASYNC_TRY(async_sleep(SOME_TIME));
        ERR_clear_error();
        step(play, take(&play->input));
    }
    ASYNC_TRY(async_sleep(SOME_TIME));
    async_task_cancel(play->task);
    async_ignore(async_await(play->task));
    async_stream_close(play->stream);
    close(play->socket);
    return 0;
}
async_fn(run_steps, struct play *);

/*
 * So that an input need not lead through the handshake itself: its records are passed on unchanged.
 */
static const uint8_t handshake[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

static void run(const uint8_t *data, size_t size, uint8_t how)
{
    async_tls *const ours[] = {our_client, our_server, our_client, our_strict_client};
    const async_run_options options = {.virtual_clock = true, .backend = "sim"};
    bool is_server = (how & 3) == 1;
    struct play play = {.input = {data, size}, .tls = ours[how & 3]};
    play.peer = SSL_new(is_server ? their_client : their_server);
    SSL_set_bio(play.peer, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    if ((how & 4) != 0)
        SSL_set_max_proto_version(play.peer, TLS1_2_VERSION);
    if (is_server)
        SSL_set_connect_state(play.peer);
    else
        SSL_set_accept_state(play.peer);
    async_ignore(async_run_with(&options, run_steps, &play));
    SSL_free(play.peer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t whole[sizeof handshake + 1024];
    if (our_server == NULL)
        make_contexts();
    if (size < 1 || size > 1024)
        return -1;
    bool skips = (data[0] & 8) != 0; /* the handshake */
    size_t before = skips ? sizeof handshake : 0;
    memcpy(whole, handshake, before);
    memcpy(whole + before, data + 1, size - 1);
    run(whole, before + size - 1, data[0]);
    return 0;
}
