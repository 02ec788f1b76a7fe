/*
 * async_recv.c: send and receive with sockets of your own
 *
 * Pages: async_recv async_recvfrom async_recvmsg async_send async_sendto async_sendmsg async_sendall
 */
#include <asyncio.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

/* A socket for datagrams, at a port that the kernel chooses. */
static int open_socket(struct sockaddr_in *address)
{
    socklen_t size = sizeof *address;
    *address = (struct sockaddr_in){.sin_family = AF_INET};
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int descriptor = async_socket(AF_INET, SOCK_DGRAM, 0);
    if (descriptor >= 0 &&
        (bind(descriptor, (void *)address, size) < 0 ||
         getsockname(descriptor, (void *)address, &size) < 0))
        return -errno;
    return descriptor;
}

/* Sends three datagrams back to whoever they come from. */
static int echo(int descriptor)
{
    struct sockaddr_in from;
    char text[64];
    for (int i = 0, size; i < 3; i++) {
        socklen_t from_size = sizeof from;
        ASYNC_TRY(size = async_recvfrom(descriptor, text, sizeof text, 0,
                                        (void *)&from, &from_size));
        ASYNC_TRY(async_sendto(descriptor, text, (size_t)size, 0, (void *)&from,
                               from_size));
    }
    return 0;
}
async_fn(echo, int);

static int amain(void)
{
    struct sockaddr_in server, client;
    char text[64];
    int there, here, size;
    ASYNC_TRY(there = open_socket(&server));
    ASYNC_TRY(here = open_socket(&client));
    async_task *task = async_create_task(echo, there);

    ASYNC_TRY(async_connect(here, (void *)&server, sizeof server));
    ASYNC_TRY(async_sendall(here, "one", 3, 0)); /* each is a datagram */
    ASYNC_TRY(async_send(here, "two", 3, 0));
    for (int i = 0; i < 2; i++) {
        ASYNC_TRY(size = async_recv(here, text, sizeof text, 0));
        printf("%.*s\n", size, text);
    }

    struct iovec parts[] = {{"th", 2}, {"ree", 3}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ASYNC_TRY(async_sendmsg(here, &message, 0));
    parts[0] = (struct iovec){text, sizeof text};
    message.msg_iovlen = 1;
    ASYNC_TRY(size = async_recvmsg(here, &message, 0));
    printf("%.*s\n", size, text);

    async_close(here);
    async_close(there);
    return async_await(task);
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * one
 * two
 * three
 */
