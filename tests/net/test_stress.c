/*
 * test_stress.c: many connections at once that end in every way at random moments, over TCP and
 * Unix sockets. Each byte is stamped with its connection, direction and place. No byte may come
 * twice, out of order or elsewhere; where both sides end in order, none may be missing. The runner
 * checks that nothing is left. `make stress N=1000000` is the same with a million. The actions of a
 * connection follow from its number, which both sides know.
 */
#include "run/streams.h"
#include "run/callbacks.h"
#include "run/sockets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORKERS = 48, FEW = 600, MAX_BYTES = 400000 };

/* How connections end. Up to the first that loses something, all that was written arrives. */
enum mode {
    BOTH_IN_ORDER,      /* both write, half-close, read to the end */
    CLIENT_FLUSHES,     /* the client writes and closes; the loop sends the rest */
    SERVER_FLUSHES,     /* the server does */
    SERVER_HALF_CLOSES, /* the server first, and then it reads */
    CLIENT_WAITS,       /* as CLIENT_FLUSHES, and the client waits until all is sent */
    FIRST_THAT_LOSES,
    CLIENT_ABORTS = FIRST_THAT_LOSES,
    SERVER_ABORTS,
    CLIENT_RESETS, /* with SO_LINGER of 0 */
    SERVER_RESETS,
    CLIENT_SAYS_NOTHING, /* it resets before the server may have accepted it */
    CLIENT_IS_CANCELLED,
    CLIENT_RUNS_OUT_OF_TIME,
    SERVER_ENDS_EARLY, /* before it has read all: the kernel resets the connection */
    MODES
};

enum direction { UP, DOWN };

struct plan {
    uint32_t id;     /* of the connection */
    enum mode mode;  /* how it ends */
    bool unix_path;  /* not TCP */
    size_t bytes[2]; /* up, down */
    size_t early;    /* of these, so many before those end that end early */
    uint32_t random; /* the source of random choices */
};

static struct {
    async_server *at_port, *at_path; /* both serve the same */
    char path[64];                   /* of the latter */
    uint32_t next, count;            /* of the next connection; and how many are planned */
    long promised, kept;             /* directions that are to arrive whole, and that did */
    long long bytes;                 /* that were checked */
} stress;

static uint32_t draw(uint32_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 17;
    *random ^= *random << 5;
    return *random;
}

/* Mostly little, now and then more than sockets hold. */
static size_t draw_size(uint32_t *random)
{
    uint32_t kind = draw(random) % 200, size = draw(random);
    return kind < 4 ? size % MAX_BYTES : kind < 20 ? size % 20000 : size % 300;
}

static struct plan plan_of(uint32_t id)
{
    struct plan plan = {.id = id, .random = id * 2654435761u + 12345};
    for (int i = 0; i < 4; i++)
        draw(&plan.random);
    plan.mode = (enum mode)(draw(&plan.random) % MODES);
    plan.unix_path = draw(&plan.random) % 2 == 0;
    bool one_way = plan.mode == CLIENT_FLUSHES || plan.mode == CLIENT_WAITS;
    plan.bytes[UP] = plan.mode != SERVER_FLUSHES ? draw_size(&plan.random) : 0;
    plan.bytes[DOWN] = one_way ? 0 : draw_size(&plan.random);
    plan.early = draw(&plan.random);
    return plan;
}

/* ---- stamped bytes -------------------------------------------------------------------------- */

static unsigned char stamp(const struct plan *plan, enum direction direction, size_t place)
{
    return (unsigned char)((plan->id * 2246822519u + direction * 3266489917u +
                            (uint32_t)place * 2654435761u) >>
                           23);
}

/* Writes bytes[from..to) of that direction, in parts. */
static int write_stamped(async_stream *stream, struct plan *plan, enum direction direction,
                         size_t from, size_t to)
{
    unsigned char part[3000];
    while (from < to) {
        size_t size = 1 + draw(&plan->random) % sizeof part;
        if (size > to - from)
            size = to - from;
        for (size_t i = 0; i < size; i++)
            part[i] = stamp(plan, direction, from + i);
        const struct iovec halves[] = {{part, size / 2}, {part + size / 2, size - size / 2}};
        ASYNC_TRY(draw(&plan->random) % 2 == 0 ? async_stream_write(stream, part, size)
                                               : async_stream_writev(stream, halves, 2));
        from += size;
    }
    return 0;
}

static void check_stamps(const struct plan *plan, enum direction direction, size_t from,
                         const void *data, size_t size)
{
    const unsigned char *bytes = data;
    CHECK(from + size <= plan->bytes[direction]);
    stress.bytes += (long long)size;
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != stamp(plan, direction, from + i))
            test_fail(__FILE__, __LINE__, "byte %zu of connection %u, mode %d, is another's",
                      from + i, plan->id, plan->mode);
}

