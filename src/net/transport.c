/*
 * net/transport.c: sending and receiving. Large writes are sent at once from the caller's memory;
 * small ones are gathered and sent when the task next waits for the peer, or when the iteration
 * ends. Output the kernel does not take is kept in blocks until the socket changes.
 */
#include "net/transport.h"
#include "net/report.h"
#include "sys/socket.h"
#include "poll/poll.h"
#include "sys/polling.h"
#include "sys/report.h"
#include <limits.h>
#include <poll.h>

enum { HIGH_MARK = 64 * 1024, LOW_MARK = 16 * 1024, REPORTED_BYTES = 16 << 20 };
enum { MIN_DIRECT_SEND = 2048, MAX_GATHERED = 64 * 1024 };

/* ---- pending output ------------------------------------------------------------------------- */

/* A chain of blocks with so much room; NULL: out of memory. */
static struct block *take_blocks(struct block_pool *pool, size_t room)
{
    struct block *chain = NULL;
    for (size_t taken = 0; taken < room; taken += BLOCK_BYTES) {
        struct block *block = asyncp_block_take(pool);
        if (block == NULL) {
            for (struct block *next; chain != NULL; chain = next) {
                next = chain->next;
                asyncp_block_give(pool, chain);
            }
            return NULL;
        }
        block->next = chain;
        chain = block;
    }
    return chain;
}

OUT_OF_LINE static void report_pending(struct async_transport *transport)
{
    const struct coroutine *self = loop_running(transport->loop);
    asyncp_report("%s has written to a stream with %zu MiB pending; call async_stream_drain after "
                  "a write: it waits until the peer has taken most of it",
                  self != NULL ? asyncp_label(self->task).text : "a callback",
                  transport->pending >> 20);
    while (transport->report_at <= transport->pending)
        transport->report_at *= 2;
}

/*
 * Room for so many bytes, which append_reserved must use up. 0; -ENOMEM: nothing has changed. One
 * large write is no mistake if a drain follows; a further write shows that none has.
 */
static int reserve_pending(struct async_transport *transport, size_t size)
{
    if (unlikely(transport->pending >= transport->report_at))
        report_pending(transport);
    struct block *last = transport->last_pending;
    size_t room = last != NULL ? block_room(last) : 0;
    struct block *chain = size > room ? take_blocks(&transport->loop->blocks, size - room) : NULL;
    if (size > room && chain == NULL)
        return -ENOMEM;
    if (last == NULL)
        transport->first_pending = transport->last_pending = chain;
    else
        last->next = chain;
    return 0;
}

static void append_reserved(struct async_transport *transport, const char *data, size_t size)
{
    transport->pending += size;
    for (;;) {
        struct block *last = transport->last_pending;
        size_t part = block_room(last) < size ? block_room(last) : size;
        block_append(last, data, part);
        data += part;
        size -= part;
        if (size == 0)
            return;
        transport->last_pending = last->next;
    }
}

static int append_pending(struct async_transport *transport, const char *data, size_t size)
{
    if (reserve_pending(transport, size) < 0)
        return -ENOMEM;
    append_reserved(transport, data, size);
    return 0;
}

/* Appends the parts without their first `skipped` bytes: all or nothing. 0 or -ENOMEM. */
static int append_parts(struct async_transport *transport, const struct iovec *parts, size_t size,
                        size_t skipped)
{
    if (reserve_pending(transport, size - skipped) < 0)
        return -ENOMEM;
    for (size_t left = size; left > 0; parts++) {
        size_t skip = skipped < parts->iov_len ? skipped : parts->iov_len;
        if (parts->iov_len > skip) /* an empty part may be NULL */
            append_reserved(transport, (const char *)parts->iov_base + skip, parts->iov_len - skip);
        skipped -= skip;
        left -= parts->iov_len;
    }
    return 0;
}

