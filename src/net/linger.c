/*
 * net/linger.c: the lingering close. A kernel that closes a socket with unread input, or receives
 * more input afterwards, resets the connection, and what the peer has not received by then is lost.
 * So a stream that has sent everything tells the peer the end, reads and drops what still comes,
 * and closes the socket when nothing can be lost any more:
 *
 *      the peer has ended                            and its system has acknowledged everything; or
 *      the peer sends nothing, there is no layer     and its system has acknowledged everything; or
 *      the limit of time or of dropped bytes is reached
 *
 * Input is dropped already while the rest is being sent: two sides that close, each with more to
 * send than the kernels take, would wait for each other otherwise. The kernel reports no
 * acknowledgements, so while some are missing they are asked for after pauses.
 */
#include "net/stream.h"
#include "sys/socket.h"

enum { DROPS_IN_A_ROW = 8, MOST_DROPPED = 16 * 1024 * 1024 };
static const int64_t FIRST_PAUSE_NS = 1000000, LONGEST_PAUSE_NS = 100000000;
static const int64_t END_NS = 3000000000; /* for the peer's end, when everything was acknowledged */
static const int64_t PROGRESS_NS =
    30000000000; /* for acknowledgements, as for a peer that takes nothing */

/*
 * Reads what has come. 0: the peer's end; -EAGAIN: nothing more for now; above 0: there may be
 * more; or -errno.
 */
static int drop_input(struct async_stream *stream)
{
    struct block *block = asyncp_block_take(&stream->loop->blocks);
    int result = 1;
    if (block == NULL)
        return -ENOMEM;
    for (int tries = 0; tries < DROPS_IN_A_ROW && result > 0; tries++) {
        result = asyncp_input_receive(stream, block->bytes, block->capacity);
        stream->linger.dropped += result > 0 ? (size_t)result : 0;
    }
    asyncp_block_give(&stream->loop->blocks, block);
    stream->linger.heard = stream->linger.heard || stream->linger.dropped > 0;
    return result;
}

/* Bytes of the program's that the peer's system has not acknowledged. */
static size_t unacknowledged(const struct async_stream *stream)
{
    int bytes = stream->is_tcp ? asyncp_sys_unacknowledged(stream->pollable.source.fd) : 0;
    int of_the_end = stream->ended && stream->layer == NULL ? 1 : stream->linger.active;
    return bytes > of_the_end ? (size_t)bytes : 0;
}

/*
 * Asks what is acknowledged. While something is missing the limit begins anew with each progress.
 */
static void look(struct async_stream *stream)
{
    struct lingering *linger = &stream->linger;
    size_t before = linger->unacknowledged, now = unacknowledged(stream);
    int64_t limit_ns = now > 0 ? PROGRESS_NS : END_NS;
    if (now != before)
        linger->until_ns = asyncp_now(stream->loop) + limit_ns;
    linger->unacknowledged = now;
}

/* Whether nothing can be lost by a close. */
static bool is_safe(const struct async_stream *stream)
{
    const struct lingering *linger = &stream->linger;
    bool peer_is_silent = !linger->heard && stream->layer == NULL;
    return linger->unacknowledged == 0 && (linger->peer_ended || peer_is_silent);
}

/*
 * The close comes too early for what is not acknowledged: wait_closed returns this error. Returns
 * true.
 */
static bool give_up(struct async_stream *stream, int error)
{
    if (stream->linger.unacknowledged > 0)
        stream->write_error = error;
    return true;
}

/*
 * Reads, looks, and decides. Whether the stream is to end. Behind the peer's end only the socket's
 * error can come.
 */
static bool is_over(struct async_stream *stream)
{
    struct lingering *linger = &stream->linger;
    int result = linger->peer_ended ? asyncp_sys_socket_error(stream->pollable.source.fd)
                                    : drop_input(stream);
    look(stream);
    if (result < 0 && result != -EAGAIN)
        return give_up(stream, result);
    linger->peer_ended = result == 0;
    if (is_safe(stream))
        return true;
    if (linger->dropped > MOST_DROPPED)
        return give_up(stream, -ECONNABORTED);
    if (asyncp_now(stream->loop) >= linger->until_ns)
        return give_up(stream, -ETIMEDOUT);
    if (result > 0)
        stream_put_off(stream);
    return false;
}

/* Sets the timer for the next look. 0 or -ENOMEM. */
static int set_timer(struct async_stream *stream)
{
    struct lingering *linger = &stream->linger;
    int64_t next_ns = asyncp_now(stream->loop) + linger->pause_ns;
    if (linger->unacknowledged == 0 || next_ns > linger->until_ns)
        next_ns = linger->until_ns;
    if (linger->pause_ns < LONGEST_PAUSE_NS)
        linger->pause_ns *= 2;
    asyncp_timer_clear(stream->loop, &stream->patience);
    return asyncp_timer_set(stream->loop, &stream->patience, next_ns);
}

/* Whether the stream is to go on for a while. */
static bool goes_on(struct async_stream *stream)
{
    return !is_over(stream) && (set_timer(stream) == 0 || !give_up(stream, -ENOMEM));
}

void asyncp_linger_continue(struct async_stream *stream)
{
    ASSERT(stream->linger.active && stream->closing);
    if (!goes_on(stream))
        asyncp_stream_end(stream);
}

/* Whether a close loses nothing, which is known before the peer is told of the end. */
static bool can_close_now(struct async_stream *stream)
{
    bool peer_is_done = stream->socket_ended || (stream->at_end && !stream->hung_up);
    bool is_dead = stream->pollable.source.fd < 0 || stream->write_error != 0 ||
                   stream->socket_error != 0;
    if (peer_is_done || is_dead)
        return true;
    stream->linger.unacknowledged = unacknowledged(stream);
    return !pollable_is_ready(&stream->pollable, SIDE_READ) && is_safe(stream);
}

/* Tells the peer the end. false: the connection is gone, and the socket was asked why. */
static bool shut_down(struct async_stream *stream)
{
    if (asyncp_sys_shutdown(stream->pollable.source.fd, SHUT_WR) == 0)
        return true;
    async_ignore(drop_input(stream));
    return false;
}

void asyncp_linger_hear(struct async_stream *stream)
{
    ASSERT(stream->closing && !stream->linger.active);
    if (drop_input(stream) > 0)
        stream_put_off(stream);
}

bool asyncp_linger_begin(struct async_stream *stream)
{
    struct lingering *linger = &stream->linger;
    ASSERT(!linger->active && output_is_done(stream));
    linger->dropped = 0;
    asyncp_timer_clear(stream->loop, &stream->patience); /* with a peer that took nothing */
    if (can_close_now(stream) || !shut_down(stream))
        return false;
    linger->active = true;
    linger->pause_ns = FIRST_PAUSE_NS;
    linger->until_ns = asyncp_now(stream->loop) +
                       (linger->unacknowledged > 0 ? PROGRESS_NS : END_NS);
    if (goes_on(stream)) {
        stream->loop->poller.in_flight++;
        return true;
    }
    linger->active = false;
    return false;
}
