/*
 * io/splice.c: bytes between descriptors that never come to the program.
 */
#include "io/attempt.h"
#include "sys/socket.h"
#include "sys/file.h"
#include "sys/polling.h"
#include <asyncio/socket.h>
#include <limits.h>
#include <poll.h>

struct splicing {
    struct attempt attempt; /* which this is */
    int in;                 /* from where */
    int out;                /* to where */
    int64_t *in_offset;     /* in the file that in is; may be NULL */
    int64_t *out_offset;    /* in the file that out is; may be NULL */
    size_t count;           /* the most that is moved */
    unsigned flags;         /* of splice */
    bool begun;             /* neither blocks */
};

static int perform(const char *call, int (*make)(struct attempt *attempt), struct splicing splicing)
{
    struct async_loop *loop = loop_enter(call);
    splicing.attempt = (struct attempt){
        .make = make, .call = call, .fd = splicing.out, .until = OPERATION_WRITABLE};
    if (splicing.count > INT_MAX)
        splicing.count = INT_MAX;
    return asyncp_attempt(loop, &splicing.attempt);
}

static int try_to_sendfile(struct attempt *attempt)
{
    struct splicing *splicing = CONTAINER_OF(attempt, struct splicing, attempt);
    int result = splicing->begun ? 0 : asyncp_sys_set_nonblocking(splicing->out);
    if (result < 0)
        return result;
    splicing->begun = true;
    return asyncp_sys_sendfile(splicing->out, splicing->in, splicing->in_offset, splicing->count);
}

int async_sendfile(int fd, int file, int64_t *offset, size_t count)
{
    return perform("async_sendfile", try_to_sendfile,
                   (struct splicing){.in = file, .out = fd, .in_offset = offset, .count = count});
}

static int begin_to_splice(struct splicing *splicing)
{
    int result = asyncp_sys_set_nonblocking(splicing->in);
    if (result == 0)
        result = asyncp_sys_set_nonblocking(splicing->out);
    splicing->begun = result == 0;
    return result;
}

/* The kernel does not say which of them it would have to wait for. */
static void find_culprit(struct splicing *splicing)
{
    struct pollfd polled[] = {{.fd = splicing->in, .events = POLLIN},
                              {.fd = splicing->out, .events = POLLOUT}};
    asyncp_sys_poll(polled, 2, 0);
    bool is_empty = polled[0].revents == 0;
    splicing->attempt.fd = is_empty ? splicing->in : splicing->out;
    splicing->attempt.until = is_empty ? OPERATION_READABLE : OPERATION_WRITABLE;
}

static int try_to_splice(struct attempt *attempt)
{
    struct splicing *splicing = CONTAINER_OF(attempt, struct splicing, attempt);
    int result = splicing->begun ? 0 : begin_to_splice(splicing);
    if (result == 0)
        result = asyncp_sys_splice(splicing->in, splicing->in_offset, splicing->out,
                                   splicing->out_offset, splicing->count, splicing->flags);
    if (result == -EAGAIN)
        find_culprit(splicing);
    return result;
}

int async_splice(int in, int64_t *in_offset, int out, int64_t *out_offset, size_t count,
                 unsigned flags)
{
    return perform("async_splice", try_to_splice,
                   (struct splicing){.in = in,
                                     .in_offset = in_offset,
                                     .out = out,
                                     .out_offset = out_offset,
                                     .count = count,
                                     .flags = flags});
}
