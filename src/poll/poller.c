/*
 * poll/poller.c: what all backends share: opening one, waking it from elsewhere, the plain call that is tried before
 * an operation waits, and the delivery of those that have happened.
 */
#include "poll/poll.h"
#include "sys/sys.h"

int async__poller_open(struct poller *poller, const struct poller_calls *calls, bool foreign,
                       async_allocator memory)
{
    *poller = (struct poller){.calls = calls, .foreign = foreign, .memory = memory};
    poller->wake_descriptor = async__sys_eventfd();
    if (poller->wake_descriptor < 0)
        return poller->wake_descriptor;
    int result = calls->open(poller);
    if (result < 0)
        async__sys_close(poller->wake_descriptor);
    return result;
}

void async__poller_close(struct poller *poller)
{
    ASSERT(poller->in_flight == 0);
    poller->calls->close(poller);
    async__sys_close(poller->wake_descriptor);
}

void async__poller_wake(const struct poller *poller)
{
    uint64_t one = 1;
    async__sys_write(poller->wake_descriptor, &one, sizeof one); /* a full counter is a wake as well */
}

void async__poller_woken(const struct poller *poller)
{
    uint64_t count;
    async__sys_read(poller->wake_descriptor, &count, sizeof count);
}

int async__poll_attempt(const struct operation *operation)
{
    if (operation->descriptor < 0)
        return -EBADF;
    switch (operation->kind) {
    case OPERATION_RECV:
        return async__sys_recv(operation->descriptor, operation->buffer, operation->size, operation->flags);
    case OPERATION_READABLE:
    case OPERATION_WRITABLE:
        return -EAGAIN; /* only the kernel's word for readiness counts */
    }
    return -EINVAL;
}

void async__poll_deliver(struct poller *poller, struct list *done)
{
    for (struct link *link; (link = list_first(done)) != NULL;) {
        struct operation *operation = CONTAINER_OF(link, struct operation, link);
        list_remove(link);
        poll_complete(poller, operation, operation->result);
    }
}
