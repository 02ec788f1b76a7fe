/*
 * async_sendfile.c: bytes that never come to the program: from file to socket, from pipe to descriptor
 *
 * Pages: async_sendfile async_splice
 */
#include <asyncio.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* The whole file, in as many pieces as the socket's room makes it. */
static int send_file(int descriptor, int file)
{
    off_t offset = 0;
    int size;
    do
        ASYNC_TRY(size = async_sendfile(descriptor, file, &offset, 1 << 20));
    while (size > 0);
    return (int)offset;
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
 */
