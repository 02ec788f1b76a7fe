/*
 * async_sendfile.c: copy bytes in the kernel: from file to socket, from pipe to descriptor
 *
 * Pages: async_sendfile async_splice async_stream_sendfile
 */
#include <asyncio.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Sends the whole file, in as many calls as necessary. */
static int send_file(int fd, int file)
{
    off_t offset = 0;
    int size;
    do
        ASYNC_TRY(size = async_sendfile(fd, file, &offset, 1 << 20));
    while (size > 0);
    return (int)offset;
}

/* Sends it through a stream, after other output. */
static int send_page(int file)
{
    char *text;
    int ends[2];
    async_stream *stream, *peer;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        return -errno;
    ASYNC_TRY(async_stream_new(&stream, ends[0]));
    ASYNC_TRY(async_stream_new(&peer, ends[1]));
    async_stream_printf(stream, "a line, then ");
    ASYNC_TRY(async_stream_sendfile(stream, file, 0, 1 << 20));
    async_stream_close(stream);
    ASYNC_TRY(async_stream_read_all(peer, &text, 1 << 20));
    async_stream_close(peer);
    fputs(text, stdout);
    free(text);
    return 0;
}

static int amain(void)
{
    char text[64];
    int ends[2], pair[2], size;
    FILE *file = tmpfile();
    if (file == NULL || pipe(pair) < 0 ||
        socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        return -errno;
    fputs("from a file\n", file);
    fflush(file);

    ASYNC_TRY(send_file(ends[0], fileno(file)));
    ASYNC_TRY(async_splice(ends[1], NULL, pair[1], NULL, sizeof text, 0));
    ASYNC_TRY(size = (int)read(pair[0], text, sizeof text));
    printf("%.*s", size, text);

    ASYNC_TRY(send_page(fileno(file)));
    fclose(file);
    for (int i = 0; i < 2; i++) {
        async_close(ends[i]);
        async_close(pair[i]);
    }
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * from a file
 * a line, then from a file
 */
