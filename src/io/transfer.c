/*
 * io/transfer.c: bytes to and from sockets of the user's.
 */
#include "io/attempt.h"
#include "io/operate.h"
#include "sys/socket.h"
#include <asyncio/socket.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* ---- whole messages ------------------------------------------------------------------------- */

/* The arguments of the calls; each uses its own. */
struct transfer {
    struct attempt attempt; /* which this is */
    union {
        void *buffer;     /* where it goes */
        const void *data; /* where it comes from */
    };
    size_t size;                      /* of that */
    int flags;                        /* as the namesake's */
    struct sockaddr *sender;          /* where the sender's address is to go; may be NULL */
    unsigned *sender_size;            /* of it; may be NULL if that is */
    const struct sockaddr *receiver;  /* to whom; may be NULL */
    unsigned receiver_size;           /* of that */
    struct msghdr *message_in;        /* of recvmsg */
    const struct msghdr *message_out; /* of sendmsg */
};

static int perform(const char *call, int fd, enum operation_kind until,
                   int (*make)(struct attempt *attempt), struct transfer transfer)
{
    struct async_loop *loop = loop_enter(call);
    transfer.attempt = (struct attempt){.make = make, .call = call, .fd = fd, .until = until};
    if (transfer.size > INT_MAX)
        transfer.size = INT_MAX;
    return asyncp_attempt(loop, &transfer.attempt);
}

static bool is_nowhere(const struct transfer *transfer)
{
    return transfer->data == NULL && transfer->size != 0;
}

static int try_to_recvfrom(struct attempt *attempt)
{
    const struct transfer *transfer = CONTAINER_OF(attempt, struct transfer, attempt);
    bool unsized = transfer->sender != NULL && transfer->sender_size == NULL;
    if (is_nowhere(transfer) || unsized || (transfer->flags & MSG_WAITALL) != 0)
        return -EINVAL;
    return asyncp_sys_recvfrom(attempt->fd, transfer->buffer, transfer->size, transfer->flags,
                               transfer->sender, transfer->sender_size);
}

int async_recvfrom(int fd, void *buffer, size_t size, int flags, struct sockaddr *address,
                   unsigned *address_size)
{
    return perform("async_recvfrom", fd, OPERATION_READABLE, try_to_recvfrom,
                   (struct transfer){.buffer = buffer,
                                     .size = size,
                                     .flags = flags,
                                     .sender = address,
                                     .sender_size = address_size});
}

static int try_to_recvmsg(struct attempt *attempt)
{
    const struct transfer *transfer = CONTAINER_OF(attempt, struct transfer, attempt);
    if (transfer->message_in == NULL || (transfer->flags & MSG_WAITALL) != 0)
        return -EINVAL;
    return asyncp_sys_recvmsg(attempt->fd, transfer->message_in, transfer->flags);
}

int async_recvmsg(int fd, struct msghdr *message, int flags)
{
    return perform("async_recvmsg", fd, OPERATION_READABLE, try_to_recvmsg,
                   (struct transfer){.message_in = message, .flags = flags});
}

static int try_to_send(struct attempt *attempt)
{
    const struct transfer *transfer = CONTAINER_OF(attempt, struct transfer, attempt);
    if (is_nowhere(transfer))
        return -EINVAL;
    return transfer->receiver == NULL && transfer->receiver_size == 0
               ? asyncp_sys_send(attempt->fd, transfer->data, transfer->size, transfer->flags)
               : asyncp_sys_sendto(attempt->fd, transfer->data, transfer->size, transfer->flags,
                                   transfer->receiver, transfer->receiver_size);
}

int async_send(int fd, const void *data, size_t size, int flags)
{
    return perform("async_send", fd, OPERATION_WRITABLE, try_to_send,
                   (struct transfer){.data = data, .size = size, .flags = flags});
}

int async_sendto(int fd, const void *data, size_t size, int flags, const struct sockaddr *address,
                 unsigned address_size)
{
    return perform("async_sendto", fd, OPERATION_WRITABLE, try_to_send,
                   (struct transfer){.data = data,
                                     .size = size,
                                     .flags = flags,
                                     .receiver = address,
                                     .receiver_size = address_size});
}

static int try_to_sendmsg(struct attempt *attempt)
{
    const struct transfer *transfer = CONTAINER_OF(attempt, struct transfer, attempt);
    if (transfer->message_out == NULL)
        return -EINVAL;
    return asyncp_sys_sendmsg(attempt->fd, transfer->message_out, transfer->flags);
}

int async_sendmsg(int fd, const struct msghdr *message, int flags)
{
    return perform("async_sendmsg", fd, OPERATION_WRITABLE, try_to_sendmsg,
                   (struct transfer){.message_out = message, .flags = flags});
}

/* ---- all of it ------------------------------------------------------------------------------ */

/* The reason of a request is not lost: the task has it still. */
static int fail_half_way(int error, size_t sent, size_t size)
{
    return async_fail_errno(error, "%zu of %zu bytes were sent", sent, size);
}

int async_sendall(int fd, const void *data, size_t size, int flags)
{
    size_t sent = 0;
    do {
        const char *rest = data != NULL ? (const char *)data + sent : NULL;
        int result = perform("async_sendall", fd, OPERATION_WRITABLE, try_to_send,
                             (struct transfer){.data = rest, .size = size - sent, .flags = flags});
        if (result < 0)
            return sent > 0 ? fail_half_way(result, sent, size) : result;
        sent += (size_t)result;
    } while (sent < size);
    return 0;
}

/* ---- into the caller's buffer --------------------------------------------------------------- */

int async_recv(int fd, void *buffer, size_t size, int flags)
{
    struct operation operation = {
        .kind = OPERATION_RECV,
        .fd = fd,
        .buffer = buffer,
        .size = size < INT_MAX ? size : INT_MAX,
        .flags = flags & ~MSG_DONTWAIT, /* waiting is what we do */
    };
    struct async_loop *loop = loop_enter("async_recv");
    if ((flags & MSG_WAITALL) != 0 && !loop_running(loop)->refused)
        return -EINVAL;
    return asyncp_operate(loop, operation, "async_recv");
}
