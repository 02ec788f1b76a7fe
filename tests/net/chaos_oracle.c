/*
 * chaos_oracle.c: what the headers promise, as checks. W is the side that writes a direction, R the
 * side that reads it.
 *
 * A byte         is the one that W wrote at this place: none is missing, doubled, moved or changed.
 * The end (0)    only after W has ended in order (write_eof, close, wait_closed, close_clients),
 *                and after every byte that W's calls accepted. Bytes of a call that failed (a
 *                sendfile that was cancelled, a write without memory) may come or not. With
 *                shutdown(2) outside the stream the end may come after what the kernel had, unless
 *                the layer has a message for the end. A close_clients of R's own is an end at any
 *                place. A Unix socket has no reset: an abort of W's can be an end after a part.
 * wait_closed    0: R finds every byte, if it reads on to the end. An error: R has aborted, reset
 *                or closed before it had read all; or a write of W's failed; or shutdown(2), abort,
 *                a shortage of memory at W. It is an error if a write of W's, or a read without a
 *                layer, has met one before.
 * drain          0: no more is pending than the high water mark, unless another task has written
 *                meanwhile.
 *
 *   error           reads of R                      writes, drain, sendfile of W
 *   -ECANCELED      the task was cancelled          the same
 *   -ETIMEDOUT      inside a timeout                the same
 *   -EBADF          R was closed                    W was closed
 *   -ECONNABORTED   R was aborted                   W was aborted; its layer has failed before
 *   -EBUSY          another task reads              a sendfile or start_tls is under way
 *   -ENOMEM         memory was short                the same
 *   -EPIPE          a write of R's has failed       W has ended or was shut down; R is closed
 *   -ECONNRESET     W has aborted or reset, or      the same of R; with a message for the end:
 *                   was closed with unread bytes    any end of W's
 *   -ENODATA        as the end (0), bytes left
 *   -EPROTO         TLS: R was shut down outside the stream, of which its peer complains
 */
#include "chaos.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- bytes ---------------------------------------------------------------------------------- */

/* Two copies, so that every window is in one piece. One byte in 61 ends a line; none is zero. */
static const char *the_table(void)
{
    static char table[2 * CHAOS_TABLE_BYTES];
    uint32_t random = 2463534242u;
    if (table[0] != 0)
        return table;
    for (size_t i = 0; i < CHAOS_TABLE_BYTES; i++) {
        uint32_t value = chaos_draw(&random, UINT32_MAX);
        table[i] = table[i + CHAOS_TABLE_BYTES] = value % 61 == 0 ? '\n'
                                                                  : (char)(1 + (value >> 8) % 255);
    }
    return table;
}

const char *chaos_bytes(const struct flow *flow, size_t place)
{
    return the_table() + (flow->origin + place) % CHAOS_TABLE_BYTES;
}

void chaos_check_bytes(const struct side *side, size_t place, const void *data, size_t size,
                       const char *call)
{
    const struct flow *in = side->in;
    if (place + size > in->accepted + in->uncertain)
        chaos_fail(side->round, "side %d: %s gives bytes %zu to %zu, but %zu were written",
                   side->serves, call, place, place + size, in->accepted + in->uncertain);
    for (size_t i = 0; i < size; i++)
        if (((const char *)data)[i] != chaos_bytes(in, place)[i])
            chaos_fail(side->round, "side %d: %s: byte %zu is not the one that was written",
                       side->serves, call, place + i);
}

/* ---- ends and errors ------------------------------------------------------------------------ */

/* Whether this side reads through a layer that recognises the peer's end message. */
static bool needs_goodbye(const struct side *reader)
{
    return reader->round->kind->has_goodbye && reader->secured;
}

/*
 * Bytes that come before an end: all that were accepted; or those that the kernel had at a
 * shutdown(2).
 */
static size_t fewest_before_end(const struct side *writer)
{
    const struct flow *flow = writer->out;
    bool can_cut = !needs_goodbye(writer->other) &&
                   (writer->shut || (writer->aborted && !writer->round->kind->is_tcp));
    return can_cut ? writer->at_cut : flow->accepted;
}

void chaos_check_end(const struct side *side, size_t unread, const char *call)
{
    const struct side *writer = side->other;
    size_t came = side->in->got + unread;
    bool said = needs_goodbye(side) ? writer->ended && writer->secured
                                    : writer->ended || writer->aborted || writer->shut;
    if (side->hung_up)
        return;
    if (!said)
        chaos_fail(side->round, "side %d: %s finds an end that the peer has not said", side->serves,
                   call);
    if (came < fewest_before_end(writer))
        chaos_fail(side->round, "side %d: %s finds an end after %zu of %zu bytes", side->serves,
                   call, came, fewest_before_end(writer));
}

static bool has_unread(const struct flow *flow)
{
    return flow->got < flow->accepted + flow->uncertain;
}

/* Whether the peer has cut the connection, or its system has. */
static bool peer_has_cut(const struct side *side)
{
    const struct side *peer = side->other;
    bool without_goodbye = needs_goodbye(side) &&
                           (peer->shut || peer->failed != 0 || !peer->secured);
    bool drops = peer->failed != 0 ||
                 (peer->shut && peer->at_close > 0); /* and so closes by a reset */
    return peer->aborted || peer->resets || (peer->closed && (drops || has_unread(side->out))) ||
           without_goodbye;
}