/* Removes the first bytes: they were sent, or are dropped. */
static void consume_pending(struct async_transport *transport, size_t size)
{
    ASSERT(size <= transport->pending);
    transport->pending -= size;
    struct block *block;
    while ((block = transport->first_pending) != NULL && (size > 0 || block_unread(block) == 0)) {
        size_t part = block_unread(block) < size ? block_unread(block) : size;
        block->start += (uint32_t)part;
        size -= part;
        if (block_unread(block) > 0)
            return;
        transport->first_pending = block->next;
        if (transport->first_pending == NULL)
            transport->last_pending = NULL;
        asyncp_block_give(&transport->loop->blocks, block);
    }
}

/* ---- the socket ----------------------------------------------------------------------------- */

static void take_back_flush(struct async_transport *transport)
{
    if (transport->is_put_off)
        list_remove(&transport->deferred.link);
    transport->is_put_off = false;
}

/*
 * Keeps the first error of the socket, and returns it instead of a later EPIPE. EPIPE is not kept:
 * it is the program's error. A shortage of memory is no error of the connection.
 */
static int note_socket_error(struct async_transport *transport, int error)
{
    if (error == -ENOMEM || error == -ENOBUFS)
        return error;
    if (transport->socket_error == 0 && error != -EPIPE)
        transport->socket_error = error;
    return transport->socket_error != 0 ? transport->socket_error : error;
}

/* After a send has met an error, the kernel reports an end to readers, which may not be one. */
static int note_socket_end(struct async_transport *transport)
{
    if (transport->socket_error != 0)
        return transport->socket_error;
    transport->socket_ended = true;
    return 0;
}

static int note_received(struct async_transport *transport, int result, size_t size)
{
    struct pollable *pollable = &transport->pollable;
    if (result == -EAGAIN)
        pollable_drained(pollable, SIDE_READ);
    else if (result < 0)
        return note_socket_error(transport, result);
    else if (result == 0)
        return note_socket_end(transport);
    else if ((size_t)result < size && transport->write_error == 0)
        pollable_moved_less(pollable, SIDE_READ); /* else one more try comes before the error */
    return result;
}

OUT_OF_LINE static int receive_from_medium(struct async_transport *transport, void *buffer,
                                           size_t size)
{
    int result = asyncp_medium_read(&transport->medium, transport_fd(transport), buffer, &size);
    return note_received(transport, result, size);
}

int asyncp_transport_receive(struct async_transport *transport, void *buffer, size_t size)
{
    if (!transport_is_readable(transport))
        return -EAGAIN;
    if (unlikely(!transport_is_socket(transport)))
        return receive_from_medium(transport, buffer, size);
    int result = asyncp_sys_stream_recv(transport_fd(transport), buffer, &size);
    return note_received(transport, result, size);
}

static inline int note_sent(struct async_transport *transport, int result, size_t size)
{
    struct pollable *pollable = &transport->pollable;
    if (result == -EAGAIN)
        pollable_drained(pollable, SIDE_WRITE);
    else if (result < 0)
        return note_socket_error(transport, result);
    else if ((size_t)result < size && !medium_is_always_ready(&transport->medium))
        pollable_moved_less(pollable, SIDE_WRITE);
    return result;
}

OUT_OF_LINE static int send_to_medium(struct async_transport *transport, const void *data,
                                      size_t size)
{
    int result = asyncp_medium_write(&transport->medium, transport_fd(transport), data, &size);
    return note_sent(transport, result, size);
}

/* One try: how many bytes the kernel took; -EAGAIN; or why the connection is gone. */
static inline int send_bytes(struct async_transport *transport, const void *data, size_t size)
{
    if (!pollable_is_ready(&transport->pollable, SIDE_WRITE))
        return -EAGAIN;
    if (unlikely(!transport_is_socket(transport)))
        return send_to_medium(transport, data, size);
    int result = asyncp_sys_stream_send(transport_fd(transport), data, &size);
    return note_sent(transport, result, size);
}

/* A blocked transport counts as in flight. */
static void set_blocked(struct async_transport *transport, bool blocked)
{
    if (blocked == transport->blocked)
        return;
    transport->blocked = blocked;
    if (!blocked) {
        poller_release(&transport->loop->poller, 1);
        return;
    }
    poller_hold(&transport->loop->poller, 1);
    if (transport->first_pending == transport->last_pending)
        transport->first_pending = transport->last_pending = asyncp_block_fit(
            &transport->loop->blocks, transport->first_pending);
}

