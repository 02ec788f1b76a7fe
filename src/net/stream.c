/*
 * net/stream.c: the life of a stream: it is made of a connected socket or another medium. It ends
 * when all output was sent and the lingering close (linger.c) is over, when the peer has taken
 * nothing for 30 seconds, or when the loop closes.
 */
#include "net/stream.h"
#include "net/address.h"
#include "sys/socket.h"
#include "poll/poll.h"
#include "sys/file.h"
#include "sys/report.h"
#include <asyncio/time.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

static const int64_t CLOSE_TIMEOUT_NS = 30000000000;
static const double HANDSHAKE_TIMEOUT_SECONDS = 60; /* by default */

static struct async_stream *stream_of(struct async_transport *transport)
{
    return CONTAINER_OF(transport, struct async_stream, layer.transport);
}

/* ---- the end -------------------------------------------------------------------------------- */

/* Held bytes of a layer count as in flight. */
static void set_waits_for_layer(struct async_stream *stream, bool waits)
{
    struct poller *poller = &transport_loop(stream_transport(stream))->poller;
    if (waits && !stream->waits_for_layer)
        poller_hold(poller, 1);
    else if (!waits && stream->waits_for_layer)
        poller_release(poller, 1);
    stream->waits_for_layer = waits;
}

static void check_waits_for_layer(struct async_stream *stream)
{
    bool can_write = transport_write_error(stream_transport(stream)) == 0;
    set_waits_for_layer(stream, can_write && layer_holds(&stream->layer));
}

static void hold_shutdown(const struct async_stream *stream, int difference)
{
    struct async_loop *loop = transport_loop(&stream->layer.transport);
    if (stream->is_patient)
        loop_count_output_hold(loop, difference);
    else
        loop_count_shutdown_hold(loop, difference);
}

/* No call of the program is left to return the error of its last output. */
static void report_lost_output(struct async_loop *loop, struct async_stream *stream)
{
    char why[80];
    int error = transport_write_error(stream_transport(stream));
    bool is_told = stream->closer != NULL || error == -EPIPE || error == -ECONNABORTED;
    if (error == 0 || is_told || !stream->is_patient)
        return;
    asyncp_error_describe(why, sizeof why, error, NULL);
    asyncp_report("the end of what was written to a standard stream was lost: %s", why);
    loop_note_lost_output(loop);
}

static void end_stream(struct async_stream *stream)
{
    struct async_transport *transport = stream_transport(stream);
    struct async_loop *loop = transport_loop(transport);
    report_lost_output(loop, stream);
    ASSERT(transport_is_closing(transport) && layer_has_sent(&stream->layer));
    if (stream->is_lingering)
        poller_release(&loop->poller, 1);
    set_waits_for_layer(stream, false);
    asyncp_transport_close(transport, -EBADF);
    asyncp_reader_drop(stream);
    asyncp_layer_free(&stream->layer);
    asyncp_timer_clear(loop, &stream->close_timer);
    if (stream->has_shutdown_grace)
        hold_shutdown(stream, -1);
    list_remove(&stream->close_hook.link);
    if (stream->closer != NULL)
        asyncp_wake(stream->closer, NULL, transport_error(transport));
    memory_free(&loop->memory, stream, sizeof *stream);
}

/* Whether the stream continues to linger. */
static bool lingers_on(struct async_stream *stream)
{
    struct async_loop *loop = transport_loop(stream_transport(stream));
    int64_t next_ns;
    if (!asyncp_linger_check(&stream->lingering, &stream->layer, &next_ns))
        return false;
    asyncp_timer_clear(loop, &stream->close_timer);
    if (asyncp_timer_set(loop, &stream->close_timer, next_ns) == 0)
        return true;
    asyncp_linger_give_up(&stream->lingering, &stream->layer, -ENOMEM);
    return false;
}

/* Everything was sent. Whether the stream lingers; if not, it can end now. */
static bool begin_lingering(struct async_stream *stream)
{
    struct async_loop *loop = transport_loop(stream_transport(stream));
    asyncp_timer_clear(loop, &stream->close_timer);
    stream->is_lingering = asyncp_linger_begin(&stream->lingering, &stream->layer) &&
                           lingers_on(stream);
    if (stream->is_lingering)
        poller_hold(&loop->poller, 1);
    return stream->is_lingering;
}

