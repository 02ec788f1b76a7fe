/*
 * pipe.c: pairs of streams in the memory of the process.
 *
 *      end a ── stream ──▶ link a_to_b: [under way | arrived] ──▶ stream ── end b
 *
 * A link is a ring of bytes. Bytes count as under way until their delay is over; then the reading
 * end is told. The writing end is told when a full ring has room again.
 *
 * Invariant: an end is told nothing when its stream is gone. The pair is freed with its second
 * stream, and no arrival is pending then.
 */
#include "kit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { DEFAULT_CAPACITY = 64 * 1024 };

struct pair;

/* Bytes that arrive together, or the end of the data; and a timer. */
struct arrival {
    struct link *link;
    async_handle timer; /* delivers the oldest arrival of the link, which may be another one */
    size_t size;
    bool is_end;
    struct arrival *next; /* was sent after this one */
};

/* One direction. */
struct link {
    async_test_link options;
    struct end *reader, *writer;
    char *ring;
    size_t capacity, start, stored, arrived; /* arrived <= stored, both unread */
    size_t written, come; /* bytes in all: accepted, and arrived; none of those that were dropped */
    bool is_full;         /* the writer has to be told that there is room */
    bool end_is_under_way, has_ended;
    struct arrival *arrivals; /* under way; the oldest is first */
    struct arrival **arrivals_end;
};

struct end {
    struct pair *pair;
    async_stream *stream; /* NULL: it is closed */
    struct link *in, *out;
};

struct pair {
    async_loop *loop;
    struct end a, b;
    struct link a_to_b, b_to_a;
    uint64_t random; /* state of the generator; 0: chunks are not divided */
    bool is_reset;
    unsigned uses; /* streams, and calls that are not over */
    struct pair *next;
};

/* The pairs of this thread. */
static __thread struct pair *pairs;

size_t pipe_waits(void)
{
    size_t count = 0;
    for (const struct pair *pair = pairs; pair != NULL; pair = pair->next) {
        if (pair->loop != async_get_loop())
            continue;
        count += pair->a.stream != NULL ? asyncp_stream_waits(pair->a.stream) : 0;
        count += pair->b.stream != NULL ? asyncp_stream_waits(pair->b.stream) : 0;
    }
    return count;
}

/* ---- life ----------------------------------------------------------------------------------- */

static void free_arrivals(struct link *link)
{
    for (struct arrival *next; link->arrivals != NULL; link->arrivals = next) {
        next = link->arrivals->next;
        async_handle_cancel(link->arrivals->timer);
        free(link->arrivals);
    }
}

static void release_pair(struct pair *pair)
{
    if (--pair->uses > 0)
        return;
    struct pair **place = &pairs;
    while (*place != pair)
        place = &(*place)->next;
    *place = pair->next;
    free_arrivals(&pair->a_to_b);
    free_arrivals(&pair->b_to_a);
    free(pair->a_to_b.ring);
    free(pair->b_to_a.ring);
    free(pair);
}

/* It may close the stream. */
static void tell(struct end *end, bool readable, bool writable)
{
    if (end->stream != NULL)
        asyncp_stream_ready(end->stream, readable, writable);
}

/* Both ends fail from now on; what has arrived can be read before. */
static void reset_pair(struct pair *pair)
{
    if (pair->is_reset)
        return;
    pair->is_reset = true;
    tell(&pair->a, true, true);
    tell(&pair->b, true, true);
}

/* ---- bytes ---------------------------------------------------------------------------------- */

static uint64_t draw(struct pair *pair)
{
    pair->random ^= pair->random << 13;
    pair->random ^= pair->random >> 7;
    pair->random ^= pair->random << 17;
    return pair->random;
}

static void arrive(struct link *link, size_t size, bool is_end)
{
    struct pair *pair = link->writer->pair;
    size_t reset_after = link->options.reset_after, end_after = link->options.end_after;
    pair->uses++;
    link->arrived += size;
    link->come += size;
    link->has_ended |= is_end || (end_after > 0 && link->come == end_after);
    if (reset_after > 0 && link->come == reset_after)
        reset_pair(pair);
    tell(link->reader, true, false);
    release_pair(pair);
}

