/*
 * net/socket.c: sockets of the user's: made, connected, accepted, closed.
 */
#include "net/address.h"
#include "io/attempt.h"
#include "poll/poll.h"
#include "sys/socket.h"
#include "sys/file.h"
#include <asyncio/socket.h>

int async_socket(int domain, int type, int protocol)
{
    return asyncp_sys_socket(domain, type, protocol);
}

/* ---- connect -------------------------------------------------------------------------------- */

struct connecting {
    struct attempt attempt;         /* which this is */
    const struct sockaddr *address; /* of the peer, the caller's */
    unsigned size;                  /* of it */
    bool begun;                     /* the kernel is at it */
};

static int begin_to_connect(struct connecting *connecting)
{
    int fd = connecting->attempt.fd;
    int result = asyncp_sys_set_nonblocking(fd);
    if (result == 0)
        result = asyncp_sys_connect(fd, connecting->address, connecting->size);
    connecting->begun = result == -EINPROGRESS || result == -EINTR || result == -EALREADY;
    return connecting->begun ? -EAGAIN : result;
}

static int try_to_connect(struct attempt *attempt)
{
    struct connecting *connecting = CONTAINER_OF(attempt, struct connecting, attempt);
    if (connecting->address == NULL || connecting->size < sizeof connecting->address->sa_family)
        return -EINVAL;
    return connecting->begun ? asyncp_sys_socket_error(attempt->fd) : begin_to_connect(connecting);
}

int async_connect(int fd, const struct sockaddr *address, unsigned size)
{
    struct async_loop *loop = loop_enter("async_connect");
    struct connecting connecting = {
        .attempt = {.make = try_to_connect,
                    .call = "async_connect",
                    .fd = fd,
                    .until = OPERATION_WRITABLE},
        .address = address,
        .size = size,
    };
    int result = asyncp_attempt(loop, &connecting.attempt);
    bool blames_peer = result < 0 && result != -ECANCELED && result != -EBADF && result != -EINVAL;
    return blames_peer ? asyncp_fail_to_connect(result, address, size) : result;
}

/* ---- accept --------------------------------------------------------------------------------- */

struct accepting {
    struct attempt attempt;   /* which this is */
    struct sockaddr *address; /* where the peer's is to go; may be NULL */
    unsigned *size;           /* the room there; may be NULL if that is */
    bool begun;               /* the socket does not block */
};

static int try_to_accept(struct attempt *attempt)
{
    struct accepting *accepting = CONTAINER_OF(attempt, struct accepting, attempt);
    if (accepting->address != NULL && accepting->size == NULL)
        return -EINVAL;
    int result = accepting->begun ? 0 : asyncp_sys_set_nonblocking(attempt->fd);
    if (result < 0)
        return result;
    accepting->begun = true;
    result = asyncp_sys_accept(attempt->fd, accepting->address, accepting->size);
    return asyncp_sys_is_transient_accept_error(result) ? -EAGAIN : result;
}

int async_accept(int fd, struct sockaddr *address, unsigned *size)
{
    struct async_loop *loop = loop_enter("async_accept");
    struct accepting accepting = {
        .attempt = {.make = try_to_accept,
                    .call = "async_accept",
                    .fd = fd,
                    .until = OPERATION_READABLE},
        .address = address,
        .size = size,
    };
    return asyncp_attempt(loop, &accepting.attempt);
}

/* ---- close ---------------------------------------------------------------------------------- */

int async_close(int fd)
{
    struct async_loop *loop = asyncp_current;
    if (fd < 0 || !asyncp_sys_is_open(fd))
        return -EBADF;
    if (loop == NULL) {
        asyncp_sys_close(fd);
        return 0;
    }
    ENSURE(!asyncp_poller_has_source(&loop->poller, fd),
           "async_close(%d): that is a stream's or a server's descriptor; close the stream or the "
           "server",
           fd);
    poller_close_fd(&loop->poller, fd);
    return 0;
}