/* The socket of a closing stream has changed, or it was put off. */
static void continue_closing(struct async_transport *transport)
{
    struct async_stream *stream = stream_of(transport);
    if (stream->is_lingering) {
        if (!lingers_on(stream))
            end_stream(stream);
        return;
    }
    if (stream->waits_for_layer) {
        asyncp_layer_release(&stream->layer);
        check_waits_for_layer(stream);
    }
    asyncp_transport_flush(transport);
}

static void handle_flush_while_closing(struct async_transport *transport)
{
    struct async_stream *stream = stream_of(transport);
    if (transport_pending(transport) > 0 && !stream->waits_for_layer)
        asyncp_linger_drop_input(&stream->lingering, &stream->layer);
    if (layer_has_sent(&stream->layer) && !stream->is_lingering && !begin_lingering(stream))
        end_stream(stream);
}

/* Bytes of an exclusive write, or of the layer, are lost as well. */
static void handle_write_failure(struct async_transport *transport)
{
    const struct async_stream *stream = stream_of(transport);
    if (writer_is_exclusive(&stream->writer) || layer_holds(&stream->layer))
        transport_cut(transport);
}

static void expire_close_timer(struct timer *timer)
{
    struct async_stream *stream = CONTAINER_OF(timer, struct async_stream, close_timer);
    struct async_transport *transport = stream_transport(stream);
    struct async_loop *loop = transport_loop(transport);
    if (stream->is_lingering) {
        continue_closing(transport);
        return;
    }
    if (transport_take_progress(transport) &&
        asyncp_timer_set(loop, timer, asyncp_now(loop) + CLOSE_TIMEOUT_NS) == 0)
        return;
    asyncp_transport_fail(transport, -ETIMEDOUT);
    end_stream(stream);
}

static void close_with_loop(struct close_hook *hook)
{
    struct async_stream *stream = CONTAINER_OF(hook, struct async_stream, close_hook);
    struct async_transport *transport = stream_transport(stream);
    const struct async_loop *loop = transport_loop(transport);
    if (!transport_is_closing(transport) && asyncp_left_is_told(loop))
        asyncp_left_tell(loop, "a stream (descriptor %d) was not closed before its loop",
                         transport_fd(transport));
    asyncp_transport_fail(transport, -ECONNABORTED);
    asyncp_transport_begin_closing(transport);
    end_stream(stream);
}

/* ---- the beginning -------------------------------------------------------------------------- */

int asyncp_stream_make_of(struct async_loop *loop, struct async_stream **out, int fd,
                          const struct medium *medium)
{
    static const struct transport_events events = {.failed = handle_write_failure,
                                                   .resumed = continue_closing,
                                                   .flushed = handle_flush_while_closing};
    struct async_stream *stream = memory_new(&loop->memory, sizeof *stream);
    if (stream == NULL)
        return -ENOMEM;
    stream->close_hook.on_close = close_with_loop;
    timer_init(&stream->close_timer, expire_close_timer);
    int result = asyncp_transport_open(stream_transport(stream), loop, fd, medium, &events);
    if (result < 0) {
        memory_free(&loop->memory, stream, sizeof *stream);
        return result;
    }
    if (!medium_can_read(medium))
        layer_fail_reading(&stream->layer, -EBADF);
    if (!medium_can_write(medium))
        writer_end(&stream->writer);
    loop_add_close_hook(loop, &stream->close_hook);
    *out = stream;
    return 0;
}

int asyncp_stream_make(struct async_loop *loop, struct async_stream **out, int fd, int domain)
{
    const struct medium medium = medium_of_socket(domain);
    return asyncp_stream_make_of(loop, out, fd, &medium);
}

int asyncp_stream_make_pipe(struct async_loop *loop, struct async_stream **out, int fd,
                            enum side side)
{
    const struct medium medium = medium_of_pipe(side);
    return asyncp_stream_make_of(loop, out, fd, &medium);
}

static int check_connected_socket(const struct async_loop *loop, int fd, int *domain)
{
    struct sockaddr_storage address;
    socklen_t size;
    if (asyncp_poller_has_source(&loop->poller, fd))
        return async_fail(-EBUSY, "descriptor %d: a stream or a server has it", fd);
    int type = asyncp_sys_option(fd, SOL_SOCKET, SO_TYPE);
    if (type < 0)
        return type;
    if (type != SOCK_STREAM)
        return async_fail(-EPROTOTYPE, "descriptor %d: not a stream socket", fd);
    int result = asyncp_sys_peer_address(fd, &address, &size);
    *domain = address.ss_family;
    return result < 0 ? result : asyncp_sys_set_nonblocking(fd);
}

