/*
 * bench/load/tls.c: the load generator of bench-tls. `tls SERVER` lists the measurements. `tls
 * SERVER NAME` makes a certificate and a file, starts the server on one processor and stays on
 * another. It is one client that makes handshakes, fetches the file, or opens many idle
 * connections. The server's cost is its processor time; the cost of an idle connection is the
 * growth of its memory. This program must not know which server it measures. The server's
 * environment has the file of the certificate and its key (CERTIFICATE, PEM), the folder of the
 * file `bulk` (FOLDER), and PLAIN if connections shall not use TLS.
 */
#define _GNU_SOURCE
#include "process.h"

#include <server.h>

#include <openssl/ssl.h>
#include <stdbool.h>

static const double WARM_UP_S = 0.3;
static const double MEASURED_S = 1.6;
static const double SETTLING_S = 1;

enum { IDLE_CONNECTIONS = 10000, BULK_MEBIBYTES = 64, MEBIBYTE = 1 << 20 };

static char folder[] = "/tmp/bench-tls-XXXXXX";
static struct server server;
static SSL_CTX *context;
static SSL_SESSION *session; /* the last one received, to be resumed */

/* ---- the client ----------------------------------------------------------------------------- */

static int keep_session(SSL *ssl, SSL_SESSION *given)
{
    (void)ssl;
    SSL_SESSION_free(session);
    session = given;
    return 1;
}

/* Fixes the cipher: servers prefer different ones. */
static void make_context(void)
{
    context = SSL_CTX_new(TLS_client_method());
    if (context == NULL || SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") != 1)
        bench_die("load", "OpenSSL does not work");
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, keep_session);
}

static int connect_to_server(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)server.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) < 0)
        load_die("connect");
    return fd;
}

static SSL *shake_hands(int fd, bool resumes)
{
    SSL *ssl = SSL_new(context);
    if (resumes && session != NULL)
        SSL_set_session(ssl, session);
    SSL_set_fd(ssl, fd);
    if (SSL_connect(ssl) != 1)
        bench_die("load", "the handshake failed");
    return ssl;
}

/* Requests the file. Returns the number of bytes received. */
static size_t fetch(SSL *ssl, const char *name)
{
    static char bytes[256 * 1024];
    char request[64];
    size_t sum = 0, got;
    snprintf(request, sizeof request, "GET /%s HTTP/1.0\r\n\r\n", name);
    SSL_write(ssl, request, (int)strlen(request));
    while (SSL_read_ex(ssl, bytes, sizeof bytes, &got) == 1)
        sum += got;
    return sum;
}

static void disconnect(SSL *ssl, int fd)
{
    SSL_shutdown(ssl);
    SSL_free(ssl);
    close(fd);
}

/* ---- what is measured ----------------------------------------------------------------------- */

/* The session tickets arrive with the answer. */
static double visit(bool resumes)
{
    int fd = connect_to_server();
    SSL *ssl = shake_hands(fd, resumes);
    if (SSL_session_reused(ssl) != (resumes && session != NULL))
        bench_die("load", "a session was resumed that should not be, or was not resumed");
    fetch(ssl, "small");
    disconnect(ssl, fd);
    return 1;
}

static double visit_anew(void)
{
    return visit(false);
}

static double visit_again(void)
{
    return visit(true);
}

static double fetch_much(void)
{
    int fd = connect_to_server();
    SSL *ssl = shake_hands(fd, false);
    size_t bytes = fetch(ssl, "bulk");
    if (bytes < (size_t)BULK_MEBIBYTES * MEBIBYTE)
        bench_die("load", "the file is incomplete");
    disconnect(ssl, fd);
    return BULK_MEBIBYTES;
}

static double do_for(double (*what)(void), double seconds)
{
    double end = bench_clock(CLOCK_MONOTONIC) + seconds, sum = 0;
    while (bench_clock(CLOCK_MONOTONIC) < end)
        sum += what();
    return sum;
}

static void measure_time(const char *name, double (*what)(void))
{
    char row[64];
    do_for(what, WARM_UP_S);
    double cpu_begun = bench_clock(server.cpu_time), begun = bench_clock(CLOCK_MONOTONIC);
    double count = do_for(what, MEASURED_S);
    double cpu = bench_clock(server.cpu_time) - cpu_begun,
           wall = bench_clock(CLOCK_MONOTONIC) - begun;
    snprintf(row, sizeof row, "cpu/%s", name);
    bench_say(row, cpu * 1e6 / count);
    snprintf(row, sizeof row, "rate/%s", name);
    bench_say(row, count / wall);
}

/* Bytes of memory and of page tables of the server, as bench_memory for this process. */
static double server_memory(void)
{
    char path[64], line[256];
    double kilobytes = 0, value;
    snprintf(path, sizeof path, "/proc/%d/status", server.process);
    FILE *status = fopen(path, "r");
    if (status == NULL)
        load_die(path);
    while (fgets(line, sizeof line, status) != NULL)
        if (sscanf(line, "VmRSS: %lf kB", &value) == 1 ||
            sscanf(line, "VmPTE: %lf kB", &value) == 1)
            kilobytes += value;
    fclose(status);
    return kilobytes * 1024;
}

/* The client keeps only the descriptor of each connection. */
static void connect_many(int count, bool plain)
{
    for (int i = 0; i < count; i++) {
        int fd = connect_to_server();
        if (!plain)
            SSL_free(shake_hands(fd, false));
    }
    usleep((useconds_t)(SETTLING_S * 1e6));
}

static void measure_memory(const char *row, bool plain)
{
    connect_many(IDLE_CONNECTIONS / 100, plain);
    double before = server_memory();
    connect_many(IDLE_CONNECTIONS, plain);
    bench_say(row, (server_memory() - before) / IDLE_CONNECTIONS);
}

/* ---- the surroundings ----------------------------------------------------------------------- */

static void run(const char *command)
{
    char line[512];
    snprintf(line, sizeof line, "cd %s && %s", folder, command);
    if (system(line) != 0)
        bench_die("load", command);
}

static void make_files(void)
{
    char path[64];
    if (mkdtemp(folder) == NULL)
        load_die(folder);
    run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj "
        "/CN=localhost -keyout pem -out certificate 2>/dev/null && cat certificate >>pem");
    run("truncate -s 64M bulk && echo small >small");
    snprintf(path, sizeof path, "%s/pem", folder);
    setenv("CERTIFICATE", path, 1);
    setenv("FOLDER", folder, 1);
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"handshake", "resumed", "bulk", "idle/plain", "idle/tls"};
    enum { HANDSHAKE, RESUMED, BULK, IDLE_PLAIN, IDLE_TLS, NAMES };
    int name = 0;
    for (int i = 0; i < NAMES && argc < 3; i++)
        puts(names[i]);
    while (argc >= 3 && name < NAMES && strcmp(argv[2], names[name]) != 0)
        name++;
    if (argc < 3 || name == NAMES)
        return argc < 3 ? 0 : 1;
    load_allow_descriptors(IDLE_CONNECTIONS * 3 / 2);
    make_files();
    make_context();
    if (name == IDLE_PLAIN)
        setenv("PLAIN", "1", 1);
    server = load_start(argv[1]);
    if (name >= IDLE_PLAIN)
        measure_memory(names[name], name == IDLE_PLAIN);
    else
        measure_time(names[name], name == HANDSHAKE ? visit_anew
                                  : name == RESUMED ? visit_again
                                                    : fetch_much);
    load_end(&server);
    run("rm -r ../$(basename $PWD)");
    return 0;
}
