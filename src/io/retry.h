/*
 * io/retry.h: a system call that never blocks, made again after each -EAGAIN:
 *
 *      struct retry retry;
 *      ASYNC_TRY(asyncp_retry_begin(&retry, "async_send"));
 *      do
 *          result = asyncp_sys_send(fd, data, size, flags);
 *      while (result == -EAGAIN &&
 *             (result = asyncp_retry_wait(&retry, fd, OPERATION_WRITABLE)) >= 0);
 *      return retry_end(&retry, result);
 *
 * While the task waits, the kernel holds nothing of the caller's. So the result of the successful
 * call is final, and a cancellation has nothing to undo.
 */
#ifndef IO_RETRY_H
#define IO_RETRY_H

#include "sched/sched.h"

struct retry {
    struct async_loop *loop;
    const char *call;     /* the public name, for people */
    double pause_seconds; /* the last one; 0: none yet */
    bool was_ready;       /* a wait has ended because the descriptor was ready */
};

/* For a task entering the call. 0 or -ECANCELED. Switches. */
int asyncp_retry_begin(struct retry *retry, const char *call);

/*
 * Waits until the call is worth another try: 0 or more, or -errno. -EBADF: async_close has closed
 * the descriptor meanwhile.
 *
 * The kernel may report a descriptor as ready while the call still returns -EAGAIN, for example a
 * Unix datagram socket whose peer has no room. The tries are 1 to 100 ms apart then. Switches.
 */
int asyncp_retry_wait(struct retry *retry, int fd, enum operation_kind until);

/* Returns the result of the call; an error has the system's text. */
static inline int retry_end(const struct retry *retry, int result)
{
    return likely(result >= 0) ? result : asyncp_fail_plainly(retry->loop, result);
}

#endif
