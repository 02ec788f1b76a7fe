/*
 * net/stream.c: a stream's life: it is made of a connected socket, and ends when all that was
 * written was sent and the lingering close (linger.c) is over, when the peer has taken nothing for
 * 30 seconds, or when the loop closes.
 */
#include "net/stream.h"
#include "sched/pace.h"
#include "net/address.h"
#include "poll/watched.h"
#include "sys/socket.h"
#include <netinet/in.h>
#include <netinet/tcp.h>

enum { HIGH_WATER = 64 * 1024, LOW_WATER = 16 * 1024, TELL_WATER = 16 << 20 };
static const int64_t STREAM_PATIENCE_NS = 30000000000;

/* While the layer holds something, that is in flight. */
static void set_waits_for_layer(struct async_stream *stream, bool waits)
{
    if (waits != stream->waits_for_layer)
        stream->loop->poller.in_flight += waits ? 1 : (size_t)-1;
    stream->waits_for_layer = waits;
}

/* Of a stream that closes and has not sent everything; it may be gone afterwards. */
static void go_on_closing(struct async_stream *stream)
{
    if (stream->waits_for_layer) {
        asyncp_layer_release(stream);
        set_waits_for_layer(stream, layer_holds(stream) && stream->write_error == 0);
    }
    asyncp_output_flush(stream);
}

/* The socket has become ready for something: a reader was told, what is pending is ours. */
static void changed(struct pollable *pollable)
{
    struct async_stream *stream = CONTAINER_OF(pollable, struct async_stream, pollable);
    if (!list_empty(&stream->watchers))
        asyncp_wake_all(&stream->watchers, 0);
    if (stream->linger.active)
        asyncp_linger_continue(stream);
    else if (stream->closing)
        go_on_closing(stream);
    else if (stream->blocked && pollable_is_ready(pollable, SIDE_WRITE))
        asyncp_output_flush(stream);
}

static void flush(struct deferred *deferred)
{
    struct async_stream *stream = CONTAINER_OF(deferred, struct async_stream, flush);
    stream->gathered = false;
    if (!list_empty(&stream->watchers) && pollable_is_ready(&stream->pollable, SIDE_READ))
        asyncp_wake_all(&stream->watchers, 0);
    if (stream->linger.active)
        asyncp_linger_continue(stream);
    else if (stream->closing)
        go_on_closing(stream);
    else
        asyncp_output_flush(stream);
}

static void run_out_of_patience(struct timer *timer)
{
    struct async_stream *stream = CONTAINER_OF(timer, struct async_stream, patience);
    if (stream->linger.active) {
        asyncp_linger_continue(stream);
        return;
    }
    int64_t until_ns = asyncp_now(stream->loop) + STREAM_PATIENCE_NS;
    bool goes_on = stream->progressed && asyncp_timer_set(stream->loop, timer, until_ns) == 0;
    stream->progressed = false;
    if (goes_on)
        return;
    asyncp_output_fail(stream, -ETIMEDOUT);
    asyncp_stream_end(stream);
}

static void loop_closes(struct guest *guest)
{
    struct async_stream *stream = CONTAINER_OF(guest, struct async_stream, guest);
    if (!stream->closing && stream->loop->debug && !stream->loop->inherited)
        asyncp_report("a stream (descriptor %d) was not closed before its loop",
                      async_stream_fd(stream));
    asyncp_output_fail(stream, -ECONNABORTED);
    stream->closing = true;
    asyncp_stream_end(stream);
}

/* A socket that is connected, and so can be a stream. */
static int check_socket(const struct async_loop *loop, int fd, int *domain)
{
    struct sockaddr_storage address;
    socklen_t size;
    const struct watched *watched = watched_find(&loop->poller, fd);
    if (watched != NULL && watched->source != NULL)
        return async_fail(-EBUSY, "descriptor %d: a stream or a server has it", fd);
    int type = asyncp_sys_option(fd, SOL_SOCKET, SO_TYPE);
    if (type < 0)
        return type;
    if (type != SOCK_STREAM)
        return async_fail(-EPROTOTYPE, "the socket is not one of streams");
    int result = asyncp_sys_peer_address(fd, &address, &size);
    *domain = address.ss_family;
    return result < 0 ? result : asyncp_sys_no_blocking(fd);
}