/* A waiting reader takes the received input before it gets the error. */
void asyncp_transport_fail(struct async_transport *transport, int error)
{
    transport->write_error = error;
    transport->is_cut |= transport->pending > 0;
    take_back_flush(transport);
    consume_pending(transport, transport->pending);
    set_blocked(transport, false);
    asyncp_pollable_retry(transport->loop, &transport->pollable, SIDE_READ);
    asyncp_pollable_wake(transport->loop, &transport->pollable, SIDE_WRITE, 0);
    asyncp_wake_all(&transport->watchers, 0);
    asyncp_wake_all(&transport->drainers, error);
    transport->events->failed(transport);
}

int asyncp_transport_shut_down(struct async_transport *transport)
{
    transport->was_shut_down = true;
    if (transport_is_socket(transport))
        return asyncp_sys_shutdown(transport->pollable.source.fd, SHUT_WR);
    if (medium_is_custom(&transport->medium))
        return asyncp_medium_shut_down(&transport->medium);
    ASSERT(!transport_can_read(transport));
    asyncp_pollable_close(transport->loop, &transport->pollable, -EPIPE);
    return 0;
}

static void shut_down_after_flush(struct async_transport *transport)
{
    int result = asyncp_transport_shut_down(transport);
    if (result < 0 && result != -ENOTCONN) /* ENOTCONN: the peer has gone already */
        asyncp_transport_fail(transport, result);
}

void asyncp_transport_flush(struct async_transport *transport)
{
    int result = 0;
    take_back_flush(transport);
    while (transport->pending > 0 && result >= 0) {
        const struct block *block = transport->first_pending;
        result = send_bytes(transport, block->bytes + block->start, block_unread(block));
        if (result > 0)
            consume_pending(transport, (size_t)result);
        transport->has_progressed |= result > 0;
    }
    if (result < 0 && result != -EAGAIN)
        asyncp_transport_fail(transport, result);
    set_blocked(transport, transport->pending > 0);
    if (transport->pending == 0)
        transport->answers = 0;
    if (transport->pending == 0 && transport->ends && !transport->was_shut_down)
        shut_down_after_flush(transport);
    if (transport->pending <= transport->low_mark)
        asyncp_wake_all(&transport->drainers, transport->write_error);
    if (transport->answers > 0) /* a layer may read again */
        asyncp_wake_all(&transport->watchers, 0);
    if (transport->closing)
        transport->events->flushed(transport);
}

void asyncp_transport_end(struct async_transport *transport)
{
    transport->ends = true;
    asyncp_transport_flush(transport);
}

size_t asyncp_transport_unacknowledged(const struct async_transport *transport)
{
    if (!medium_is_tcp(&transport->medium))
        return 0;
    int bytes = asyncp_sys_unacked_bytes(transport->pollable.source.fd);
    int bytes_of_end = transport->was_shut_down ? 1 : 0;
    return bytes > bytes_of_end ? (size_t)(bytes - bytes_of_end) : 0;
}

int asyncp_transport_ask_error(const struct async_transport *transport)
{
    return asyncp_sys_socket_error(transport->pollable.source.fd);
}

/* ---- writing -------------------------------------------------------------------------------- */

/* There is no memory for the rest of a write, whose first `sent` bytes have gone. */
static int fail_write(struct async_transport *transport, int sent)
{
    if (sent == 0)
        return -ENOMEM;
    transport->is_cut = true;
    asyncp_transport_fail(transport, -ENOMEM);
    return -ENOMEM;
}

/* Sends at once if the data is large enough. How many bytes went, or why the connection is gone. */
static int send_at_once(struct async_transport *transport, const void *data, size_t size)
{
    if (transport->pending > 0 || size < MIN_DIRECT_SEND)
        return 0;
    int result = send_bytes(transport, data, size);
    if (result < 0 && result != -EAGAIN)
        asyncp_transport_fail(transport, result);
    return result == -EAGAIN ? 0 : result;
}

