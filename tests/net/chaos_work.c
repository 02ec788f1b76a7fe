/*
 * chaos_work.c: the tasks of a side: they read and write in every way there is, with pauses and
 * timeouts between, and may be cancelled at any moment. Another task may close the stream at any
 * switch; then side->stream is NULL.
 */
#include "chaos.h"

#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 2000, MAX_READ = 70000, MAX_TEXT = 600, MAX_WRITTEN = 150000 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Mostly small, now and then large. */
static size_t draw_size(uint32_t *random, size_t most)
{
    uint32_t kind = chaos_draw(random, 20);
    size_t below = kind < 12 ? 300 : kind < 18 ? 6000 : most;
    return 1 + chaos_draw(random, (uint32_t)least(below, most));
}

static int pause_randomly(uint32_t *random)
{
    uint32_t kind = chaos_draw(random, 40);
    uint32_t turns = kind < 20 ? 0 : kind < 39 ? chaos_draw(random, 4) : chaos_draw(random, 100);
    for (; turns > 0; turns--)
        ASYNC_TRY(async_sleep(0));
    return 0;
}

/* For the next call, and whatever runs while it waits; now and then. */
static void shorten_memory(struct chaos_round *round, uint32_t *random)
{
    if (!chaos_once_in(random, 400))
        return;
    round->shortage = true;
    test_allow_allocations((long)chaos_draw(random, 3));
}

/* ---- reading -------------------------------------------------------------------------------- */

enum way { READ, BORROW, PEEK, EXACTLY, LINE, BORROW_LINE, UNTIL, WAYS };

static const char *const ways[] = {"read",     "borrow",      "peek",     "readexactly",
                                   "readline", "borrow_line", "readuntil"};

/* Two newlines in a row are rare, so that some of these are long. */
static const char *const separators[] = {"\n\n", "ab", "\n"};

struct reading {
    enum way way;
    size_t size;      /* asked for */
    size_t count;     /* of separators */
    const char *data; /* the bytes received */
    int result;       /* of the call */
    bool in_timeout;  /* the call is in one */
    double seconds;   /* which */
    char buffer[MAX_READ + 1];
};

static int call_it(struct reading *reading, async_stream *stream)
{
    reading->data = reading->buffer;
    switch (reading->way) {
    case BORROW:
        return async_stream_borrow(stream, &reading->data);
    case PEEK:
        return async_stream_peek(stream, &reading->data, reading->size);
    case EXACTLY:
        return async_stream_readexactly(stream, reading->buffer, reading->size);
    case LINE:
        return async_stream_readline(stream, reading->buffer, reading->size + 1);
    case BORROW_LINE:
        return async_stream_borrow_line(stream, &reading->data);
    case UNTIL:
        return async_stream_readuntil_n(stream, reading->buffer, reading->size,
                                        separators + (3 - reading->count), reading->count);
    default:
        return async_stream_read(stream, reading->buffer, reading->size);
    }
}

/*
 * A layer must not be put on behind its first byte: up to there only calls that take no more than
 * they say.
 */
static void choose(struct reading *reading, const struct side *side, uint32_t *random)
{
    const enum way exact[] = {READ, PEEK, EXACTLY}, simple[] = {READ, BORROW};
    bool is_limited = side->in->limit < SIZE_MAX;
    reading->way = is_limited       ? exact[chaos_draw(random, 3)]
                   : side->draining ? simple[chaos_draw(random, 2)]
                                    : (enum way)chaos_draw(random, WAYS);
    size_t most = reading->way == LINE || reading->way == UNTIL ? LINE_BYTES : MAX_READ;
    reading->size = draw_size(random, least(most, side->in->limit - side->in->got));
    reading->count = 1 + chaos_draw(random, 3);
    reading->in_timeout = chaos_once_in(random, 12);
    reading->seconds = chaos_draw(random, 3) * 0.0001;
}

/* The place of the first separator's end in data[0..size); 0: not found. */
static size_t find_separator(const struct reading *reading, const char *data, size_t size)
{
    const char *const newline[] = {"\n"};
    const char *const *texts = reading->way == UNTIL ? separators + (3 - reading->count) : newline;
    size_t count = reading->way == UNTIL ? reading->count : 1, first = 0;
    for (size_t i = 0; i < count; i++) {
        const char *found = memmem(data, size, texts[i], strlen(texts[i]));
        size_t end = found != NULL ? (size_t)(found - data) + strlen(texts[i]) : 0;
        first = end > 0 && (first == 0 || end < first) ? end : first;
    }
    return first;
}

/* Checks that the call gave as many bytes as it promises; fewer are allowed only at the end. */
static void check_length(const struct reading *reading, const struct side *side)
{
    size_t size = (size_t)reading->result;
    bool is_separated = reading->way == LINE || reading->way == BORROW_LINE ||
                        reading->way == UNTIL;
    size_t end = is_separated ? find_separator(reading, reading->data, size) : size;
    bool too_much = size > reading->size && reading->way != BORROW && reading->way != PEEK &&
                    reading->way != BORROW_LINE;
    bool is_short = (reading->way == EXACTLY || reading->way == PEEK) && size < reading->size;
    bool no_zero = reading->way == LINE && reading->buffer[size] != 0;
    if (too_much || no_zero || (reading->way == EXACTLY && is_short) || (end > 0 && end < size) ||
        (end == 0 && reading->way == UNTIL))
        chaos_fail(side->round, "side %d: %s of %zu gives %zu bytes, a separator at %zu",
                   side->serves, ways[reading->way], reading->size, size, end);
    if (is_short || end == 0)
        chaos_check_end(side, size, ways[reading->way]);
}