static int make(struct async_loop *loop, struct async_stream *stream, int fd, int domain)
{
    *stream = (struct async_stream){.loop = loop,
                                    .high = HIGH_WATER,
                                    .low = LOW_WATER,
                                    .tell_at = loop->debug ? TELL_WATER : SIZE_MAX,
                                    .flush.run = flush,
                                    .guest.loop_closes = loop_closes};
    timer_init(&stream->patience, run_out_of_patience);
    int result = asyncp_pollable_open(loop, &stream->pollable, fd, changed);
    if (result < 0)
        return result;
    stream->is_tcp = domain == AF_INET || domain == AF_INET6;
    if (domain == AF_UNIX) /* which stops a read between what two processes wrote */
        stream->pollable.source.state |= SOURCE_URGENT;
    list_append(&loop->guests, &stream->guest.link);
    return 0;
}

int asyncp_stream_make(struct async_loop *loop, struct async_stream **out, int fd, int domain)
{
    struct async_stream *stream = memory_new(&loop->memory, sizeof *stream);
    if (stream == NULL)
        return -ENOMEM;
    int result = make(loop, stream, fd, domain);
    if (result < 0)
        memory_free(&loop->memory, stream, sizeof *stream);
    else
        *out = stream;
    return result;
}

int async_stream_new(async_stream **stream, int fd)
{
    struct async_loop *loop = asyncp_current;
    int domain = AF_UNSPEC;
    asyncp_check_inherited("async_stream_new");
    ENSURE(loop != NULL, "async_stream_new was called where there is no loop");
    if (stream == NULL)
        return -EINVAL;
    *stream = NULL;
    int result = check_socket(loop, fd, &domain);
    if (result == 0 && domain != AF_UNIX) /* small writes are gathered here, not there */
        async_ignore(asyncp_sys_set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1));
    return result < 0 ? result : asyncp_stream_make(loop, stream, fd, domain);
}

/* ---- the end -------------------------------------------------------------------------------- */

/*
 * A kernel that closes a socket says the end behind what it has: where more was to come, that would
 * be a lie.
 */
static void close_pollable(struct async_stream *stream, int error)
{
    int fd = stream->pollable.source.fd;
    if (fd < 0)
        return;
    if (stream->is_cut && stream->is_tcp &&
        !stream->loop->inherited) /* else the connection is the parent's */
        async_ignore(asyncp_sys_reset_on_close(fd));
    asyncp_pollable_close(stream->loop, &stream->pollable, error);
}

int asyncp_stream_note_error(struct async_stream *stream, int error)
{
    if (error == -ENOMEM || error == -ENOBUFS) /* of our system, not of the connection */
        return error;
    if (stream->socket_error == 0 && error != -EPIPE)
        stream->socket_error = error;
    return stream->socket_error != 0 ? stream->socket_error : error;
}

void asyncp_stream_sent(struct async_stream *stream)
{
    if (!stream->linger.active && !asyncp_linger_begin(stream))
        asyncp_stream_end(stream);
}

/* What wait_closed returns. */
static int end_of(const struct async_stream *stream)
{
    return stream->write_error != 0 ? stream->write_error : stream->socket_error;
}

void asyncp_stream_end(struct async_stream *stream)
{
    struct async_loop *loop = stream->loop;
    ASSERT(stream->closing && output_is_done(stream));
    if (stream->linger.active)
        loop->poller.in_flight--;
    set_waits_for_layer(stream, false);
    stream_take_back(stream);
    close_pollable(stream, -EBADF);
    asyncp_input_drop(stream);
    asyncp_layer_free(stream);
    asyncp_timer_clear(loop, &stream->patience);
    if (stream->lingers)
        loop->lingering--;
    list_remove(&stream->guest.link);
    if (stream->closer != NULL)
        asyncp_wake(stream->closer, NULL, end_of(stream));
    memory_free(&loop->memory, stream, sizeof *stream);
}

/* Tells the tasks that use the stream; none of them touches it from now on. */
static void dismiss(struct async_stream *stream)
{
    if (stream->holder != NULL)
        *stream->holder = NULL;
    if (stream->writer != NULL)
        stream->writer->gone = true;
    stream->writer = NULL;
    asyncp_pollable_wake(stream->loop, &stream->pollable, SIDE_READ, -EBADF);
    asyncp_pollable_wake(stream->loop, &stream->pollable, SIDE_WRITE, -EBADF);
    asyncp_wake_all(&stream->drainers, -EBADF);
    asyncp_wake_all(&stream->watchers, -EBADF);
    stream->linger.heard = stream->input != NULL && block_unread(stream->input) > 0;
    asyncp_input_drop(stream);
}