/* The new output is sent now or at the end of the iteration. 0 or why the connection is gone. */
static int send_soon(struct async_transport *transport)
{
    if (transport->pending >= MAX_GATHERED && !transport->blocked)
        asyncp_transport_flush(transport);
    else if (!transport->blocked)
        transport_put_off(transport);
    return transport->write_error;
}

int asyncp_transport_write(struct async_transport *transport, const void *data, size_t size)
{
    transport->answers += transport->answering ? size : 0;
    int sent = send_at_once(transport, data, size);
    if (sent < 0)
        return sent;
    if ((size_t)sent == size)
        return 0;
    int result = append_pending(transport, (const char *)data + sent, size - (size_t)sent);
    return result == 0 ? send_soon(transport) : fail_write(transport, sent);
}

int asyncp_transport_writev(struct async_transport *transport, const struct iovec *parts,
                            size_t size)
{
    int sent = send_at_once(transport, parts->iov_base, parts->iov_len);
    if (sent < 0)
        return sent;
    if ((size_t)sent == size)
        return 0;
    int result = append_parts(transport, parts, size, (size_t)sent);
    return result == 0 ? send_soon(transport) : fail_write(transport, sent);
}

static bool is_error_of_file(int error)
{
    return error == -EINVAL || error == -EBADF || error == -EIO || error == -EOVERFLOW ||
           error == -ENOSYS;
}

int asyncp_transport_sendfile(struct async_transport *transport, int file, int64_t *offset,
                              size_t size)
{
    if (size > INT_MAX)
        size = INT_MAX;
    int result = asyncp_sys_sendfile(transport->pollable.source.fd, file, offset, size);
    if (result >= 0 || result == -EAGAIN || result == -ENOMEM || is_error_of_file(result))
        return result;
    result = note_socket_error(transport, result);
    asyncp_transport_fail(transport, result);
    return result;
}

/* ---- waiting -------------------------------------------------------------------------------- */

int asyncp_transport_wait(struct async_transport *transport, bool tried, const char *call)
{
    struct pollable *pollable = &transport->pollable;
    if (transport->is_put_off) /* the peer may wait for it */
        asyncp_transport_flush(transport);
    if (transport->write_error != 0 && !pollable_is_ready(pollable, SIDE_READ))
        return transport->write_error; /* without the request the peer may never answer */
    if (unlikely(transport_must_pause(transport)))
        return asyncp_pollable_stand_in_line(pollable, SIDE_READ, &transport->drainers, call,
                                             transport);
    if (unlikely(tried && pollable_is_ready(pollable, SIDE_READ)))
        return asyncp_pollable_rest(transport->loop, pollable, SIDE_READ);
    return asyncp_pollable_wait(transport->loop, pollable, SIDE_READ, call);
}

int asyncp_transport_wait_writable(struct async_transport *transport, const char *call)
{
    return asyncp_pollable_wait(transport->loop, &transport->pollable, SIDE_WRITE, call);
}

int asyncp_transport_wait_connected(struct async_transport *transport, const char *call)
{
    pollable_drained(&transport->pollable, SIDE_WRITE);
    int result = asyncp_transport_wait_writable(transport, call);
    return result == 0 ? asyncp_transport_ask_error(transport) : result;
}

/* The poller reports changes only; poll(2) finds room made before now. */
int asyncp_transport_wait_for_room(struct async_transport *transport, const char *call)
{
    struct pollfd polled = {.fd = transport->pollable.source.fd, .events = POLLOUT};
    int result = asyncp_sys_poll(&polled, 1, 0);
    if (result != 0)
        return result < 0 ? result : 0;
    pollable_drained(&transport->pollable, SIDE_WRITE);
    return asyncp_transport_wait_writable(transport, call);
}

int asyncp_transport_drain(struct async_transport *transport, const char *call)
{
    struct async_loop *loop = transport->loop;
    if (transport->pending > transport->high_mark && !transport->blocked)
        asyncp_transport_flush(transport);
    int result = transport->write_error;
    if (result != 0 || transport->pending <= transport->high_mark)
        return paced(loop, PACE_KERNEL, result); /* last, since the stream may be closed then */
    return asyncp_wait_in_list(loop, &transport->drainers, call, transport, asyncp_cancel_wait);
}