/* Borrowed bytes stay unchanged until the next call that reads. */
static int check_loan(const struct reading *reading, const struct side *side, size_t place,
                      size_t size, uint32_t *random)
{
    uint32_t calls = side->read_calls;
    int result = pause_randomly(random);
    if (side->stream != NULL && !side->aborted && side->read_calls == calls)
        chaos_check_bytes(side, place, reading->data, size, "what was lent");
    return result;
}

/* Some bytes came. 0, or -ECANCELED. */
static int take(const struct reading *reading, struct side *side, uint32_t *random)
{
    size_t size = (size_t)reading->result, place = side->in->got;
    check_length(reading, side);
    size = least(size,
                 /* the bytes behind those that peek returned are for the layer */
                 side->in->limit - place);
    chaos_check_bytes(side, place, reading->data, size, ways[reading->way]);
    if (reading->way == PEEK) {
        size_t taken = chaos_once_in(random, 3) ? size : chaos_draw(random, (uint32_t)size + 1);
        async_stream_consume(side->stream, taken);
        side->in->got += taken;
    } else {
        side->in->got += size;
    }
    if (side->in->got == size + place && reading->data != reading->buffer)
        return check_loan(reading, side, place, size, random);
    return 0;
}

static void set_final(struct side *side, int result)
{
    struct flow *in = side->in;
    /* the failure of a write; later bytes can still be read */
    bool may_change = in->final == -EPIPE;
    if (in->over && !may_change && in->final != result && result != -ECONNABORTED &&
        result != -EBADF)
        chaos_fail(side->round, "side %d: a read says %d after %d", side->serves, result,
                   in->final);
    if (result == -EBADF) /* the stream was closed; the bytes that it held are unknown */
        return;
    in->over = true;
    in->final = result;
}

/* Nothing came. 0: another call may do; 1: none will; -ECANCELED. */
static int take_failure(const struct reading *reading, struct side *side)
{
    int result = reading->result;
    const char *call = ways[reading->way];
    if (result == -EMSGSIZE && (reading->way == LINE || reading->way == UNTIL))
        return 0;
    if (result == 0 || (result == -ENODATA && (reading->way == EXACTLY || reading->way == UNTIL))) {
        if (result == 0)
            chaos_check_end(side, 0, call);
        side->draining = true;
        if (result == 0)
            set_final(side, 0);
        return result == 0;
    }
    chaos_check_error(side, result, DURING_READ | (reading->in_timeout ? DURING_TIMEOUT : 0), call);
    if (result == -ETIMEDOUT || result == -ENOMEM)
        return 0;
    if (result == -ECANCELED)
        return result;
    if (result == -EBUSY)
        return 1;
    bool leaves_some = reading->way != READ && reading->way != BORROW && result != -EBADF;
    side->draining = true;
    if (!leaves_some)
        set_final(side, result);
    return !leaves_some;
}

static int read_once(struct side *side, uint32_t *random)
{
    struct reading reading;
    choose(&reading, side, random);
    side->readers++;
    side->read_calls++;
    shorten_memory(side->round, random);
    reading.result = reading.in_timeout
                         ? async_timeout(reading.seconds, call_it(&reading, side->stream))
                         : call_it(&reading, side->stream);
    test_allow_allocations(-1);
    if (reading.result > 0 && side->stream == NULL)
        chaos_fail(side->round, "side %d: %s gives %d bytes of a stream that was closed",
                   side->serves, ways[reading.way], reading.result);
    int result = reading.result > 0 ? take(&reading, side, random) : take_failure(&reading, side);
    side->readers--;
    return result;
}

/* Reads the rest in one call; if it fails, the bytes that it received are lost. */
static int read_rest(struct side *side, uint32_t *random)
{
    char *text;
    size_t limit = chaos_once_in(random, 4) ? 1000 : CHAOS_MOST_BYTES;
    side->readers++;
    side->read_calls++;
    int result = async_stream_read_all(side->stream, &text, limit);
    side->readers--;
    if (result < 0) {
        CHECK(text == NULL);
        side->in->lost = true;
        if (result != -EMSGSIZE)
            chaos_check_error(side, result, DURING_READ, "read_all");
        return 1;
    }
    chaos_check_bytes(side, side->in->got, text, (size_t)result, "read_all");
    side->in->got += (size_t)result;
    free(text);
    chaos_check_end(side, 0, "read_all");
    set_final(side, 0);
    return 1;
}

