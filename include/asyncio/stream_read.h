/*
 * asyncio/stream_read.h: reading from streams.
 *
 *     char line[1024];
 *     int size = async_stream_readline(stream, line, sizeof line);
 *     if (size <= 0)
 *         return size; // 0: the peer has ended
 *
 * These rules hold for all reads:
 *
 * 0 means that the peer has ended the connection, unless the caller asked for 0 bytes. After a
 * reset of the connection, reads first return the received bytes and then -ECONNRESET. The same
 * holds after a failed write: the received bytes come first, and then the write's error where the
 * call would wait.
 *
 * A failed or cancelled call takes nothing from the stream. -EBUSY is returned while another task
 * is reading.
 */
#ifndef ASYNCIO_STREAM_READ_H
#define ASYNCIO_STREAM_READ_H

#include <asyncio/base.h>
#include <asyncio/stream.h>

ASYNC_BEGIN_C

/*
 * Reads at least one and at most size bytes, waiting for the first.
 *
 * With size 0 it takes nothing, does not wait and returns 0, also at the end, after an error and
 * after async_stream_abort.
 *
 * Returns the number of bytes; 0 at the peer's end; -EBUSY if another task is reading.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_stream_read(async_stream *stream, void *buffer, size_t size);

/*
 * Reads exactly size bytes.
 *
 * Returns size; -ENODATA if the peer ended before, and the received bytes can still be read;
 * -EINVAL if size is above INT_MAX.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_stream_readexactly(async_stream *stream, void *buffer, size_t size);

/*
 * Reads a line, with its \n, into line[0..size) and appends a zero byte. The last line may have no
 * \n.
 *
 * Returns the length of the line; 0 at the peer's end; -EMSGSIZE if the line does not fit, and it
 * can still be read; -EINVAL if size is below 2.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_stream_readline(async_stream *stream, char *line, size_t size);

/*
 * int async_stream_readuntil(async_stream *stream, void *buffer, size_t size,
 *                            const char *separator, …)
 *
 * Reads up to and including the first occurrence of one of the separators, without a zero byte at
 * the end. Each separator has at least one byte.
 *
 * Returns the number of bytes.
 * -ENODATA if the peer ended before; the received bytes can still be read.
 * -EMSGSIZE if there is no separator in the first size bytes; they can still be read.
 * -EINVAL if size is 0, or a separator is empty or NULL.
 * Switches.
 */
#define async_stream_readuntil(stream, buffer, size, ...)                                          \
    async_stream_readuntil_n((stream), (buffer), (size), (const char *const[]){__VA_ARGS__},       \
                             sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/*
 * Reads up to and including the first occurrence of one of separators[0..count), as
 * async_stream_readuntil does.
 *
 * Returns the number of bytes, or an error of async_stream_readuntil.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_stream_readuntil_n(async_stream *stream, void *buffer, size_t size,
                                                  const char *const separators[], size_t count);

/*
 * Reads everything until the peer's end, at most limit bytes, into memory from malloc, and appends
 * a zero byte.
 *
 * The caller owns *text and frees it with free; after an error it is NULL, and the received bytes
 * are lost.
 * Returns the number of bytes; -EMSGSIZE if there are more than limit bytes.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_stream_read_all(async_stream *stream, char **text, size_t limit);

/*
 * Reads at least one byte without copying: *data becomes the stream's own buffer.
 *
 * The buffer is valid until the next read or close of the stream.
 *
 * Returns the number of bytes; 0 at the peer's end.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_stream_borrow(async_stream *stream, const char **data);

/*
 * Waits until at least min_size bytes are in the stream's buffer and lends the whole buffer without
 * taking anything, for parsers. async_stream_consume then takes the parsed bytes.
 *
 * *data is valid until the next read, also if all of it is consumed. If the result is 0, *data is
 * not set.
 *
 * Returns the number of bytes, less than min_size only at the peer's end; -EINVAL if min_size is 0
 * or above INT_MAX.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_stream_peek(async_stream *stream, const char **data,
                                           size_t min_size);

/*
 * Takes the first size bytes of the buffer lent by async_stream_peek.
 *
 * Never switches.
 */
ASYNC_API void async_stream_consume(async_stream *stream, size_t size);

/*
 * Reads a line of at most 64 KiB without copying it, as async_stream_borrow does. It does not end
 * with a zero byte.
 *
 * Returns the length of the line, with its \n; 0 at the peer's end; -EMSGSIZE if the line is
 * longer.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_stream_borrow_line(async_stream *stream, const char **line);

/*
 * Returns true if the peer has ended the connection and everything was read; false after an abort.
 * Never switches.
 */
ASYNC_API bool async_stream_at_eof(const async_stream *stream);

ASYNC_END_C
#endif
