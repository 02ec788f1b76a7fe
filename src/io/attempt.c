/*
 * io/attempt.c: try, wait, try again.
 */
#include "io/attempt.h"
#include "io/operate.h"
#include "poll/watched.h"
#include <asyncio/time.h>
#include <poll.h>

static const double FIRST_PAUSE_SECONDS = 0.001, LONGEST_PAUSE_SECONDS = 0.1;

static bool is_ready_now(const struct attempt *attempt)
{
    struct pollfd polled = {.fd = attempt->fd,
                            .events = attempt->until == OPERATION_WRITABLE ? POLLOUT : POLLIN};
    return asyncp_sys_poll(&polled, 1, 0) > 0;
}

/* Sleeps, longer each time. */
static int pause_for(double *seconds)
{
    *seconds = *seconds > 0 ? *seconds * 2 : FIRST_PAUSE_SECONDS;
    if (*seconds > LONGEST_PAUSE_SECONDS)
        *seconds = LONGEST_PAUSE_SECONDS;
    return async_sleep(*seconds);
}

int asyncp_attempt(struct async_loop *loop, struct attempt *attempt)
{
    bool was_told = false; /* that the call would do */
    double seconds = 0;
    async_ignore(paced(loop, PACE_KERNEL, 0));
    if (unlikely(loop_running(loop)->refused))
        return asyncp_refused(loop);
    for (;;) {
        int result = attempt->make(attempt);
        if (result != -EAGAIN)
            return result;
        uint32_t closings = watched_closings(&loop->poller, attempt->fd);
        const struct operation wait = {.kind = attempt->until, .fd = attempt->fd};
        result = was_told && is_ready_now(attempt) ? pause_for(&seconds)
                                                   : asyncp_operate(loop, wait, attempt->call);
        if (result < 0)
            return result;
        if (watched_closings(&loop->poller, attempt->fd) != closings)
            return -EBADF;
        was_told = true;
    }
}