int async_stream_new(async_stream **stream, int fd)
{
    struct async_loop *loop = asyncp_current;
    int domain = AF_UNSPEC;
    asyncp_check_inherited("async_stream_new");
    ENSURE(loop != NULL, "async_stream_new was called where there is no loop");
    if (stream == NULL)
        return async_fail(-EINVAL, "async_stream_new: the place for the stream is NULL");
    *stream = NULL;
    int result = check_connected_socket(loop, fd, &domain);
    if (result == 0 && domain != AF_UNIX) /* small writes are gathered here; not TCP: no matter */
        async_ignore(asyncp_sys_set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1));
    return result < 0 ? result : asyncp_stream_make(loop, stream, fd, domain);
}

void asyncp_stream_set_patient(struct async_stream *stream)
{
    stream->is_patient = true;
}

/* ---- layers --------------------------------------------------------------------------------- */

int async_stream_set_layer(async_stream *stream, const async_stream_layer *calls, void *state)
{
    stream_check(stream, "async_stream_set_layer");
    if (calls == NULL)
        return async_fail(-EINVAL, "async_stream_set_layer: calls is NULL");
    if (layer_is_set(&stream->layer) || transport_is_read(stream_transport(stream)) ||
        writer_sends_file(&stream->writer))
        return -EBUSY;
    asyncp_layer_set(&stream->layer, calls, state, asyncp_reader_take(stream));
    return 0;
}

void *async_stream_layer_state(const async_stream *stream, const async_stream_layer *calls)
{
    stream_check(stream, "async_stream_layer_state");
    return layer_state(&stream->layer, calls);
}

async_transport *async_stream_transport(async_stream *stream)
{
    stream_check(stream, "async_stream_transport");
    return stream_transport(stream);
}

int async_start_tls(async_stream *stream, async_tls *tls, const char *server_name)
{
    struct async_loop *loop = loop_enter("async_start_tls");
    struct exclusive_write handshake;
    stream_check(stream, "async_start_tls");
    if (tls == NULL || tls->start == NULL)
        return async_fail(
            -EINVAL,
            "async_start_tls: tls is NULL or was freed; make one with async_tls_client_new");
    if (loop_running(loop)->cancel_pending)
        return asyncp_fail_cancelled(loop);
    ASYNC_TRY(asyncp_writer_begin(stream, &handshake, "async_start_tls"));
    double seconds = tls->handshake_timeout > 0 ? tls->handshake_timeout
                                                : HANDSHAKE_TIMEOUT_SECONDS;
    int result = async_timeout(seconds, tls->start(tls, stream, server_name));
    result = paced(loop, PACE_KERNEL, result);
    asyncp_writer_end(stream, &handshake);
    return result;
}

/* ---- closing -------------------------------------------------------------------------------- */

void asyncp_stream_link(struct async_stream *stream, struct async_stream **link)
{
    stream->link = link;
}

void asyncp_stream_unlink(struct async_stream *stream)
{
    if (stream->link != NULL)
        *stream->link = NULL;
    stream->link = NULL;
}

/* Sends as much as it can. Whether the stream can end now; otherwise the loop continues. */
static bool close_at_once(struct async_stream *stream)
{
    struct async_transport *transport = stream_transport(stream);
    struct async_loop *loop = transport_loop(transport);
    asyncp_stream_unlink(stream);
    asyncp_writer_dismiss(stream);
    asyncp_transport_dismiss(transport);
    asyncp_linger_init(&stream->lingering, reader_unread(&stream->reader));
    asyncp_reader_drop(stream);
    asyncp_writer_finish(stream);
    asyncp_transport_flush(transport);
    asyncp_transport_begin_closing(transport);
    check_waits_for_layer(stream);
    if (!layer_has_sent(&stream->layer) && !stream->is_patient &&
        asyncp_timer_set(loop, &stream->close_timer, asyncp_now(loop) + CLOSE_TIMEOUT_NS) < 0)
        asyncp_transport_fail(transport, -ENOMEM);
    if (layer_has_sent(&stream->layer) && !begin_lingering(stream))
        return true;
    if (!stream->is_lingering)
        transport_put_off(transport); /* waiting input is dropped then */
    stream->has_shutdown_grace = true;
    hold_shutdown(stream, 1);
    return false;
}

