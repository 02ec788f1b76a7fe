/*
 * io/operate.c: the bridge from completions to waits. The operation lies in the waiting frame, and
 * that frame stays until the completion has come, whatever else happens to the task.
 */
#include "io/operate.h"

struct operation_wait {
    struct operation operation; /* the kernel's until it is completed */
    struct wait wait;           /* of the task */
};

static void completed(struct operation *operation)
{
    struct operation_wait *waiting = CONTAINER_OF(operation, struct operation_wait, operation);
    asyncp_wake(&waiting->wait, NULL, operation->result);
}

static void pass_on(struct wait *wait)
{
    struct operation_wait *waiting = CONTAINER_OF(wait, struct operation_wait, wait);
    struct poller *poller = &wait->coroutine->task->loop->poller;
    poller->calls->cancel(poller, &waiting->operation);
}

int asyncp_operate(struct async_loop *loop, struct operation operation, const char *call)
{
    if (unlikely(loop_running(loop)->refused))
        return asyncp_refused(loop);
    if (operation.fd < 0)
        return -EBADF;
    if (operation.buffer == NULL && operation.size != 0)
        return -EINVAL;
    struct operation_wait waiting = {.operation = operation};
    waiting.operation.completed = completed;
    wait_init(&waiting.wait, call, (const void *)(intptr_t)operation.fd, pass_on);
    int result = loop->poller.calls->submit(&loop->poller, &waiting.operation);
    if (result != 0)
        return paced(loop, PACE_KERNEL, result < 0 ? result : waiting.operation.result);
    result = asyncp_park(loop, &waiting.wait);
    return unlikely(waiting.wait.object == WAIT_CLOSED) && result == -ECANCELED ? -EBADF : result;
}
