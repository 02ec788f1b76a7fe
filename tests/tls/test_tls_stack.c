/*
 * test_tls_stack.c: how much stack TLS needs, and that it is not begun where there is less.
 */
#include "secure.h"
#include "sys/map.h"

enum { MIN_STACK = 16 * 1024, NEEDED_STACK = 32 * 1024 };

/*
 * Half of the demanded size; the rest of the smallest stack is left to the tasks that read and
 * write.
 */
enum { HANDSHAKE_BYTES = NEEDED_STACK / 2, OTHER_BYTES = MIN_STACK * 3 / 4 };

static size_t used(void)
{
    return async_task_stack_used(async_current_task());
}

/*
 * How deep the tasks of a connection have gone: both ends of its handshake, its reader, its writer.
 */
struct depths {
    async_stream *stream;
    async_tls *tls;
    const char *name;
    size_t handshake, reading, writing;
};

static int shake_hands(struct depths *depths)
{
    int result = async_start_tls(depths->stream, depths->tls, depths->name);
    depths->handshake = used();
    return result;
}
async_fn(shake_hands, struct depths *);

static int read_to_the_end(struct depths *depths)
{
    char bytes[16];
    int result;
    while ((result = async_stream_read(depths->stream, bytes, sizeof bytes)) > 0)
        continue;
    depths->reading = used();
    return result;
}
async_fn(read_to_the_end, struct depths *);

/* With new keys in between. */
static int write_and_end(struct depths *depths)
{
    SSL *ssl = async_tls_ssl(depths->stream);
    ASYNC_TRY(async_stream_write(depths->stream, "hello", 5));
    if (SSL_version(ssl) == TLS1_3_VERSION)
        CHECK_EQ(SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED), 1);
    ASYNC_TRY(async_stream_write(depths->stream, "hello", 5));
    ASYNC_TRY(async_stream_write_eof(depths->stream));
    depths->writing = used();
    return 0;
}
async_fn(write_and_end, struct depths *);

static void run_both(async_task *ours, async_task *theirs)
{
    CHECK_EQ(async_await(ours), 0);
    CHECK_EQ(async_await(theirs), 0);
}

static void measure(const char *certificate, int version)
{
    async_auto_tls *ours = new_server_context(
        &(async_tls_options){.certificate = certificate,
                             .ca = CERTIFICATE(authority),
                             .verify = ASYNC_TLS_VERIFY_REQUIRED});
    async_auto_tls *theirs = new_client_context(&(async_tls_options){.certificate = certificate});
    struct pair pair = new_pair();
    /* On no stack: debug mode would look for its frames when the tasks begin, on their stacks. */
    static struct depths server, client;
    server = (struct depths){.stream = pair.here, .tls = ours};
    client = (struct depths){.stream = pair.there, .tls = theirs, .name = "localhost"};
    SSL_CTX_set_max_proto_version(async_tls_ssl_context(theirs), version);
    run_both(async_create_task(shake_hands, &server), async_create_task(shake_hands, &client));
    CHECK(server.handshake <= HANDSHAKE_BYTES && client.handshake <= HANDSHAKE_BYTES);
    async_task *reading[] = {async_create_task(read_to_the_end, &server),
                             async_create_task(read_to_the_end, &client)};
    run_both(async_create_task(write_and_end, &server), async_create_task(write_and_end, &client));
    run_both(reading[0], reading[1]);
    CHECK(server.reading <= OTHER_BYTES && client.reading <= OTHER_BYTES);
    CHECK(server.writing <= OTHER_BYTES && client.writing <= OTHER_BYTES);
    close_pair(pair);
}

LOOP_TEST(tls_needs_half_of_the_stack_that_it_demands_at_most)
{
    const char *certificates[] = {CERTIFICATE(server), CERTIFICATE(rsa), CERTIFICATE(rsa_4096)};
    async_loop_set_debug(async_get_loop(), true); /* which gives tasks clean stacks */
    CHECK_EQ(async_loop_set_slow_callback_duration(async_get_loop(), 1000), 0);
    for (int i = 0; i < 3; i++) {
        measure(certificates[i], TLS1_2_VERSION);
        measure(certificates[i], TLS1_3_VERSION);
    }
    return 0;
}

LOOP_TEST(tls_is_not_begun_on_a_stack_that_is_too_small)
{
    if (asyncp_sys_page_size() >= NEEDED_STACK)
        test_skip("a stack of one page is enough here");
    async_auto_tls *tls = new_client_context(NULL);
    struct pair pair = new_pair();
    const async_task_options options = {.stack_size = MIN_STACK};
    CHECK_EQ(
        async_await(async_create_task_with(&options, handshake_with_localhost, pair.here, tls)),
        -EINVAL);
    CHECK_STR(async_strerror(-EINVAL),
              "-EINVAL: TLS: a handshake needs a stack of 32 KiB, and this task has 16 KiB; set "
              "stack_size in the options of the task or the run");
    close_pair(pair);
    return 0;
}

static int serve_size(async_stream *stream, void *argument)
{
    *(size_t *)argument = async_task_stack_size(async_current_task());
    return async_stream_write(stream, "x", 1);
}

LOOP_TEST(tls_server_gives_its_tasks_the_stack_that_a_handshake_needs)
{
    const size_t sizes[][2] = {{MIN_STACK, NEEDED_STACK}, {2 * NEEDED_STACK, 2 * NEEDED_STACK}};
    size_t page = asyncp_sys_page_size();
    async_auto_tls *ours = new_server_context(NULL), *theirs = new_client_context(NULL);
    for (int i = 0; i < 2; i++) {
        size_t size = 0;
        char byte;
        const async_server_options options = {.tls = ours, .stack_size = sizes[i][0]};
        async_auto_wait_server *server = NULL;
        async_auto_stream *stream = NULL;
        CHECK_EQ(async_start_server(&server, serve_size, &size, "127.0.0.1", 0, &options), 0);
        CHECK_EQ(connect_to(&stream, server, theirs), 0);
        CHECK_EQ(async_stream_readexactly(stream, &byte, 1), 1);
        CHECK_EQ(size, sizes[i][1] > page ? sizes[i][1] : page);
    }
    return 0;
}
