/*
 * io/submit.c: the bridge from completions to waits. The operation lies in the frame of the waiting
 * call, and the frame stays until the completion has come, whatever else happens to the task.
 */
#include "io/submit.h"
#include "poll/poll.h"
#include <asyncio/io.h>

struct submission {
    struct operation operation; /* the poller's until it is completed */
    struct file_wait file;
};

static void finish_submission(struct operation *operation)
{
    struct submission *submission = CONTAINER_OF(operation, struct submission, operation);
    asyncp_wake(&submission->file.wait, NULL, operation->result);
}

static void cancel_submission(struct wait *wait)
{
    struct submission *submission = CONTAINER_OF(wait, struct submission, file.wait);
    struct poller *poller = &wait->coroutine->task->loop->poller;
    poller_cancel(poller, &submission->operation);
}

static int submit_and_wait(struct async_loop *loop, const struct operation *operation,
                           const char *call)
{
    struct submission submission = {.operation = *operation};
    submission.operation.completed = finish_submission;
    struct wait *wait = &submission.file.wait;
    wait_init(wait, call, (const void *)(intptr_t)operation->fd, cancel_submission);
    int result = poller_submit(&loop->poller, &submission.operation);
    if (result != 0)
        return paced(loop, PACE_KERNEL, result < 0 ? result : submission.operation.result);
    loop_note_file(loop, &submission.file);
    result = asyncp_park(loop, wait);
    bool was_closed = wait->object == WAIT_CLOSED;
    return unlikely(was_closed) && result == -ECANCELED ? -EBADF : result;
}

int asyncp_submit(struct async_loop *loop, struct operation operation, const char *call)
{
    if (unlikely(loop_running(loop)->cancel_pending))
        return asyncp_fail_cancelled(loop);
    if (operation.buffer == NULL && operation.size != 0)
        return async_fail(-EINVAL, "%s: buffer is NULL", call);
    int result = operation.fd >= 0 ? submit_and_wait(loop, &operation, call) : -EBADF;
    return likely(result >= 0) ? result : asyncp_fail_plainly(loop, result);
}

int async_wait_readable(int fd)
{
    struct async_loop *loop = loop_enter("async_wait_readable");
    const struct operation operation = {.kind = OPERATION_READABLE, .fd = fd};
    return asyncp_submit(loop, operation, "async_wait_readable");
}

int async_wait_writable(int fd)
{
    struct async_loop *loop = loop_enter("async_wait_writable");
    const struct operation operation = {.kind = OPERATION_WRITABLE, .fd = fd};
    return asyncp_submit(loop, operation, "async_wait_writable");
}
