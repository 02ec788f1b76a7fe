/*
 * http.c: what async_open_connection, a write and a read of a stream will do: a socket that does not block, and a wait
 * wherever it would have to.
 */
#include "http.h"
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void close_socket(const int *descriptor)
{
    if (*descriptor >= 0)
        close(*descriptor);
}

static int make_connection(int descriptor, const struct sockaddr *address, socklen_t size)
{
    if (connect(descriptor, address, size) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return -errno;
    ASYNC_TRY(async_wait_writable(descriptor));
    int error = 0;
    getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &(socklen_t){sizeof error});
    return -error;
}

/* getaddrinfo blocks, so it has a thread of its own. */
static int resolve(const char *host, const char *port, struct addrinfo **addresses)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    int error = getaddrinfo(host, port, &hints, addresses);
    return error == 0 ? 0 : async_fail(-EHOSTUNREACH, "%s: %s", host, gai_strerror(error));
}
async_fn(resolve, const char *, const char *, struct addrinfo **);

/* The socket, connected to the first of the addresses that answers. */
static int open_connection(const struct addrinfo *addresses)
{
    int result = -EHOSTUNREACH;
    for (const struct addrinfo *each = addresses; each != NULL && result != -ECANCELED;
         each = each->ai_next) {
        int descriptor = socket(each->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (descriptor < 0)
            return -errno;
        result = make_connection(descriptor, each->ai_addr, each->ai_addrlen);
        if (result >= 0)
            return descriptor;
        close(descriptor);
    }
    return result;
}

static int send_all(int descriptor, const char *text, size_t size)
{
    for (ssize_t sent; size > 0; text += sent, size -= (size_t)sent) {
        while ((sent = send(descriptor, text, size, MSG_NOSIGNAL)) < 0 && errno == EAGAIN)
            ASYNC_TRY(async_wait_writable(descriptor));
        if (sent < 0)
            return -errno;
    }
    return 0;
}

static int receive_all(int descriptor, char **reply, size_t limit)
{
    size_t used = 0, room = 0;
    for (int received = 1; received > 0; used += (size_t)received) {
        if (room - used < 2) { /* a byte and the zero at the end */
            char *more = realloc(*reply, room = room * 2 + 4096);
            if (more == NULL)
                return -ENOMEM;
            *reply = more;
        }
        ASYNC_TRY(received = async_recv(descriptor, *reply + used, room - used - 1, 0));
        (*reply)[used + (size_t)received] = 0;
        if (used + (size_t)received > limit)
            return -EFBIG;
    }
    return (int)used;
}

int http_exchange(const char *host, const char *port, const char *request, char **reply, size_t limit)
{
    struct addrinfo *addresses;
    ASYNC_TRY(async_to_thread(resolve, host, port, &addresses));
    ASYNC_CLEANUP(close_socket) int descriptor = open_connection(addresses);
    freeaddrinfo(addresses);
    ASYNC_TRY(descriptor);
    ASYNC_TRY(send_all(descriptor, request, strlen(request)));

    *reply = NULL;
    int length = receive_all(descriptor, reply, limit);
    if (length < 0)
        free(*reply);
    return length;
}
