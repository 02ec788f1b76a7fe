/*
 * async_start_server_fd.c: serve on a socket that the program has bound
 *
 * Pages: async_start_server_fd
 */
#include <asyncio.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static int greet(async_stream *stream, void *unused)
{
    (void)unused;
    return async_stream_printf(stream, "hello\n");
}

/* In place of descriptor 3, which systemd passes to a service. */
static int bind_socket(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0)
        return -errno;
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int error = -errno;
    close(fd);
    return error;
}

static int amain(void)
{
    async_auto_wait_server *server = NULL;
    async_auto_stream *stream = NULL;
    char line[16];
    int fd;
    ASYNC_TRY(fd = bind_socket());
    int result = async_start_server_fd(&server, greet, NULL, fd, NULL);
    if (result < 0) {
        close(fd); /* the server has not taken it */
        return result;
    }
    int port = async_server_port(server);
    ASYNC_TRY(async_open_connection(&stream, "127.0.0.1", port, NULL));
    ASYNC_TRY(async_stream_readline(stream, line, sizeof line));
    fputs(line, stdout);
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * hello
 */