/* Reads in one of several ways and checks the bytes: their number, 0 at the end, or -errno. */
static int read_stamped(async_stream *stream, struct plan *plan, enum direction direction,
                        size_t from)
{
    char bytes[8000];
    const char *data = bytes;
    uint32_t way = draw(&plan->random);
    int size = way % 4 == 0   ? async_stream_read(stream, bytes, 1 + way % sizeof bytes)
               : way % 4 == 1 ? async_stream_borrow(stream, &data)
               : way % 4 == 2 ? async_stream_peek(stream, &data, 1 + way % 1000)
                              : async_stream_readexactly(stream, bytes, 1 + way % 50);
    if (size == -ENODATA) /* fewer are left */
        size = async_stream_read(stream, bytes, sizeof bytes);
    if (size <= 0)
        return size;
    check_stamps(plan, direction, from, data, (size_t)size);
    if (way % 4 == 2)
        async_stream_consume(stream, (size_t)size);
    return size;
}

static int read_to(async_stream *stream, struct plan *plan, enum direction direction, size_t end)
{
    size_t got = 0;
    int size = 1;
    while (got < end && (size = read_stamped(stream, plan, direction, got)) > 0)
        got += (size_t)size;
    return size < 0 ? size : (int)got;
}

/* Reads to the end: a missing byte is a failure where both sides end in order. */
static int read_all(async_stream *stream, struct plan *plan, enum direction direction)
{
    int got = read_to(stream, plan, direction, SIZE_MAX);
    if (plan->mode >= FIRST_THAT_LOSES)
        return got;
    if (got != (int)plan->bytes[direction])
        test_fail(__FILE__, __LINE__, "connection %u, mode %d: %d of %zu bytes", plan->id,
                  plan->mode, got, plan->bytes[direction]);
    stress.kept++;
    return 0;
}

/* ---- the two sides -------------------------------------------------------------------------- */

/* Some send buffers are so small that most bytes wait in the stream. */
static void narrow(async_stream *stream, struct plan *plan)
{
    const int least = 1;
    int fd = async_stream_fd(stream);
    if (draw(&plan->random) % 4 == 0)
        CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof least), 0);
}

/* Writes and reads a part of the bytes, and ends there. */
static int break_off(async_stream *stream, struct plan *plan, enum direction writes)
{
    enum direction reads = 1 - writes;
    size_t wrote = plan->bytes[writes] > 0 ? plan->early % plan->bytes[writes] : 0;
    ASYNC_TRY(write_stamped(stream, plan, writes, 0, wrote));
    return read_to(stream, plan, reads,
                   plan->bytes[reads] > 0 ? plan->early % plan->bytes[reads] : 0);
}

/* One side of the talk, after the number: both are the same where both do the same. */
static int talk(async_stream *stream, struct plan *plan, enum direction writes)
{
    ASYNC_TRY(write_stamped(stream, plan, writes, 0, plan->bytes[writes]));
    ASYNC_TRY(async_stream_write_eof(stream));
    return read_all(stream, plan, 1 - writes);
}

static int act_as_server(async_stream *stream, struct plan *plan)
{
    int result;
    switch (plan->mode) {
    case SERVER_FLUSHES:
        return write_stamped(stream, plan, DOWN, 0, plan->bytes[DOWN]);
    case CLIENT_FLUSHES:
    case CLIENT_WAITS:
        return read_all(stream, plan, UP);
    case SERVER_ABORTS:
    case SERVER_RESETS:
    case SERVER_ENDS_EARLY:
        result = break_off(stream, plan, DOWN);
        if (result >= 0 && plan->mode == SERVER_RESETS)
            reset_on_close(async_stream_fd(stream));
        if (plan->mode == SERVER_ABORTS)
            async_stream_abort(stream);
        return result;
    default:
        return talk(stream, plan, DOWN);
    }
}

/* The allowed results of a connection; any other is reported, and that fails the test. */
static int expect(const struct plan *plan, int result)
{
    bool lost = result == -ECONNRESET || result == -EPIPE || result == -ECONNABORTED ||
                result == -ENODATA;
    if (result >= 0 || (plan->mode >= FIRST_THAT_LOSES && lost))
        return 0;
    test_fail(__FILE__, __LINE__, "connection %u, mode %d: %s", plan->id, plan->mode,
              async_strerror(result));
}

static int serve(async_stream *stream, void *unused)
{
    uint32_t id;
    (void)unused;
    int size = async_stream_readexactly(stream, &id, sizeof id);
    if (size == -ENODATA || size == -ECONNRESET) /* it says nothing */
        return 0;
    CHECK_EQ(size, sizeof id);
    CHECK(id < stress.count);
    struct plan plan = plan_of(id);
    narrow(stream, &plan);
    return expect(&plan, act_as_server(stream, &plan));
}

/* From many addresses, since each has but some ten thousand ports, and these rest after use. */
static int open_in_any_way(async_stream **stream, const struct plan *plan)
{
    char address[32];
    if (plan->unix_path)
        return async_open_unix_connection(stream, stress.path, NULL);
    snprintf(address, sizeof address, "127.%u.%u.%u", 1 + plan->id / 2500000 % 200,
             plan->id / 10000 % 250, 1 + plan->id / 100 % 100);
    return async_open_connection(stream, "127.0.0.1", async_server_port(stress.at_port),
                                 &(async_connection_options){.local_host = address});
}