/* Sends what it can. Whether the stream can end now: else the loop goes on with it. */
static bool close_at_once(struct async_stream *stream)
{
    dismiss(stream);
    if (!stream->ends)
        async_ignore(asyncp_layer_finish(stream));
    asyncp_output_flush(stream);
    stream->closing = true;
    stream->progressed = false;
    set_waits_for_layer(stream, layer_holds(stream) && stream->write_error == 0);
    int64_t until_ns = asyncp_now(stream->loop) + STREAM_PATIENCE_NS;
    if (!output_is_done(stream) && asyncp_timer_set(stream->loop, &stream->patience, until_ns) < 0)
        asyncp_output_fail(stream, -ENOMEM);
    if (output_is_done(stream) && !asyncp_linger_begin(stream))
        return true;
    if (!stream->linger.active)
        stream_put_off(stream); /* what has come already is heard */
    stream->lingers = true;
    stream->loop->lingering++;
    return false;
}

/* In a child of fork(): the connection is the parent's, and what is pending is sent there. */
static void close_inherited(struct async_stream *stream)
{
    if (stream->holder != NULL)
        *stream->holder = NULL;
    asyncp_output_fail(stream, -ECONNABORTED);
    asyncp_wake_all(&stream->drainers, -EBADF);
    asyncp_wake_all(&stream->watchers, -EBADF);
    stream->closing = true;
    asyncp_stream_end(stream);
}

void async_stream_close(async_stream *stream)
{
    if (stream == NULL)
        return;
    struct async_loop *before = release_begin(stream->loop, "async_stream_close", "the stream");
    stream_check(stream, "async_stream_close");
    if (stream->loop->inherited)
        close_inherited(stream);
    else if (close_at_once(stream))
        asyncp_stream_end(stream);
    release_end(before);
}

struct close_wait {
    struct wait wait;            /* of the task */
    struct async_stream *stream; /* until whose end */
};

static void wait_no_more(struct wait *wait)
{
    CONTAINER_OF(wait, struct close_wait, wait)->stream->closer = NULL;
    asyncp_refuse_wait(wait);
}

int async_stream_wait_closed(async_stream *stream)
{
    struct close_wait waiting = {.stream = stream};
    struct async_loop *loop = loop_enter("async_stream_wait_closed");
    if (loop->current->refused || stream == NULL) {
        async_stream_close(stream);
        return stream != NULL ? asyncp_refused(loop) : 0;
    }
    stream_check(stream, "async_stream_wait_closed");
    if (close_at_once(stream)) {
        int result = end_of(stream);
        asyncp_stream_end(stream);
        return paced(loop, PACE_KERNEL, result);
    }
    wait_init(&waiting.wait, "async_stream_wait_closed", stream, wait_no_more);
    stream->closer = &waiting.wait;
    return asyncp_park(loop, &waiting.wait); /* the stream is gone by then */
}

void async_stream_abort(async_stream *stream)
{
    ENSURE(stream != NULL, "async_stream_abort: the stream is NULL");
    struct async_loop *before = release_begin(stream->loop, "async_stream_abort", "the stream");
    stream_check(stream, "async_stream_abort");
    asyncp_output_fail(stream, -ECONNABORTED);
    asyncp_wake_all(&stream->drainers, -ECONNABORTED);
    asyncp_wake_all(&stream->watchers, 0);
    stream->read_error = -ECONNABORTED;
    asyncp_input_drop(stream);
    close_pollable(stream, -ECONNABORTED);
    release_end(before);
}

void asyncp_stream_hang_up(struct async_stream *stream)
{
    if (stream->pollable.source.fd < 0)
        return;
    stream->hung_up = !stream->at_end;
    stream->at_end = true;
    asyncp_pollable_wake(stream->loop, &stream->pollable, SIDE_READ, 0);
    asyncp_wake_all(&stream->watchers, 0);
    async_ignore(async_stream_write_eof(stream));
}

/* ---- what people ask ------------------------------------------------------------------------ */

/* Also in a child of fork(), which may have it to give to another program. */
int async_stream_fd(const async_stream *stream)
{
    ENSURE(stream != NULL, "async_stream_fd: the stream is NULL");
    if (!stream->loop->inherited)
        stream_check(stream, "async_stream_fd");
    return stream->pollable.source.fd;
}

static int tell_address(const struct async_stream *stream, char *text, size_t size,
                        int (*ask)(int, struct sockaddr_storage *, socklen_t *))
{
    struct sockaddr_storage address;
    socklen_t address_size;
    if (text == NULL && size > 0)
        return -EINVAL;
    int result = ask(async_stream_fd(stream), &address, &address_size);
    return result < 0
               ? result
               : asyncp_address_text((const struct sockaddr *)&address, address_size, text, size);
}

int async_stream_peer(const async_stream *stream, char *text, size_t size)
{
    return tell_address(stream, text, size, asyncp_sys_peer_address);
}

int async_stream_local(const async_stream *stream, char *text, size_t size)
{
    return tell_address(stream, text, size, asyncp_sys_local_address);
}
