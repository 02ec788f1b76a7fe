/*
 * async_stream_write.c: write to a stream and close it
 *
 * Pages: async_stream_write async_stream_writev async_stream_printf
 * async_stream_vprintf async_stream_pending async_stream_drain
 * async_stream_set_write_buffer_limits async_stream_write_eof async_stream_close
 * async_stream_wait_closed async_stream_abort async_stream_fd
 * async_stream_peer async_stream_local async_auto_stream
 */
#include <asyncio.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static int say(async_stream *stream, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = async_stream_vprintf(stream, format, arguments);
    va_end(arguments);
    return length;
}

static int count_bytes(async_stream *peer)
{
    async_auto_stream *stream = peer; /* closed when this returns */
    const char *data;
    int size, sum = 0;
    while ((size = async_stream_borrow(stream, &data)) > 0)
        sum += size;
    return size < 0 ? size : sum;
}
async_fn(count_bytes, async_stream *);

static int write_much(async_stream *stream)
{
    static char much[1 << 20];
    struct iovec parts[] = {{"Dear ", 5}, {"all\n", 4}};
    ASYNC_TRY(async_stream_set_write_buffer_limits(stream, 1000, 0));
    async_stream_writev(stream, parts, 2);
    async_stream_printf(stream, "%d", 4);
    say(stream, "%d\n", 2);
    printf("%zu bytes are pending\n", async_stream_pending(stream));
    async_stream_write(stream, much, sizeof much);
    ASYNC_TRY(async_stream_drain(stream)); /* until all is sent */
    printf("%zu bytes are pending\n", async_stream_pending(stream));
    ASYNC_TRY(async_stream_write_eof(stream));
    printf("%s\n", async_strerror(async_stream_write(stream, "x", 1)));
    return 0;
}

static int hang_up(void)
{
    int ends[2];
    async_stream *stream;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        return -errno;
    ASYNC_TRY(async_stream_new(&stream, ends[0]));
    async_stream_write(stream, "x", 1);
    async_stream_abort(stream); /* discards pending output */
    async_stream_close(stream);
    return close(ends[1]);
}

static int amain(void)
{
    int ends[2];
    char text[64];
    async_stream *stream;
    async_stream *other;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        return -errno;
    ASYNC_TRY(async_stream_new(&stream, ends[0]));
    ASYNC_TRY(async_stream_new(&other, ends[1]));
    async_task *reader = async_create_task(count_bytes, other);
    ASYNC_TRY(write_much(stream));
    printf("the peer got %d\n", async_await(reader));

    async_stream_local(stream, text, sizeof text);
    async_stream_peer(stream, text, sizeof text);
    printf("descriptor %d, peer '%s'\n", async_stream_fd(stream) - ends[0],
           text);
    ASYNC_TRY(async_stream_wait_closed(stream)); /* until all is sent */
    return hang_up();
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * 12 bytes are pending
 * 0 bytes are pending
 * -EPIPE: async_stream_write after async_stream_write_eof
 * the peer got 1048588
 * descriptor 0, peer ''
 */