static int act_as_client(uint32_t id)
{
    struct plan plan = plan_of(id);
    async_auto_stream *stream = NULL;
    async_stream *closing;
    ASYNC_TRY(open_in_any_way(&stream, &plan));
    if (plan.mode == CLIENT_SAYS_NOTHING) {
        reset_on_close(async_stream_fd(stream));
        return 0;
    }
    plan.random ^= 0x5bd1e995; /* not to do all as the server does */
    narrow(stream, &plan);
    ASYNC_TRY(async_stream_write(stream, &id, sizeof id));
    switch (plan.mode) {
    case CLIENT_FLUSHES:
        return write_stamped(stream, &plan, UP, 0, plan.bytes[UP]);
    case CLIENT_WAITS:
        ASYNC_TRY(write_stamped(stream, &plan, UP, 0, plan.bytes[UP]));
        closing = stream;
        stream = NULL;
        return async_stream_wait_closed(closing);
    case SERVER_FLUSHES:
        return read_all(stream, &plan, DOWN);
    case SERVER_HALF_CLOSES:
        ASYNC_TRY(read_all(stream, &plan, DOWN));
        ASYNC_TRY(write_stamped(stream, &plan, UP, 0, plan.bytes[UP]));
        return async_stream_write_eof(stream);
    case CLIENT_ABORTS:
    case CLIENT_RESETS:
        ASYNC_TRY(break_off(stream, &plan, UP));
        if (plan.mode == CLIENT_RESETS)
            reset_on_close(async_stream_fd(stream));
        else
            async_stream_abort(stream);
        return 0;
    default:
        return talk(stream, &plan, UP);
    }
}
async_fn(act_as_client, uint32_t);

/* ---- many of them --------------------------------------------------------------------------- */

/* Cancels the client after some turns, in whatever it waits then. */
static int cancel_somewhere(struct plan *plan)
{
    async_task *client = async_create_task(act_as_client, plan->id);
    for (uint32_t turns = draw(&plan->random) % 12; turns > 0; turns--)
        ASYNC_TRY(async_sleep(0));
    async_task_cancel(client);
    int result = async_await(client);
    return result == -ECANCELED ? 0 : result;
}

static int stress_client(uint32_t id)
{
    struct plan plan = plan_of(id);
    int result;
    stress.promised += plan.mode == BOTH_IN_ORDER || plan.mode == SERVER_HALF_CLOSES ? 2
                       : plan.mode < FIRST_THAT_LOSES                                ? 1
                                                                                     : 0;
    if (plan.mode == CLIENT_IS_CANCELLED)
        result = cancel_somewhere(&plan);
    else if (plan.mode == CLIENT_RUNS_OUT_OF_TIME)
        result = async_timeout(draw(&plan.random) % 100 * 0.00001, act_as_client(id));
    else
        result = act_as_client(id);
    return result == -ETIMEDOUT && plan.mode == CLIENT_RUNS_OUT_OF_TIME ? 0 : expect(&plan, result);
}

static int work(void)
{
    while (stress.next < stress.count)
        ASYNC_TRY(stress_client(stress.next++));
    return 0;
}
async_fn(work);

static void set_up(void)
{
    const char *count = getenv("STRESS");
    stress.count = count != NULL ? (uint32_t)strtoul(count, NULL, 10) : FEW;
    snprintf(stress.path, sizeof stress.path, "@libasyncio-stress-%d", (int)getpid());
    stress.at_port = new_server(serve, NULL);
    CHECK_EQ(async_start_unix_server(&stress.at_path, serve, NULL, stress.path, NULL), 0);
    async_loop_set_exception_handler(async_get_loop(), fail_on_exception, NULL);
}

REAL_LOOP_TEST(stress_connections_lose_and_mix_nothing)
{
    async_task *workers[WORKERS];
    set_up();
    for (int i = 0; i < WORKERS; i++)
        workers[i] = async_create_task(work);
    CHECK_EQ(async_gather_n(workers, WORKERS, NULL, ASYNC_FIRST_ERROR), 0);
    async_server_close(stress.at_port);
    async_server_close(stress.at_path);
    CHECK_EQ(async_server_wait_closed(stress.at_port),
             0); /* those that the loop still sends are read to their end */
    CHECK_EQ(async_server_wait_closed(stress.at_path), 0);
    CHECK_EQ(stress.kept, stress.promised);
    CHECK(stress.bytes > stress.count * 100);
    if (stress.count > FEW)
        printf("%u connections, %lld bytes, %ld directions whole\n", stress.count, stress.bytes,
               stress.kept);
    async_server_free_wait(stress.at_port);
    async_server_free_wait(stress.at_path);
    return 0;
}
