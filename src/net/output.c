/*
 * net/output.c: what a stream writes. Much is sent at once, from where the program has it; little
 * is gathered, and sent when the task next waits on the stream or the iteration ends, whichever
 * comes first. What the kernel does not take waits in blocks until the socket changes.
 */
#include "io/submit.h"
#include "net/stream.h"
#include "sys/socket.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum { DIRECT_BYTES = 2048 }; /* so much is not worth a copy */
enum { GATHERED_BYTES = 64 * 1024 };
enum { SHORT_TEXT = 256 };

/* ---- what is pending ------------------------------------------------------------------------ */

/* Blocks with so much room, in a row; NULL: there is not the memory. */
static struct block *take_row(struct block_pool *pool, size_t room)
{
    struct block *row = NULL;
    for (size_t got = 0; got < room; got += BLOCK_BYTES) {
        struct block *block = asyncp_block_take(pool);
        if (block == NULL) {
            for (struct block *next; row != NULL; row = next) {
                next = row->next;
                asyncp_block_give(pool, row);
            }
            return NULL;
        }
        block->next = row;
        row = block;
    }
    return row;
}

/* In debug mode, at 16 MiB and each time that it has doubled since. */
OUT_OF_LINE static void tell_pending(struct async_stream *stream)
{
    const struct coroutine *self = stream->loop->current;
    asyncp_report("%s has written to a stream of which %zu MiB wait to be sent; call "
                  "async_stream_drain after a write, "
                  "which waits until the peer has taken most of it",
                  self != NULL ? asyncp_label(self->task).text : "a callback",
                  stream->pending >> 20);
    while (stream->tell_at <= stream->pending)
        stream->tell_at *= 2;
}

/*
 * Room for so many bytes behind what is pending, which fill() must use up. 0, or -ENOMEM and
 * nothing happened.
 */
static int make_room(struct async_stream *stream, size_t size)
{
    size_t room = stream->last != NULL ? block_room(stream->last) : 0;
    struct block *row = size > room ? take_row(&stream->loop->blocks, size - room) : NULL;
    if (size > room && row == NULL)
        return -ENOMEM;
    if (stream->first == NULL)
        stream->first = stream->last = row;
    else
        stream->last->next = row;
    return 0;
}

/* Copies bytes to where room was made for them. */
static void fill(struct async_stream *stream, const char *data, size_t size)
{
    stream->pending += size;
    if (unlikely(stream->pending >= stream->tell_at))
        tell_pending(stream);
    for (;;) {
        size_t part = block_room(stream->last) < size ? block_room(stream->last) : size;
        block_append(stream->last, data, part);
        data += part;
        size -= part;
        if (size == 0)
            return;
        stream->last = stream->last->next;
    }
}

/* All of it, or nothing and -ENOMEM. */
static int append(struct async_stream *stream, const char *data, size_t size)
{
    if (make_room(stream, size) < 0)
        return -ENOMEM;
    fill(stream, data, size);
    return 0;
}

/* The first bytes are with the kernel. */
static void forget(struct async_stream *stream, size_t size)
{
    ASSERT(size <= stream->pending);
    stream->pending -= size;
    while (size > 0 || (stream->first != NULL && block_unread(stream->first) == 0)) {
        struct block *block = stream->first;
        size_t part = block_unread(block) < size ? block_unread(block) : size;
        block->start += (uint32_t)part;
        size -= part;
        if (block_unread(block) > 0)
            return;
        stream->first = block->next;
        if (stream->first == NULL)
            stream->last = NULL;
        asyncp_block_give(&stream->loop->blocks, block);
    }
}

/* ---- sending -------------------------------------------------------------------------------- */

/* One try: how many bytes the kernel took; -EAGAIN, or why the connection is gone. */
static int send_some(struct async_stream *stream, const void *data, size_t size)
{
    if (!pollable_is_ready(&stream->pollable, SIDE_WRITE))
        return -EAGAIN;
    int result = asyncp_sys_stream_send(stream->pollable.source.fd, data, &size);
    if (result == -EAGAIN)
        pollable_drained(&stream->pollable, SIDE_WRITE);
    else if (result < 0)
        result = asyncp_stream_note_error(stream, result);
    else if ((size_t)result < size)
        pollable_moved_less(&stream->pollable, SIDE_WRITE);
    return result;
}

/* Something is in flight for as long as the kernel takes no more. */
static void set_blocked(struct async_stream *stream, bool blocked)
{
    if (blocked == stream->blocked)
        return;
    stream->blocked = blocked;
    if (!blocked) {
        stream->loop->poller.in_flight--;
        return;
    }
    stream->loop->poller.in_flight++;
    if (stream->first == stream->last)
        stream->first = stream->last = asyncp_block_fit(&stream->loop->blocks, stream->first);
}

static void say_end(struct async_stream *stream)
{
    stream->ended = true;
    if (stream->layer != NULL) /* which has said it in its own way */
        return;
    int result = asyncp_sys_shutdown(stream->pollable.source.fd, SHUT_WR);
    if (result < 0 && result != -ENOTCONN) /* the peer has gone: so it needs no telling */
        asyncp_output_fail(stream, result);
}