/*
 * Timers that are due at the same moment fire in any order if there is a seed; bytes and the end
 * arrive in the order in which they were sent. So the oldest arrival is delivered, and what the
 * arrivals between that and this one carry moves up by one place.
 */
static void handle_arrival(void *context)
{
    struct arrival *arrival = context;
    struct link *link = arrival->link;
    struct arrival **place = &link->arrivals;
    size_t size = link->arrivals->size;
    bool is_end = link->arrivals->is_end;
    for (; *place != arrival; place = &(*place)->next) {
        (*place)->size = (*place)->next->size;
        (*place)->is_end = (*place)->next->is_end;
    }
    *place = arrival->next;
    if (arrival->next == NULL)
        link->arrivals_end = place;
    free(arrival);
    arrive(link, size, is_end);
}

/* Lets bytes, or the end, arrive after the delay of the link. 0 or -ENOMEM. */
static int send(struct link *link, size_t size, bool is_end)
{
    if (link->options.delay <= 0) {
        arrive(link, size, is_end);
        return 0;
    }
    struct arrival *arrival = calloc(1, sizeof *arrival);
    if (arrival == NULL)
        return -ENOMEM;
    *arrival = (struct arrival){.link = link, .size = size, .is_end = is_end};
    arrival->timer = async_call_later(link->options.delay, handle_arrival, arrival);
    if (arrival->timer.id == 0) {
        free(arrival);
        return -ENOMEM;
    }
    *link->arrivals_end = arrival;
    link->arrivals_end = &arrival->next;
    return 0;
}

static void copy_in(struct link *link, const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        link->ring[(link->start + link->stored + i) % link->capacity] = data[i];
    link->stored += size;
    link->written += size;
}