void asyncp_transport_set_marks(struct async_transport *transport, size_t high, size_t low)
{
    transport->high_mark = high;
    transport->low_mark = low;
    if (transport->pending <= low)
        asyncp_wake_all(&transport->drainers, 0);
}

void asyncp_transport_wake_readers(struct async_transport *transport)
{
    asyncp_pollable_wake(transport->loop, &transport->pollable, SIDE_READ, 0);
    asyncp_wake_all(&transport->watchers, 0);
}

/* ---- life ----------------------------------------------------------------------------------- */

static void handle_socket_change(struct pollable *pollable)
{
    struct async_transport *transport = CONTAINER_OF(pollable, struct async_transport, pollable);
    asyncp_wake_all(&transport->watchers, 0);
    if (transport->closing)
        transport->events->resumed(transport);
    else if (transport->blocked && pollable_is_ready(pollable, SIDE_WRITE))
        asyncp_transport_flush(transport);
}

static void run_deferred_flush(struct deferred *deferred)
{
    struct async_transport *transport = CONTAINER_OF(deferred, struct async_transport, deferred);
    transport->is_put_off = false;
    if (pollable_is_ready(&transport->pollable, SIDE_READ))
        asyncp_wake_all(&transport->watchers, 0);
    if (transport->closing)
        transport->events->resumed(transport);
    else
        asyncp_transport_flush(transport);
}

int asyncp_transport_open(struct async_transport *transport, struct async_loop *loop, int fd,
                          const struct medium *medium, const struct transport_events *events)
{
    *transport = (struct async_transport){.loop = loop,
                                          .medium = *medium,
                                          .high_mark = HIGH_MARK,
                                          .low_mark = LOW_MARK,
                                          .report_at = loop_is_debug(loop) ? REPORTED_BYTES
                                                                           : SIZE_MAX,
                                          .deferred.run = run_deferred_flush,
                                          .events = events};
    int result = 0;
    if (medium_is_always_ready(medium) || medium_is_custom(medium))
        asyncp_pollable_init(&transport->pollable, fd, handle_socket_change);
    else
        result = asyncp_pollable_open(loop, &transport->pollable, fd, handle_socket_change);
    if (result == 0 && medium_stops_early(medium))
        transport->pollable.source.state |= SOURCE_URGENT;
    return result;
}

/*
 * After a cut, the kernel would send its part and then the end, and the peer would take the part
 * for the whole.
 * In a child of fork() the connection is the parent's.
 */
void asyncp_transport_close(struct async_transport *transport, int error)
{
    int fd = transport->pollable.source.fd;
    take_back_flush(transport);
    if (fd < 0)
        return;
    if (transport->is_cut && medium_is_tcp(&transport->medium) &&
        !loop_is_inherited(transport->loop))
        report_failure(transport->loop, asyncp_sys_reset_on_close(fd),
                       "the reset of a connection whose output was dropped");
    asyncp_medium_close(&transport->medium, transport->is_cut);
    asyncp_pollable_close(transport->loop, &transport->pollable, error);
}

size_t asyncp_transport_waits(const struct async_transport *transport)
{
    const struct pollable *pollable = &transport->pollable;
    return (size_t)(pollable->waiting[SIDE_READ] != NULL) +
           (size_t)(pollable->waiting[SIDE_WRITE] != NULL) + (size_t)transport->blocked;
}

void asyncp_transport_change(struct async_transport *transport, unsigned state)
{
    struct source *source = &transport->pollable.source;
    source->state |= (uint8_t)state;
    if (source->fd >= 0)
        source->changed(source);
}

void asyncp_transport_dismiss(struct async_transport *transport)
{
    asyncp_pollable_wake(transport->loop, &transport->pollable, SIDE_READ, -EBADF);
    asyncp_pollable_wake(transport->loop, &transport->pollable, SIDE_WRITE, -EBADF);
    asyncp_wake_all(&transport->drainers, -EBADF);
    asyncp_wake_all(&transport->watchers, -EBADF);
}

void asyncp_transport_begin_closing(struct async_transport *transport)
{
    transport->closing = true;
    transport->has_progressed = false;
}