/* Tells whoever waits for it that less is pending, or that there is no more hope. */
static void tell_progress(struct async_stream *stream)
{
    if (stream->pending <= stream->low || stream->write_error != 0)
        asyncp_wake_all(&stream->drainers, stream->write_error);
    if (!list_empty(&stream->watchers) && stream->answers > 0)
        asyncp_wake_all(&stream->watchers, 0); /* the layer may read again */
    if (stream->closing && output_is_done(stream))
        asyncp_stream_sent(stream);
}

/* A reader that waits takes what has come by now, and then hears of it; so does a sendfile. */
void asyncp_output_fail(struct async_stream *stream, int error)
{
    stream->write_error = error;
    stream->is_cut |= stream->pending > 0 || stream->writer != NULL || layer_holds(stream);
    stream_take_back(stream);
    forget(stream, stream->pending);
    set_blocked(stream, false);
    asyncp_pollable_retry(stream->loop, &stream->pollable, SIDE_READ);
    asyncp_pollable_wake(stream->loop, &stream->pollable, SIDE_WRITE, 0);
    asyncp_wake_all(&stream->watchers, 0);
}

void asyncp_output_flush(struct async_stream *stream)
{
    int result = 0;
    stream_take_back(stream);
    while (stream->pending > 0 && result >= 0) {
        result = send_some(stream, stream->first->bytes + stream->first->start,
                           block_unread(stream->first));
        if (result > 0)
            forget(stream, (size_t)result);
        stream->progressed |= result > 0;
    }
    if (result < 0 && result != -EAGAIN)
        asyncp_output_fail(stream, result);
    set_blocked(stream, stream->pending > 0);
    if (stream->pending == 0)
        stream->answers = 0;
    if (stream->pending > 0 && stream->closing && !stream->waits_for_layer)
        asyncp_linger_hear(stream);
    if (stream->pending == 0 && stream->ends && !stream->ended)
        say_end(stream);
    tell_progress(stream);
}

/*
 * There is no memory for what is left of a call's bytes, of which the first `sent` have gone.
 * -ENOMEM.
 */
static int fail_behind(struct async_stream *stream, int sent)
{
    if (sent == 0)
        return -ENOMEM;
    stream->is_cut = true; /* the peer would miss what comes next */
    asyncp_output_fail(stream, -ENOMEM);
    return -ENOMEM;
}

/*
 * Sends the first part at once, if that is worth it. How many bytes went; or why the connection is
 * gone.
 */
static int send_directly(struct async_stream *stream, const void *data, size_t size)
{
    if (stream->pending > 0 || size < DIRECT_BYTES)
        return 0;
    int result = send_some(stream, data, size);
    if (result < 0 && result != -EAGAIN)
        asyncp_output_fail(stream, result);
    return result == -EAGAIN ? 0 : result;
}

/*
 * What was appended is sent now, or at the end of the iteration. 0, or why the connection is gone.
 */
static int send_soon(struct async_stream *stream)
{
    if (stream->pending >= GATHERED_BYTES && !stream->blocked)
        asyncp_output_flush(stream);
    else if (!stream->blocked)
        stream_put_off(stream);
    return stream->write_error;
}

int asyncp_output_write(struct async_stream *stream, const void *data, size_t size)
{
    int sent = send_directly(stream, data, size);
    if (sent < 0)
        return sent;
    if ((size_t)sent == size)
        return 0;
    int result = append(stream, (const char *)data + sent, size - (size_t)sent);
    return result == 0 ? send_soon(stream) : fail_behind(stream, sent);
}

/* ---- what the program calls ----------------------------------------------------------------- */

static int check(const struct async_stream *stream, const char *call)
{
    stream_check(stream, call);
    if (unlikely(stream->writer != NULL))
        return async_fail(-EBUSY, "%s: %s is under way on this stream", call, stream->writer->call);
    if (stream->write_error == 0 && stream->ends)
        return async_fail(-EPIPE, "%s after async_stream_write_eof", call);
    return stream->write_error;
}

int asyncp_writer_begin(struct async_stream *stream, struct writer *writer, const char *call)
{
    int result = check(stream, call);
    if (result < 0)
        return result;
    *writer = (struct writer){.call = call};
    stream->writer = writer;
    return 0;
}

void asyncp_writer_end(struct async_stream *stream, struct writer *writer)
{
    if (writer->gone)
        return;
    ASSERT(stream->writer == writer);
    stream->writer = NULL;
    if (writer->ends)
        async_ignore(async_stream_write_eof(stream));
}

int async_stream_write(async_stream *stream, const void *data, size_t size)
{
    int result = check(stream, "async_stream_write");
    if (result < 0 || size == 0)
        return result;
    if (data == NULL)
        return -EINVAL;
    return stream->layer == NULL ? asyncp_output_write(stream, data, size)
                                 : asyncp_layer_write(stream, data, size);
}