static void copy_out(struct link *link, char *buffer, size_t size)
{
    for (size_t i = 0; i < size; i++)
        buffer[i] = link->ring[(link->start + i) % link->capacity];
    link->start = (link->start + size) % link->capacity;
    link->stored -= size;
    link->arrived -= size;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many of the bytes are passed on; the others are dropped. */
static size_t count_passed(const struct link *link, size_t size)
{
    size_t limit = SIZE_MAX;
    if (link->options.end_after > 0)
        limit = link->options.end_after;
    if (link->options.reset_after > 0)
        limit = smaller(limit, link->options.reset_after);
    return smaller(size, limit - link->written);
}

/* ---- the medium of a stream ----------------------------------------------------------------- */

static int pipe_read(void *state, void *buffer, size_t size)
{
    struct end *end = state;
    struct link *link = end->in;
    struct pair *pair = end->pair;
    if (link->arrived == 0) {
        if (pair->is_reset)
            return -ECONNRESET;
        return link->has_ended ? 0 : -EAGAIN;
    }
    size_t most = link->options.max_chunk;
    if (most == 0)
        most = pair->random != 0 ? link->arrived : SIZE_MAX;
    if (pair->random != 0)
        most = 1 + (size_t)(draw(pair) % most);
    size = smaller(smaller(size, most), link->arrived);
    copy_out(link, buffer, size);
    if (link->is_full) {
        link->is_full = false;
        tell(link->writer, false, true);
    }
    return (int)size;
}

static int pipe_write(void *state, const void *data, size_t size)
{
    struct end *end = state;
    struct link *link = end->out;
    struct pair *pair = end->pair;
    if (pair->is_reset)
        return -ECONNRESET;
    if (link->reader->stream == NULL)
        return -EPIPE;
    size = smaller(size, INT32_MAX);
    size_t room = link->capacity - link->stored;
    size_t passed = count_passed(link, size); /* dropped bytes need no room */
    link->is_full = passed > room;            /* after a part, too, the stream waits to be told */
    if (link->is_full && room == 0)
        return -EAGAIN;
    if (link->is_full)
        size = passed = room;
    if (passed == 0)
        return (int)size;
    copy_in(link, data, passed);
    int result = send(link, passed, false);
    if (result < 0) {
        link->stored -= passed;
        link->written -= passed;
    }
    return result < 0 ? result : (int)size;
}

/*
 * The flag is set before: an end that arrives at once may close both streams, and frees the link
 * then. After an error nothing was sent, and the close of the stream tries again.
 */
static int pipe_shut_down(void *state)
{
    struct end *end = state;
    struct link *link = end->out;
    if (link->end_is_under_way || end->pair->is_reset)
        return 0;
    link->end_is_under_way = true;
    int result = send(link, 0, true);
    if (result < 0)
        link->end_is_under_way = false;
    return result;
}

static void pipe_close(void *state, bool is_cut)
{
    struct end *end = state;
    struct pair *pair = end->pair;
    struct end *peer = end->in->writer;
    end->stream = NULL;
    if (is_cut || end->in->stored > 0)
        reset_pair(pair);
    else if (async_get_loop() != NULL && peer->stream != NULL && pipe_shut_down(end) < 0)
        reset_pair(pair);
    tell(peer, false, true);
    release_pair(pair);
}

static const struct asyncp_medium pipe_calls = {
    .read = pipe_read, .write = pipe_write, .shut_down = pipe_shut_down, .close = pipe_close};

/* ---- making --------------------------------------------------------------------------------- */

static bool is_link(const async_test_link *link)
{
    return link->delay >= 0 && link->delay < ASYNC_FOREVER;
}

static int init_link(struct link *link, const async_test_link *options, struct end *writer,
                     struct end *reader)
{
    *link = (struct link){.options = *options, .writer = writer, .reader = reader};
    link->arrivals_end = &link->arrivals;
    link->capacity = options->capacity > 0 ? options->capacity : DEFAULT_CAPACITY;
    link->ring = malloc(link->capacity);
    writer->out = reader->in = link;
    return link->ring != NULL ? 0 : -ENOMEM;
}

/* The stream of an end. 0 or -errno. */
static int open_end(struct end *end, const char *name)
{
    int fd = memfd_create(name, MFD_CLOEXEC);
    int result = fd >= 0 ? asyncp_stream_of_medium(&end->stream, fd, &pipe_calls, end) : -errno;
    if (result < 0 && fd >= 0)
        close(fd);
    end->pair->uses += result == 0;
    return result;
}

static int open_pair(struct pair *pair, const async_test_pipe_options *options)
{
    ASYNC_TRY(init_link(&pair->a_to_b, &options->a_to_b, &pair->a, &pair->b));
    ASYNC_TRY(init_link(&pair->b_to_a, &options->b_to_a, &pair->b, &pair->a));
    ASYNC_TRY(open_end(&pair->a, "stream a of async_test_pipe"));
    return open_end(&pair->b, "stream b of async_test_pipe");
}

int async_test_pipe(async_stream **a, async_stream **b, const async_test_pipe_options *options)
{
    static const async_test_pipe_options defaults;
    if (a != NULL && b != NULL)
        *a = *b = NULL;
    if (options == NULL)
        options = &defaults;
    if (a == NULL || b == NULL || async_get_loop() == NULL || !is_link(&options->a_to_b) ||
        !is_link(&options->b_to_a))
        return async_fail(-EINVAL, "async_test_pipe: no loop, no place for the streams, or a delay "
                                   "that is not a number of seconds");
    struct pair *pair = calloc(1, sizeof *pair);
    if (pair == NULL)
        return -ENOMEM;
    pair->a.pair = pair->b.pair = pair;
    pair->loop = async_get_loop();
    pair->random = options->seed != 0 ? options->seed : async_test_seed();
    pair->uses = 1;
    pair->next = pairs;
    pairs = pair;
    int result = open_pair(pair, options);
    if (result < 0 && pair->a.stream != NULL)
        async_stream_close(pair->a.stream);
    else if (result == 0) {
        *a = pair->a.stream;
        *b = pair->b.stream;
    }
    release_pair(pair);
    return result;
}
