/*
 * async_stdin.c: standard input, output and error as streams
 *
 * Pages: async_stdin async_stdout async_stderr
 */
#include <asyncio.h>

/* Copies standard input to standard output. */
static int copy(void)
{
    async_stream *in = async_stdin(), *out = async_stdout();
    const char *data;
    int size, sum = 0;
    if (in == NULL || out == NULL)
        return async_fail(-EBADF, "standard input or output is not open");
    while ((size = async_stream_borrow(in, &data)) > 0) {
        ASYNC_TRY(async_stream_write(out, data, (size_t)size));
        ASYNC_TRY(async_stream_drain(out));
        sum += size;
    }
    ASYNC_TRY(size);
    if (sum > 0 && async_stderr() != NULL)
        ASYNC_TRY(async_stream_printf(async_stderr(), "%d bytes\n", sum));
    return async_stream_printf(out, "that is all\n") < 0 ? -EPIPE : 0;
}
async_fn(copy);

int main(void)
{
    return async_main(copy); /* sends the rest */
}

/* Prints:
 * that is all
 */
