/*
 * async_pipe.c: streams of pipes, terminals and files
 *
 * Pages: async_pipe async_connect_read_pipe async_connect_write_pipe
 */
#include <asyncio.h>
#include <stdio.h>
#include <stdlib.h>

static int count(async_stream *out, int last)
{
    for (int i = 1; i <= last; i++) {
        ASYNC_TRY(async_stream_printf(out, "%d\n", i));
        ASYNC_TRY(async_stream_drain(out));
    }
    return async_stream_wait_closed(out); /* the reader finds the end */
}
async_fn(count, async_stream *, int);

static int amain(void)
{
    int fds[2], size, sum = 0;
    char line[32];
    async_stream *out;
    async_auto_stream *in = NULL;
    ASYNC_TRY(async_pipe(fds));
    ASYNC_TRY(async_connect_read_pipe(&in, fds[0])); /* takes the descriptor */
    ASYNC_TRY(async_connect_write_pipe(&out, fds[1]));
    async_task *counter = async_create_task(count, out, 10000);
    while ((size = async_stream_readline(in, line, sizeof line)) > 0)
        sum += atoi(line);
    ASYNC_TRY(size);
    printf("the sum is %d\n", sum);
    printf("%s\n", async_strerror(async_stream_write(in, "x", 1)));
    return async_await(counter);
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * the sum is 50005000
 * -EBADF: async_stream_write: this stream is for reading only
 */
