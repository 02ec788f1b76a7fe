/*
 * io/retry.c: waiting between two tries of a system call.
 */
#include "io/retry.h"
#include "io/submit.h"
#include "poll/poll.h"
#include "sys/polling.h"
#include <asyncio/time.h>
#include <poll.h>

static const double FIRST_PAUSE_SECONDS = 0.001, MAX_PAUSE_SECONDS = 0.1;

int asyncp_retry_begin(struct retry *retry, const char *call)
{
    struct async_loop *loop = loop_enter(call);
    *retry = (struct retry){.loop = loop, .call = call};
    if (pace_is_due(loop, PACE_KERNEL))
        asyncp_yield(loop);
    return unlikely(loop_running(loop)->cancel_pending) ? asyncp_fail_cancelled(loop) : 0;
}

static bool poll_is_ready(int fd, enum operation_kind until)
{
    short events = until == OPERATION_WRITABLE ? POLLOUT : POLLIN;
    struct pollfd polled = {.fd = fd, .events = events};
    return asyncp_sys_poll(&polled, 1, 0) > 0;
}

static int pause_before_retry(struct retry *retry)
{
    double seconds = retry->pause_seconds > 0 ? retry->pause_seconds * 2 : FIRST_PAUSE_SECONDS;
    retry->pause_seconds = seconds < MAX_PAUSE_SECONDS ? seconds : MAX_PAUSE_SECONDS;
    return async_sleep(retry->pause_seconds);
}

int asyncp_retry_wait(struct retry *retry, int fd, enum operation_kind until)
{
    struct async_loop *loop = retry->loop;
    const struct operation operation = {.kind = until, .fd = fd};
    uint32_t closings = asyncp_poller_close_count(&loop->poller, fd);
    int result = retry->was_ready && poll_is_ready(fd, until)
                     ? pause_before_retry(retry)
                     : asyncp_submit(loop, operation, retry->call);
    if (result >= 0 && asyncp_poller_close_count(&loop->poller, fd) != closings)
        return -EBADF;
    retry->was_ready = true;
    return result;
}
