/*
 * net/linger.c: the lingering close. A kernel that closes a socket with unread input, or receives
 * more input afterwards, resets the connection; data not yet received by the peer is lost. So a
 * stream first sends everything and tells the peer the end. Then it reads and drops further input,
 * and closes the socket when nothing can be lost any more:
 *
 *      the peer has ended                            and its system has acknowledged everything; or
 *      the peer sends nothing, there is no layer     and its system has acknowledged everything; or
 *      the limit of time or of dropped bytes is reached
 *
 * Input is dropped already while the rest is being sent: two sides that close, each with more to
 * send than the kernels take, would wait for each other otherwise. The kernel does not report
 * acknowledgements, so while some are missing they are asked for after pauses.
 */
#include "net/linger.h"

enum { MAX_DROPS = 8, MAX_DROPPED = 16 * 1024 * 1024 };
static const int64_t FIRST_PAUSE_NS = 1000000, MAX_PAUSE_NS = 100000000;

/* For the peer's end; and for acknowledgements, as long as CLOSE_TIMEOUT_NS (stream.c). */
static const int64_t MAX_END_NS = 3000000000, MAX_ACKNOWLEDGE_NS = 30000000000;

void asyncp_linger_init(struct lingering_close *lingering, size_t unread)
{
    *lingering = (struct lingering_close){.peer_sends = unread > 0};
}

/* 0: the peer's end; -EAGAIN: nothing more for now; above 0: there may be more; or -errno. */
static int drop_input(struct lingering_close *lingering, struct layer *layer)
{
    struct async_transport *transport = &layer->transport;
    struct block_pool *pool = &transport_loop(transport)->blocks;
    struct block *block = transport_can_read(transport) ? asyncp_block_take(pool) : NULL;
    if (block == NULL)
        return transport_can_read(transport) ? -ENOMEM : -EAGAIN;
    int result = 1;
    for (int drops = 0; drops < MAX_DROPS && result > 0; drops++) {
        result = asyncp_transport_receive(transport, block->bytes, block->capacity);
        lingering->dropped += result > 0 ? (size_t)result : 0;
    }
    asyncp_block_give(pool, block);
    lingering->peer_sends |= lingering->dropped > 0;
    return result;
}

void asyncp_linger_drop_input(struct lingering_close *lingering, struct layer *layer)
{
    if (drop_input(lingering, layer) > 0)
        transport_put_off(&layer->transport);
}

/* While acknowledgements are missing, the limit begins anew with each one. */
static void check_acknowledged(struct lingering_close *lingering, const struct layer *layer)
{
    size_t before = lingering->unacknowledged;
    size_t now = asyncp_transport_unacknowledged(&layer->transport);
    int64_t limit_ns = now > 0 ? MAX_ACKNOWLEDGE_NS : MAX_END_NS;
    if (now != before)
        lingering->until_ns = asyncp_now(transport_loop(&layer->transport)) + limit_ns;
    lingering->unacknowledged = now;
}

/* Whether a close loses nothing. */
static bool is_safe_to_close(const struct lingering_close *lingering, const struct layer *layer)
{
    bool peer_is_silent = !lingering->peer_sends && !layer_is_set(layer);
    return lingering->unacknowledged == 0 && (lingering->peer_has_ended || peer_is_silent);
}

void asyncp_linger_give_up(const struct lingering_close *lingering, struct layer *layer, int error)
{
    if (lingering->unacknowledged > 0)
        transport_set_error(&layer->transport, error);
}

/*
 * 0: there is something to linger for; 1: there is not; -errno: the limit is reached, or the
 * connection is gone. After the peer's end, a reset is seen only as the socket's error.
 */
static int drop_and_decide(struct lingering_close *lingering, struct layer *layer)
{
    struct async_transport *transport = &layer->transport;
    int result = lingering->peer_has_ended ? asyncp_transport_ask_error(transport)
                                           : drop_input(lingering, layer);
    check_acknowledged(lingering, layer);
    if (result < 0 && result != -EAGAIN)
        return result;
    lingering->peer_has_ended = result == 0;
    if (is_safe_to_close(lingering, layer))
        return 1;
    if (lingering->dropped > MAX_DROPPED)
        return -ECONNABORTED;
    if (asyncp_now(transport_loop(transport)) >= lingering->until_ns)
        return -ETIMEDOUT;
    if (result > 0)
        transport_put_off(transport);
    return 0;
}

bool asyncp_linger_check(struct lingering_close *lingering, struct layer *layer, int64_t *next_ns)
{
    int result = drop_and_decide(lingering, layer);
    if (result < 0)
        asyncp_linger_give_up(lingering, layer, result);
    if (result != 0)
        return false;
    *next_ns = asyncp_now(transport_loop(&layer->transport)) + lingering->pause_ns;
    if (lingering->unacknowledged == 0 || *next_ns > lingering->until_ns)
        *next_ns = lingering->until_ns;
    if (lingering->pause_ns < MAX_PAUSE_NS)
        lingering->pause_ns *= 2;
    return true;
}

/* Whether a close is known to lose nothing, already before the shutdown. */
static bool can_close_now(struct lingering_close *lingering, const struct layer *layer)
{
    const struct async_transport *transport = &layer->transport;
    bool is_dead = transport_fd(transport) < 0 || transport_error(transport) != 0;
    if (layer_peer_has_ended(layer) || is_dead || !transport_is_socket(transport))
        return true;
    lingering->unacknowledged = asyncp_transport_unacknowledged(transport);
    return !transport_is_readable(transport) && is_safe_to_close(lingering, layer);
}

bool asyncp_linger_begin(struct lingering_close *lingering, struct layer *layer)
{
    struct async_transport *transport = &layer->transport;
    ASSERT(layer_has_sent(layer));
    lingering->dropped = 0;
    if (can_close_now(lingering, layer))
        return false;
    if (asyncp_transport_shut_down(transport) < 0) {
        drop_input(lingering, layer); /* finds the reason, which wait_closed returns */
        return false;
    }
    int64_t limit_ns = lingering->unacknowledged > 0 ? MAX_ACKNOWLEDGE_NS : MAX_END_NS;
    lingering->pause_ns = FIRST_PAUSE_NS;
    lingering->until_ns = asyncp_now(transport_loop(transport)) + limit_ns;
    return true;
}