/* In a child of fork(): the connection is the parent's, and pending output is sent there. */
static void close_inherited(struct async_stream *stream)
{
    asyncp_stream_unlink(stream);
    asyncp_transport_fail(stream_transport(stream), -ECONNABORTED);
    asyncp_transport_begin_closing(stream_transport(stream));
    end_stream(stream);
}

void async_stream_close(async_stream *stream)
{
    if (stream == NULL)
        return;
    struct async_loop *loop = transport_loop(stream_transport(stream));
    struct async_loop *before = release_begin(loop, "async_stream_close", "the stream");
    stream_check(stream, "async_stream_close");
    if (loop_is_inherited(loop))
        close_inherited(stream);
    else if (close_at_once(stream))
        end_stream(stream);
    release_end(before);
}

struct close_wait {
    struct wait wait;
    struct async_stream *stream;
};

static void cancel_close_wait(struct wait *wait)
{
    CONTAINER_OF(wait, struct close_wait, wait)->stream->closer = NULL;
    asyncp_cancel_wait(wait);
}

int async_stream_wait_closed(async_stream *stream)
{
    struct close_wait waiting = {.stream = stream};
    struct async_loop *loop = loop_enter("async_stream_wait_closed");
    if (loop_running(loop)->cancel_pending || stream == NULL) {
        async_stream_close(stream);
        return stream != NULL ? asyncp_fail_cancelled(loop) : 0;
    }
    stream_check(stream, "async_stream_wait_closed");
    if (close_at_once(stream)) {
        int result = transport_error(stream_transport(stream));
        end_stream(stream);
        return paced(loop, PACE_KERNEL, result);
    }
    wait_init(&waiting.wait, "async_stream_wait_closed", stream, cancel_close_wait);
    stream->closer = &waiting.wait;
    return asyncp_park(loop, &waiting.wait); /* the stream is gone by then */
}

void async_stream_abort(async_stream *stream)
{
    ENSURE(stream != NULL, "async_stream_abort: the stream is NULL");
    struct async_transport *transport = stream_transport(stream);
    struct async_loop *loop = transport_loop(transport);
    struct async_loop *before = release_begin(loop, "async_stream_abort", "the stream");
    stream_check(stream, "async_stream_abort");
    asyncp_transport_fail(transport, -ECONNABORTED);
    layer_fail_reading(&stream->layer, -ECONNABORTED);
    asyncp_reader_drop(stream);
    asyncp_transport_close(transport, -ECONNABORTED);
    release_end(before);
}

void asyncp_stream_hang_up(struct async_stream *stream)
{
    if (transport_fd(stream_transport(stream)) < 0)
        return;
    asyncp_layer_hang_up(&stream->layer);
    async_ignore(async_stream_write_eof(stream)); /* an error is the transport's */
}

/* ---- inspection ----------------------------------------------------------------------------- */

bool asyncp_stream_failed_with(const struct async_stream *stream, int error)
{
    return error == layer_read_error(&stream->layer) ||
           error == transport_write_error(&stream->layer.transport) ||
           (error == -ENODATA && layer_has_ended(&stream->layer));
}

/* Also in a child of fork(), which may give the socket to another program. */
int async_stream_fd(const async_stream *stream)
{
    ENSURE(stream != NULL, "async_stream_fd: the stream is NULL");
    if (!loop_is_inherited(transport_loop(&stream->layer.transport)))
        stream_check(stream, "async_stream_fd");
    return transport_fd(&stream->layer.transport);
}

static int format_address_of(const char *call, const struct async_stream *stream, char *text,
                             size_t size, int (*ask)(int, struct sockaddr_storage *, socklen_t *))
{
    struct sockaddr_storage address;
    socklen_t address_size;
    if (text == NULL && size > 0)
        return async_fail(-EINVAL, "%s: text is NULL, but size is not 0", call);
    int result = ask(async_stream_fd(stream), &address, &address_size);
    if (result < 0)
        return result;
    return asyncp_address_text((const struct sockaddr *)&address, address_size, text, size);
}

int async_stream_peer(const async_stream *stream, char *text, size_t size)
{
    return format_address_of("async_stream_peer", stream, text, size, asyncp_sys_peer_address);
}

int async_stream_local(const async_stream *stream, char *text, size_t size)
{
    return format_address_of("async_stream_local", stream, text, size, asyncp_sys_local_address);
}
