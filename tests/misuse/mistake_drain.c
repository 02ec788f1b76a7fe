/*
 * 15. Writes without a drain
 *
 * `async_stream_write` never waits: output that the peer does not take stays in memory. A program
 * that writes faster than its peer reads needs more and more memory until it is killed. Debug mode
 * reports a write that finds 16 MiB pending, and each time that they have doubled.
 *
 * Run with ASYNCIO_DEBUG=1.
 *
 * `ASYNC_TRY(async_stream_drain(stream));` after the write. It waits only while more than 64 KiB
 * are pending.
 */
#include <asyncio.h>
#include <sys/socket.h>

static int amain(void)
{
    static char chunk[1 << 20];
    int ends[2];
    async_stream *stream;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        return -errno;
    ASYNC_TRY(async_stream_new(&stream, ends[0]));
    for (int i = 0; i < 20; i++) {
        ASYNC_TRY(async_stream_write(stream, chunk, sizeof chunk));
        ASYNC_TRY(async_sleep(0.001));
    }
    async_stream_abort(stream);
    async_stream_close(stream);
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
