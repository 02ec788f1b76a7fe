/*
 * net/writer.c: the writing calls. The bytes go to the layer; the transport decides when they are
 * sent.
 */
#include "net/report.h"
#include "net/stream.h"
#include <stdio.h>
#include <stdlib.h>

enum { SHORT_TEXT = 256 };

/* Why writes fail after the end of writing, which a stream for reading only begins with. */
static int refuse_write(const struct async_stream *stream, const char *call)
{
    if (!transport_can_write(&stream->layer.transport))
        return async_fail(-EBADF, "%s: this stream is for reading only", call);
    return async_fail(-EPIPE, "%s after async_stream_write_eof", call);
}

/* Whether the program may write now: 0 or -errno. */
static int check_write(const struct async_stream *stream, const char *call)
{
    stream_check(stream, call);
    const struct writer *writer = &stream->writer;
    if (unlikely(writer->exclusive != NULL))
        return async_fail(-EBUSY, "%s: %s is under way on this stream", call,
                          writer->exclusive->call);
    int error = transport_write_error(&stream->layer.transport);
    return error == 0 && writer->has_ended ? refuse_write(stream, call) : error;
}

/* ---- exclusive writes ----------------------------------------------------------------------- */

int asyncp_writer_begin(struct async_stream *stream, struct exclusive_write *exclusive,
                        const char *call)
{
    int result = check_write(stream, call);
    if (result < 0)
        return result;
    *exclusive = (struct exclusive_write){.call = call};
    stream->writer.exclusive = exclusive;
    return 0;
}

void asyncp_writer_end(struct async_stream *stream, struct exclusive_write *exclusive)
{
    if (exclusive->stream_gone)
        return;
    ASSERT(stream->writer.exclusive == exclusive);
    stream->writer.exclusive = NULL;
    if (exclusive->eof_follows)
        async_ignore(async_stream_write_eof(stream)); /* an error is the transport's */
}

void asyncp_writer_dismiss(struct async_stream *stream)
{
    struct writer *writer = &stream->writer;
    if (writer->exclusive != NULL)
        writer->exclusive->stream_gone = true;
    writer->exclusive = NULL;
}

void asyncp_writer_finish(struct async_stream *stream)
{
    const struct async_loop *loop = transport_loop(stream_transport(stream));
    if (!stream->writer.has_ended)
        report_failure(loop, asyncp_layer_finish(&stream->layer), "the end of a stream's layer");
}

/* ---- writing -------------------------------------------------------------------------------- */

int async_stream_write(async_stream *stream, const void *data, size_t size)
{
    int result = check_write(stream, "async_stream_write");
    if (result < 0 || size == 0)
        return result;
    if (data == NULL)
        return async_fail(-EINVAL, "async_stream_write: data is NULL");
    return asyncp_layer_write(&stream->layer, data, size);
}

/* The bytes of all parts. -EINVAL: a part is NULL, or they are too many to count. */
static int measure_parts(const struct iovec *parts, int count, size_t *size)
{
    *size = 0;
    if (count < 0 || (count > 0 && parts == NULL))
        return async_fail(-EINVAL, "async_stream_writev: parts is NULL, or count is negative");
    for (int i = 0; i < count; i++) {
        if ((parts[i].iov_base == NULL && parts[i].iov_len > 0) ||
            parts[i].iov_len > SIZE_MAX - *size)
            return async_fail(-EINVAL, "async_stream_writev: a part is NULL or too long");
        *size += parts[i].iov_len;
    }
    return 0;
}

int async_stream_writev(async_stream *stream, const struct iovec *parts, int count)
{
    size_t size = 0;
    int result = check_write(stream, "async_stream_writev");
    if (result == 0)
        result = measure_parts(parts, count, &size);
    if (result < 0 || size == 0)
        return result;
    return asyncp_layer_writev(&stream->layer, parts, count, size);
}

int async_stream_vprintf(async_stream *stream, const char *format, va_list arguments)
{
    char text[SHORT_TEXT];
    va_list again;
    int result = check_write(stream, "async_stream_printf");
    if (result < 0 || format == NULL)
        return result < 0 ? result : async_fail(-EINVAL, "async_stream_printf: the format is NULL");
    va_copy(again, arguments);
    int length = vsnprintf(text, sizeof text, format, arguments);
    char *longer = length >= (int)sizeof text ? malloc((size_t)length + 1) : NULL;
    if (longer != NULL)
        vsnprintf(longer, (size_t)length + 1, format, again);
    va_end(again);
    if (length < 0 || (longer == NULL && length >= (int)sizeof text))
        return length < 0 ? async_fail(-EINVAL, "async_stream_printf: vsnprintf refuses the format")
                          : -ENOMEM;
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
    return transport_pending(&stream->layer.transport);
}

int async_stream_set_write_buffer_limits(async_stream *stream, size_t high, size_t low)
{
    stream_check(stream, "async_stream_set_write_buffer_limits");
    if (low > high)
        return async_fail(-EINVAL,
                          "async_stream_set_write_buffer_limits: low is greater than high");
    asyncp_transport_set_marks(stream_transport(stream), high, low);
    return 0;
}

int async_stream_drain(async_stream *stream)
{
    struct async_loop *loop = loop_enter("async_stream_drain");
    stream_check(stream, "async_stream_drain");
    if (loop_running(loop)->cancel_pending)
        return asyncp_fail_cancelled(loop);
    return asyncp_transport_drain(stream_transport(stream), "async_stream_drain");
}

int async_stream_write_eof(async_stream *stream)
{
    stream_check(stream, "async_stream_write_eof");
    struct writer *writer = &stream->writer;
    int error = transport_write_error(stream_transport(stream));
    if (!transport_can_write(stream_transport(stream)))
        return refuse_write(stream, "async_stream_write_eof");
    if (error != 0 || writer->has_ended)
        return writer->has_ended ? 0 : error;
    if (!transport_can_end(stream_transport(stream)))
        return async_fail(-EOPNOTSUPP, "async_stream_write_eof: a terminal's master has no end of "
                                       "writing; write the character of Ctrl-D, \\004");
    if (writer->exclusive != NULL && !writer->exclusive->is_file)
        return check_write(stream, "async_stream_write_eof");
    if (writer->exclusive != NULL) {
        writer->exclusive->eof_follows = true;
        return 0;
    }
    int result = asyncp_layer_finish(&stream->layer);
    writer->has_ended = true;
    asyncp_layer_end(&stream->layer);
    error = transport_write_error(stream_transport(stream));
    return error != 0 ? error : result;
}
