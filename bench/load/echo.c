/*
 * bench/load/echo.c: the load generator of bench-echo. `echo SERVER` lists the measurements. `echo
 * SERVER NAME` starts the server on one processor and stays on another, connects, warms up, and
 * then counts for a fixed time: each connection has one message in flight and sends the next one
 * when it is back. Every received byte is compared. The server's cost is its processor time, read
 * at both ends. This program must not know which server it measures. It speaks the protocol of
 * server.h with the server and that of bench.h with bench/run.py.
 */
#define _GNU_SOURCE
#include "process.h"

#include <server.h>

#include <stdint.h>
#include <sys/epoll.h>

static const double WARM_UP_S = 0.4;
static const double MEASURED_S = 1.6;
static const uint32_t MAX_LATENCY_NS = 4000000000;

enum {
    MAX_CONNECTIONS = 1000,
    MAX_MESSAGE = 16384,
    MAX_SAMPLES = 4000000,
    MAX_EVENTS = 256,
    TIMEOUT_MS = 10000
};

/* A measurement. */
static const struct shape {
    const char *name; /* as in the rows */
    int connections;
    size_t message; /* bytes */
    int requests;   /* per message */
} shapes[] = {
    {"50x64", 50, 64, 1},         {"1000x64", 1000, 64, 1},      {"50x16k", 50, 16384, 1},
    {"1000x16k", 1000, 16384, 1}, {"50x64p16", 50, 16 * 64, 16},
};

enum { SHAPES = sizeof shapes / sizeof *shapes };

/* A connection and its message in flight. */
struct connection {
    int fd;            /* non-blocking */
    uint64_t stamp;    /* the message is this number repeated; unique to the message */
    size_t sent, got;  /* bytes of the message */
    uint64_t begun_ns; /* time of sending */
};

static struct connection connections[MAX_CONNECTIONS];
static const struct shape *shape;
static uint32_t *samples; /* latencies in nanoseconds */
static size_t sample_count;
static uint64_t next_stamp = 0x9e3779b97f4a7c15u;

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- messages ------------------------------------------------------------------------------- */

/* The repeated stamp, read from that byte of the message on. */
static uint64_t stamp_at(uint64_t stamp, size_t offset)
{
    unsigned bits = (unsigned)(offset % 8) * 8;
    return bits == 0 ? stamp : stamp >> bits | stamp << (64 - bits);
}

static void send_rest(struct connection *connection)
{
    static uint64_t words[MAX_MESSAGE / 8];
    size_t rest = shape->message - connection->sent;
    uint64_t stamp = stamp_at(connection->stamp, connection->sent);
    for (size_t i = 0; i < (rest + 7) / 8; i++)
        words[i] = stamp;
    ssize_t sent = send(connection->fd, words, rest, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN)
        load_die("send");
    if (sent > 0)
        connection->sent += (size_t)sent;
}

static void send_next(struct connection *connection, uint64_t at_ns)
{
    connection->stamp = next_stamp += 0x9e3779b97f4a7c15u;
    connection->begun_ns = at_ns;
    connection->sent = connection->got = 0;
    send_rest(connection);
}

/* Compares the received bytes with the sent ones. */
static void check(const struct connection *connection, const uint64_t *words, size_t size)
{
    uint64_t stamp = stamp_at(connection->stamp, connection->got), wrong = 0;
    for (size_t i = 0; i < size / 8; i++)
        wrong |= words[i] ^ stamp;
    if (wrong != 0 || memcmp(words + size / 8, &stamp, size % 8) != 0 ||
        connection->got + size > connection->sent)
        bench_die("load", "the received bytes differ from the sent ones");
}

static void sample(uint64_t latency_ns)
{
    if (sample_count < MAX_SAMPLES)
        samples[sample_count++] = latency_ns < MAX_LATENCY_NS ? (uint32_t)latency_ns
                                                              : MAX_LATENCY_NS;
}

/*
 * Receives; sends the next message if this one is complete. The events are edge-triggered: bytes
 * that stay unread cause no further event.
 */
static void serve(struct connection *connection, uint32_t events)
{
    static uint64_t words[4 * MAX_MESSAGE / 8];
    if (connection->sent < shape->message && (events & EPOLLOUT) != 0)
        send_rest(connection);
    if ((events & ~(uint32_t)EPOLLOUT) == 0)
        return;
    ssize_t got = recv(connection->fd, words, sizeof words, 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0)
        bench_die("recv", got == 0 ? "the server closed a connection" : strerror(errno));
    check(connection, words, (size_t)got);
    connection->got += (size_t)got;
    if (connection->got == shape->message) {
        uint64_t at_ns = now_ns();
        sample(at_ns - connection->begun_ns);
        send_next(connection, at_ns);
    }
}

/* ---- the measurement ------------------------------------------------------------------------ */

/* Serves all connections for that long. Returns the number of messages that came back. */
static size_t run_for(int epoll, double seconds)
{
    struct epoll_event events[MAX_EVENTS];
    uint64_t end_ns = now_ns() + (uint64_t)(seconds * 1e9);
    sample_count = 0;
    while (now_ns() < end_ns) {
        int count = epoll_wait(epoll, events, MAX_EVENTS, TIMEOUT_MS);
        if (count == 0)
            bench_die("load", "the server does not answer");
        for (int i = 0; i < count; i++)
            serve(events[i].data.ptr, events[i].events);
    }
    return sample_count;
}

static void connect_one(struct connection *connection, int epoll, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = connection};
    int yes = 1;
    connection->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connection->fd < 0 ||
        connect(connection->fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) < 0 ||
        fcntl(connection->fd, F_SETFL, O_NONBLOCK) < 0 ||
        epoll_ctl(epoll, EPOLL_CTL_ADD, connection->fd, &event) < 0)
        load_die("connect");
}

static int compare_samples(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static void say(const char *what, double value)
{
    char row[64];
    snprintf(row, sizeof row, "%s/%s", what, shape->name);
    bench_say(row, value);
}

/* Latencies are per message; all other rows are per request, and a message may have several. */
static void say_latencies(void)
{
    qsort(samples, sample_count, sizeof *samples, compare_samples);
    say("p50", samples[sample_count / 2] / 1e3);
    say("p99", samples[sample_count * 99 / 100] / 1e3);
}

static void measure(const struct server *server)
{
    int epoll = epoll_create1(0);
    samples = malloc(MAX_SAMPLES * sizeof *samples);
    for (int i = 0; i < shape->connections; i++)
        connect_one(&connections[i], epoll, server->port);
    for (int i = 0; i < shape->connections; i++)
        send_next(&connections[i], now_ns());
    run_for(epoll, WARM_UP_S);
    double cpu_begun = bench_clock(server->cpu_time), begun = bench_clock(CLOCK_MONOTONIC);
    double requests = (double)run_for(epoll, MEASURED_S) * shape->requests;
    double cpu = bench_clock(server->cpu_time) - cpu_begun,
           wall = bench_clock(CLOCK_MONOTONIC) - begun;
    say("cpu", cpu * 1e6 / requests);
    say("rate", requests / wall);
    say_latencies();
}

int main(int argc, char **argv)
{
    for (int i = 0; i < SHAPES; i++) {
        if (argc < 3)
            puts(shapes[i].name);
        else if (strcmp(argv[2], shapes[i].name) == 0)
            shape = &shapes[i];
    }
    if (shape == NULL)
        return argc < 3 ? 0 : 1;
    load_allow_descriptors(MAX_CONNECTIONS + 100);
    struct server server = load_start(argv[1]);
    measure(&server);
    load_end(&server);
    return 0;
}