/* The bytes of all parts; -EINVAL: a part is NULL, or they are too many to count. */
static int measure(const struct iovec *parts, int count, size_t *size)
{
    *size = 0;
    if (count < 0 || (count > 0 && parts == NULL))
        return -EINVAL;
    for (int i = 0; i < count; i++) {
        if ((parts[i].iov_base == NULL && parts[i].iov_len > 0) ||
            parts[i].iov_len > SIZE_MAX - *size)
            return -EINVAL;
        *size += parts[i].iov_len;
    }
    return 0;
}

/* Appends all of them but the first `skipped` bytes, or nothing. 0 or -ENOMEM. */
static int append_parts(struct async_stream *stream, const struct iovec *parts, size_t size,
                        size_t skipped)
{
    if (make_room(stream, size - skipped) < 0)
        return -ENOMEM;
    for (size_t left = size; left > 0; parts++) {
        size_t skip = skipped < parts->iov_len ? skipped : parts->iov_len;
        if (parts->iov_len > skip) /* a part of no bytes may be NULL */
            fill(stream, (const char *)parts->iov_base + skip, parts->iov_len - skip);
        skipped -= skip;
        left -= parts->iov_len;
    }
    return 0;
}

/* Without a layer: all parts, or none where there is not the memory. */
static int write_parts(struct async_stream *stream, const struct iovec *parts, size_t size)
{
    int sent = send_directly(stream, parts->iov_base, parts->iov_len);
    if (sent < 0)
        return sent;
    if ((size_t)sent == size)
        return 0;
    int result = append_parts(stream, parts, size, (size_t)sent);
    return result == 0 ? send_soon(stream) : fail_behind(stream, sent);
}

int async_stream_writev(async_stream *stream, const struct iovec *parts, int count)
{
    size_t size;
    int result = check(stream, "async_stream_writev");
    if (result < 0)
        return result;
    result = measure(parts, count, &size);
    if (result < 0 || size == 0)
        return result;
    if (stream->layer == NULL)
        return write_parts(stream, parts, size);
    for (int i = 0; i < count && result == 0; i++)
        if (parts[i].iov_len > 0)
            result = asyncp_layer_write(stream, parts[i].iov_base, parts[i].iov_len);
    return result;
}

int async_stream_vprintf(async_stream *stream, const char *format, va_list arguments)
{
    char text[SHORT_TEXT];
    va_list again;
    int result = check(stream, "async_stream_printf");
    if (result < 0 || format == NULL)
        return result < 0 ? result : -EINVAL;
    va_copy(again, arguments);
    int length = vsnprintf(text, sizeof text, format, arguments);
    char *longer = length >= (int)sizeof text ? malloc((size_t)length + 1) : NULL;
    if (longer != NULL)
        vsnprintf(longer, (size_t)length + 1, format, again);
    va_end(again);
    if (length < 0 || (longer == NULL && length >= (int)sizeof text))
        return length < 0 ? -EINVAL : -ENOMEM;
    result = async_stream_write(stream, longer != NULL ? longer : text, (size_t)length);
    free(longer);
    return result < 0 ? result : length;
}

int async_stream_printf(async_stream *stream, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int result = async_stream_vprintf(stream, format, arguments);
    va_end(arguments);
    return result;
}

size_t async_stream_pending(const async_stream *stream)
{
    stream_check(stream, "async_stream_pending");
    return stream->pending;
}

int async_stream_set_write_buffer_limits(async_stream *stream, size_t high, size_t low)
{
    stream_check(stream, "async_stream_set_write_buffer_limits");
    if (low > high)
        return -EINVAL;
    stream->high = high;
    stream->low = low;
    if (stream->pending <= low)
        asyncp_wake_all(&stream->drainers, 0);
    return 0;
}

int async_stream_drain(async_stream *stream)
{
    struct async_loop *loop = loop_enter("async_stream_drain");
    stream_check(stream, "async_stream_drain");
    if (loop->current->refused)
        return asyncp_refused(loop);
    if (stream->pending > stream->high && !stream->blocked)
        asyncp_output_flush(stream);
    int result = stream->write_error;
    if (result != 0 || stream->pending <= stream->high)
        return paced(loop, PACE_KERNEL, result); /* at last: the stream may be closed meanwhile */
    return asyncp_stand_in_line(loop, &stream->drainers, "async_stream_drain", stream,
                                asyncp_refuse_wait);
}

int async_stream_write_eof(async_stream *stream)
{
    stream_check(stream, "async_stream_write_eof");
    if (stream->write_error != 0 || stream->ends)
        return stream->ends ? 0 : stream->write_error;
    if (stream->writer != NULL && !stream->writer->is_file)
        return check(stream, "async_stream_write_eof");
    if (stream->writer != NULL) {
        stream->writer->ends = true; /* after the file */
        return 0;
    }
    int result = asyncp_layer_finish(stream);
    stream->ends = true;
    asyncp_output_flush(stream);
    return stream->write_error != 0 ? stream->write_error : result;
}
