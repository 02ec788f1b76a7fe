/*
 * async_recv.c: send and receive with sockets
 *
 * Pages: async_recv async_recvfrom async_recvmsg async_send async_sendto async_sendmsg
 * async_sendall
 */
#include <asyncio.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

/* Creates a datagram socket on a port that the kernel chooses. */
static int open_socket(struct sockaddr_in *address)
{
    socklen_t size = sizeof *address;
    *address = (struct sockaddr_in){.sin_family = AF_INET};
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = async_socket(AF_INET, SOCK_DGRAM, 0);
    if (fd >= 0 && (bind(fd, (void *)address, size) < 0 ||
                    getsockname(fd, (void *)address, &size) < 0))
        return -errno;
    return fd;
}

/* Sends datagrams back to their senders. */
static int echo(int fd)
{
    struct sockaddr_in from;
    char text[64];
    for (int size;;) {
        socklen_t from_size = sizeof from;
        ASYNC_TRY(size = async_recvfrom(fd, text, sizeof text, 0, (void *)&from,
                                        &from_size));
        ASYNC_TRY(
            async_sendto(fd, text, (size_t)size, 0, (void *)&from, from_size));
    }
}
async_fn(echo, int);

/* With several buffers, in both directions. */
static int ask_in_pieces(int fd)
{
    char first[4], second[64];
    struct iovec out[] = {{"in ", 3}, {"pieces", 6}};
    struct iovec in[] = {{first, sizeof first}, {second, sizeof second}};
    ASYNC_TRY(async_sendmsg(
        fd, &(struct msghdr){.msg_iov = out, .msg_iovlen = 2}, 0));
    int size = async_recvmsg(
        fd, &(struct msghdr){.msg_iov = in, .msg_iovlen = 2}, 0);
    if (size >= 4)
        printf("%.4s|%.*s\n", first, size - 4, second);
    return size;
}

static int ask(int fd)
{
    char text[64];
    int size;
    ASYNC_TRY(async_send(fd, "hello", 5, 0));
    ASYNC_TRY(size = async_recv(fd, text, sizeof text, 0));
    printf("%.*s\n", size, text);
    ASYNC_TRY(async_sendall(fd, "all of it", 9, 0));
    ASYNC_TRY(size = async_recv(fd, text, sizeof text, 0));
    printf("%.*s\n", size, text);
    return ask_in_pieces(fd);
}

static int amain(void)
{
    struct sockaddr_in server, client;
    int there, here;
    ASYNC_TRY(there = open_socket(&server));
    ASYNC_TRY(here = open_socket(&client));
    async_task *task = async_create_task(echo, there);

    int result = async_connect(here, (void *)&server, sizeof server);
    if (result == 0)
        result = ask(here);

    async_task_cancel(task);
    async_ignore(async_await(task));
    async_close(here);
    async_close(there);
    return result < 0 ? result : 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * hello
 * all of it
 * in p|ieces
 */
