/*
 * asyncio/stream_write.h: writing to streams.
 *
 *     ASYNC_TRY(async_stream_printf(stream, "%s %d\n", name, age));
 *     ASYNC_TRY(async_stream_drain(stream));
 *
 * Writes do not wait. The socket is given as many bytes as it accepts at once; the rest is pending
 * and is sent in the background. A program that writes much calls async_stream_drain from time to
 * time, which waits while too much is pending.
 *
 * When the connection has failed, every later write returns its error, such as -EPIPE or
 * -ECONNRESET. -EBUSY means that async_stream_sendfile or async_start_tls is running.
 */
#ifndef ASYNCIO_STREAM_WRITE_H
#define ASYNCIO_STREAM_WRITE_H

#include <asyncio/base.h>
#include <asyncio/stream.h>
#include <stdarg.h>
#include <sys/uio.h>

ASYNC_BEGIN_C

/*
 * Writes size bytes.
 *
 * Copies the rest if the socket does not accept everything at once.
 * Returns 0.
 * -EPIPE, -ECONNRESET or another error if the connection has failed.
 * -ENOMEM if there is no memory for the copy. Nothing was written then, unless the kernel had
 * accepted a part already: in that case the connection has failed.
 * -EBUSY if async_stream_sendfile or async_start_tls is running.
 * Never switches.
 */
ASYNC_API int async_stream_write(async_stream *stream, const void *data, size_t size);

/*
 * Writes parts[0..count), one after the other.
 *
 * Copies the rest if the socket does not accept everything at once.
 * Returns 0, or an error of async_stream_write; -ENOMEM if none of the parts was written; -EINVAL
 * if a part is NULL.
 * Never switches.
 */
ASYNC_API int async_stream_writev(async_stream *stream, const struct iovec *parts, int count);

/*
 * Writes formatted text.
 *
 * Returns the length of the text, or an error of async_stream_write.
 * Never switches.
 */
ASYNC_API int async_stream_printf(async_stream *stream, const char *format, ...)
    ASYNCP_PRINTF(2, 3);

/*
 * Writes formatted text with the arguments in a va_list, as vprintf does.
 *
 * Returns the length of the text, or an error of async_stream_write.
 * Never switches.
 */
ASYNC_API int async_stream_vprintf(async_stream *stream, const char *format, va_list arguments)
    ASYNCP_PRINTF(2, 0);

/*
 * Returns the number of written bytes that the kernel has not accepted yet.
 * Never switches.
 */
ASYNC_API size_t async_stream_pending(const async_stream *stream);

/*
 * Waits, if more bytes are pending than the high limit, until no more than the low limit are
 * pending.
 *
 * Returns 0, or the error of the connection.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_stream_drain(async_stream *stream);

/*
 * Sets the limits of async_stream_drain, in bytes. The defaults are 64 KiB and 16 KiB.
 *
 * Returns 0; -EINVAL if low is above high.
 * Never switches.
 */
ASYNC_API int async_stream_set_write_buffer_limits(async_stream *stream, size_t high, size_t low);

/*
 * Sends count bytes of a file, from offset on, after all earlier output.
 *
 * The kernel copies them, unless the stream has a layer. Reading the file may block the loop as
 * long as its disk needs. Meanwhile other writes return -EBUSY, and async_stream_write_eof takes
 * effect after the file. After an error, also -ECANCELED, it is unknown how much was sent.
 *
 * Returns the number of bytes, less than count only at the end of the file.
 * -EINVAL if count is above INT_MAX, offset is negative, or the file cannot be sent (a pipe, a
 * directory).
 * -EBADF if the file is not open, or the stream was closed meanwhile.
 * -EBUSY if another call of async_stream_sendfile or async_start_tls is running.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_stream_sendfile(async_stream *stream, int file, int64_t offset,
                                               size_t count);

/*
 * Ends the output: the peer reads the end after the pending bytes. Later writes return -EPIPE.
 *
 * Returns 0, or the error of the connection.
 * Never switches.
 */
ASYNC_API int async_stream_write_eof(async_stream *stream);

ASYNC_END_C
#endif