int chaos_read(struct side *side, uint32_t random)
{
    int result = 0;
    while (result == 0 && side->stream != NULL && !side->in->lost &&
           side->in->got < side->in->limit) {
        if (side->finishing && !side->draining && side->readers == 0 && chaos_once_in(&random, 30))
            result = read_rest(side, &random);
        else
            result = read_once(side, &random);
        if (result == 0)
            result = pause_randomly(&random);
    }
    return 0;
}

/* ---- writing -------------------------------------------------------------------------------- */

/* A write after the end is the program's mistake, and says nothing of the connection. */
static void note_failure(struct side *side, int result)
{
    if (result != -EPIPE || !side->ended)
        side->failed = result;
}

/* A call that writes size bytes has returned. 0: more may be written; 1: no more. */
static int note_written(struct side *side, size_t size, int result, const char *call)
{
    struct flow *out = side->out;
    if (result >= 0) {
        out->accepted += size;
        return 0;
    }
    chaos_check_error(side, result, DURING_WRITE, call);
    if (side->stream == NULL || result == -EBUSY)
        return result != -EBUSY;
    if (result == -ENOMEM && async_stream_write(side->stream, "", 0) == 0)
        return 0; /* none of it was written, and the connection is unchanged */
    if (result == -ENOMEM)
        out->uncertain += size;
    note_failure(side, result);
    return 1;
}

static int write_parts(struct side *side, const char *bytes, size_t size, uint32_t *random)
{
    size_t half = chaos_draw(random, (uint32_t)size + 1),
           third = chaos_draw(random, (uint32_t)half + 1);
    const struct iovec parts[] = {{(void *)(uintptr_t)bytes, third},
                                  {(void *)(uintptr_t)(bytes + third), half - third},
                                  {(void *)(uintptr_t)(bytes + half), size - half}};
    return async_stream_writev(side->stream, parts, 3);
}

/* How much of the file was sent is known only if the call succeeds. */
static int send_window(struct side *side, const char *bytes, size_t size)
{
    struct flow *out = side->out;
    off_t offset = (off_t)(bytes - chaos_bytes(&(struct flow){0}, 0));
    side->exclusive++;
    side->writes++;
    out->uncertain += size;
    int result = async_stream_sendfile(side->stream, side->round->file, offset, size);
    side->exclusive--;
    if (result >= 0) {
        if ((size_t)result != size)
            chaos_fail(side->round, "side %d: sendfile of %zu sends %d", side->serves, size,
                       result);
        out->uncertain -= size;
        out->accepted += size;
        return 0;
    }
    chaos_check_error(side, result, DURING_WRITE, "sendfile");
    if (result == -EBUSY) {
        out->uncertain -= size;
        return 0;
    }
    if (result != -ECANCELED && side->stream != NULL)
        note_failure(side, result);
    return result == -ECANCELED ? result : 1;
}

static int drain(struct side *side, uint32_t *random)
{
    bool in_timeout = chaos_once_in(random, 6);
    uint32_t writes = side->writes;
    int result = in_timeout ? async_timeout(0.0001, async_stream_drain(side->stream))
                            : async_stream_drain(side->stream);
    if (result == 0) {
        bool is_same = side->stream != NULL && side->writes == writes && side->exclusive == 0;
        if (is_same && async_stream_pending(side->stream) > side->high)
            chaos_fail(side->round, "side %d: drain returns with %zu bytes pending", side->serves,
                       async_stream_pending(side->stream));
        return 0;
    }
    chaos_check_error(side, result, DURING_WRITE | (in_timeout ? DURING_TIMEOUT : 0), "drain");
    if (result == -ETIMEDOUT || result == -ECANCELED)
        return result == -ETIMEDOUT ? 0 : result;
    if (side->stream != NULL)
        note_failure(side, result);
    return 1;
}

static int write_once(struct side *side, uint32_t *random)
{
    struct flow *out = side->out;
    const char *bytes = chaos_bytes(out, out->accepted);
    size_t size = draw_size(random, least(MAX_WRITTEN, out->quota - out->accepted));
    uint32_t way = chaos_draw(random, 20);
    int result;
    if (way == 0)
        return send_window(side, bytes, size);
    shorten_memory(side->round, random);
    side->writes++;
    if (way < 5) {
        size = least(size, MAX_TEXT);
        result = async_stream_printf(side->stream, "%.*s", (int)size, bytes);
        CHECK(result < 0 || result == (int)size);
    } else {
        result = way < 9 ? write_parts(side, bytes, size, random)
                         : async_stream_write(side->stream, bytes, size);
    }
    test_allow_allocations(-1);
    return note_written(side, size, result, "write");
}

/* No call writes behind bytes that may have been sent or not. */
int chaos_write(struct side *side, uint32_t random)
{
    int result = 0;
    while (result == 0 && side->stream != NULL && side->out->accepted < side->out->quota &&
           (side->out->uncertain == 0 || side->exclusive > 0)) {
        result = write_once(side, &random);
        if (result == 0 && side->stream != NULL &&
            (async_stream_pending(side->stream) > 300000 || chaos_once_in(&random, 3)))
            result = drain(side, &random);
        if (result == 0)
            result = pause_randomly(&random);
    }
    return 0;
}
