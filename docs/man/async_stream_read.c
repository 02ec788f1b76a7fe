/*
 * async_stream_read.c: read from a stream
 *
 * Pages: async_stream_read async_stream_readexactly async_stream_readline
 * async_stream_readuntil async_stream_readuntil_n async_stream_read_all
 * async_stream_borrow async_stream_borrow_line async_stream_peek
 * async_stream_consume async_stream_at_eof async_stream_new
 */
#include <asyncio.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int read_parts(async_stream *stream)
{
    char text[64];
    const char *lent;
    int size;
    ASYNC_TRY(size = async_stream_readline(stream, text, sizeof text));
    printf("a line of %d bytes: %s", size, text);
    ASYNC_TRY(
        size = async_stream_readuntil(stream, text, sizeof text, ";", ","));
    printf("up to the first of two separators: %.*s\n", size, text);
    ASYNC_TRY(size = async_stream_readexactly(stream, text, 4));
    printf("exactly %d: %.4s\n", size, text);
    ASYNC_TRY(size = async_stream_borrow_line(stream, &lent)); /* not copied */
    printf("lent: %.*s", size, lent);
    ASYNC_TRY(size = async_stream_peek(stream, &lent, 2));
    printf("%d bytes are in the buffer, beginning with %.2s\n", size, lent);
    async_stream_consume(stream, 2);
    ASYNC_TRY(size = async_stream_read(stream, text, 3));
    printf("at most 3: %.*s\n", size, text);
    return 0;
}

static int read_to_the_end(async_stream *stream)
{
    char *text;
    const char *nothing;
    ASYNC_TRY(async_stream_read_all(stream, &text, 1000));
    printf("all the rest: %s\n", text);
    free(text);
    if (async_stream_at_eof(stream))
        printf("the end: %d\n", async_stream_borrow(stream, &nothing));
    return 0;
}

static int amain(void)
{
    static const char letter[] = "Dear all,\none;two,1234lent\nxyabc and so on";
    const char *separators[] = {"!"}; /* for async_stream_readuntil_n */
    char text[8];
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        return -errno;
    async_auto_stream *stream = NULL;
    ASYNC_TRY(async_stream_new(&stream, ends[0])); /* takes ends[0] */
    if (write(ends[1], letter, sizeof letter - 1) < 0)
        return -errno;
    close(ends[1]);
    ASYNC_TRY(read_parts(stream));
    printf("%s\n", async_strerror(async_stream_readuntil_n(
                       stream, text, sizeof text, separators, 1)));
    return read_to_the_end(stream); /* what did not fit was not read */
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * a line of 10 bytes: Dear all,
 * up to the first of two separators: one;
 * exactly 4: two,
 * lent: 1234lent
 * 15 bytes are in the buffer, beginning with xy
 * at most 3: abc
 * -EMSGSIZE: no end within the first 8 bytes
 * all the rest:  and so on
 * the end: 0
 */