static bool is_justified(const struct side *side, int error, unsigned during)
{
    const struct side *peer = side->other;
    switch (error) {
    case -ECANCELED:
        return async_task_cancelling(async_current_task()) > 0;
    case -ETIMEDOUT:
        return (during & DURING_TIMEOUT) != 0;
    case -EBADF:
        return side->closed;
    case -ECONNABORTED:
        return side->aborted;
    case -EBUSY:
        return (during & DURING_WRITE) != 0 ? side->exclusive > 0 : side->readers > 1;
    case -ENOMEM:
        return side->round->shortage;
    case -EPIPE:
        return side->ended || side->shut || peer->closed || peer->aborted || peer->resets;
    case -ECONNRESET:
        return peer_has_cut(side) ||
               ((during & DURING_SECURE) != 0 && (peer->ended || peer->shut || peer->broken));
    case -EPROTO: /* the peer's TLS reports an end without close_notify by an alert */
        return needs_goodbye(side) && side->shut;
    default:
        return false;
    }
}

void chaos_check_error(const struct side *side, int error, unsigned during, const char *call)
{
    if (!is_justified(side, error, during))
        chaos_fail(side->round, "side %d: %s: %s, for which there is no reason", side->serves, call,
                   async_strerror(error));
}

/* ---- when all is over ----------------------------------------------------------------------- */

/* Whether this side has done nothing that allows the loss of bytes it wrote. */
static bool promises_all(const struct side *writer)
{
    return writer->ended && !writer->aborted && !writer->shut && !writer->broken &&
           !writer->round->shortage && writer->out->uncertain == 0;
}

static void check_flow(const struct side *writer)
{
    const struct chaos_round *round = writer->round;
    const struct flow *flow = writer->out;
    const struct side *reader = writer->other;
    /* shutdown(2) makes a write of the reader's fail, and that ends its reading */
    bool was_read = flow->over && !flow->lost && !reader->hung_up && !reader->aborted &&
                    !reader->shut;
    bool arrived = flow->got == flow->accepted;
    if (was_read && !arrived && promises_all(writer) && !writer->resets)
        chaos_fail(round, "side %d ended in order, and its peer found %zu of %zu bytes and then %s",
                   writer->serves, flow->got, flow->accepted, async_strerror(flow->final));
    if (was_read && !arrived && writer->waited && writer->wait_closed == 0 &&
        flow->uncertain == 0 && !writer->shut)
        chaos_fail(round,
                   "side %d: wait_closed said 0, and the peer found %zu of %zu bytes and then %s",
                   writer->serves, flow->got, flow->accepted, async_strerror(flow->final));
}

static void check_wait_closed(const struct side *side)
{
    int result = side->wait_closed;
    if (!side->waited)
        return;
    bool has_met_reset = side->in->over && side->in->final == -ECONNRESET && !side->secured;
    if (result == 0 && (side->failed != 0 || has_met_reset))
        chaos_fail(side->round, "side %d: wait_closed said 0 after an error", side->serves);
    if (result == 0)
        return;
    bool went_wrong = side->failed != 0 || has_unread(side->out) || side->other->resets ||
                      side->other->aborted || side->shut || side->aborted || side->broken ||
                      side->round->shortage || side->other->failed != 0 ||
                      (needs_goodbye(side) && (side->other->shut || side->other->broken));
    if (!went_wrong)
        chaos_fail(side->round, "side %d: wait_closed: %s, although all was read", side->serves,
                   async_strerror(result));
}

void chaos_check_round(const struct chaos_round *round)
{
    for (int i = 0; i < 2; i++) {
        check_flow(&round->sides[i]);
        check_wait_closed(&round->sides[i]);
    }
}

static void print_side(const struct side *side)
{
    const struct {
        bool holds;
        const char *word;
    } words[] = {
        {side->secured, "secured"},  {side->broken, "broken"},   {side->ended, "ended"},
        {side->closed, "closed"},    {side->aborted, "aborted"}, {side->hung_up, "hung up"},
        {side->resets, "resets"},    {side->shut, "shut"},       {side->exclusive > 0, "exclusive"},
        {side->draining, "draining"}};
    fprintf(stderr, "  side %d:", side->serves);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (words[i].holds)
            fprintf(stderr, " %s", words[i].word);
    fprintf(stderr,
            "; wrote %zu (%zu in the clear, %zu uncertain, %zu before the cut, %zu pending at the "
            "close)",
            side->out->accepted, side->out->clear, side->out->uncertain, side->at_cut,
            side->at_close);
    fprintf(stderr, ", read %zu, then %d (%s); a write failed: %d; wait_closed (%d): %d\n",
            side->in->got, side->in->final, side->in->over ? "final" : "not over", side->failed,
            side->waited, side->wait_closed);
}

void chaos_fail(const struct chaos_round *round, const char *format, ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    print_side(&round->sides[0]);
    print_side(&round->sides[1]);
    test_fail(__FILE__, __LINE__, "%s; CHAOS_SEED=%u CHAOS_ROUNDS=1 plays it again%s", text,
              round->seed, round->shortage ? " (memory was short)" : "");
}
