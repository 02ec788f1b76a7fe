/*
 * poll/poller.c: what all backends share: opening one, waiting when the kernel is short of
 * something, waking it from elsewhere, the plain call that is tried before an operation waits, and
 * the delivery of those that have happened.
 */
#include "poll/watched.h"
#include "sys/sys.h"
#include <poll.h>

int asyncp_poller_open(struct poller *poller, const struct poller_calls *calls, bool foreign,
                       async_allocator memory)
{
    *poller = (struct poller){.calls = calls, .foreign = foreign, .memory = memory};
    poller->wake_descriptor = asyncp_sys_event_open();
    if (poller->wake_descriptor < 0)
        return poller->wake_descriptor;
    int result = calls->open(poller);
    if (result < 0)
        asyncp_sys_close(poller->wake_descriptor);
    return result;
}

void asyncp_poller_close(struct poller *poller)
{
    ASSERT(poller->in_flight == 0 || poller->inherited_from != NULL);
    poller->calls->close(poller);
    asyncp_watched_close(poller);
    asyncp_sys_close(poller->wake_descriptor);
}

/* ---- in a child of fork() ------------------------------------------------------------------- */

/* The backends give their copies back without a word to the kernel. */
static void inherited_close(struct poller *poller)
{
    poller->inherited_from->close(poller);
}

static int inherited_submit(struct poller *poller, struct operation *operation)
{
    (void)poller;
    (void)operation;
    return -EBADF;
}

static void inherited_cancel(struct poller *poller, struct operation *operation)
{
    (void)poller;
    (void)operation;
}

static int inherited_watch(struct poller *poller, struct source *source)
{
    (void)poller;
    (void)source;
    return -EBADF;
}

static void inherited_close_descriptor(struct poller *poller, int fd)
{
    (void)poller;
    asyncp_sys_close(fd);
}

static int inherited_wait(struct poller *poller, int64_t timeout_ns)
{
    (void)poller;
    (void)timeout_ns;
    return -EBADF;
}

static int inherited_descriptor(struct poller *poller)
{
    (void)poller;
    return -EBADF;
}

/*
 * An epoll set, a ring and an eventfd are one thing for both processes: what one changes, the other
 * meets.
 */
static const struct poller_calls inherited = {
    .name = "inherited",
    .wait_call = "none",
    .close = inherited_close,
    .submit = inherited_submit,
    .cancel = inherited_cancel,
    .watch = inherited_watch,
    .close_descriptor = inherited_close_descriptor,
    .wait = inherited_wait,
    .fd = inherited_descriptor,
};

void asyncp_poller_inherit(struct poller *poller)
{
    poller->inherited_from = poller->calls;
    poller->calls = &inherited;
}

/* ---- waiting and waking --------------------------------------------------------------------- */

int asyncp_poller_wait(struct poller *poller, int64_t timeout_ns)
{
    size_t before = poller->in_flight;
    int result = poller->calls->wait(poller, timeout_ns);
    poller->hurried = result == -ENOMEM || result == -EAGAIN || result == -EBUSY;
    if (!poller->hurried)
        return result;
    struct pollfd wake = {.fd = poller->wake_descriptor, .events = POLLIN};
    bool briefly = timeout_ns >= 0 && timeout_ns < POLLER_PAUSE_NS;
    if (poller->in_flight >= before) /* nothing was completed */
        asyncp_sys_poll(&wake, 1, briefly ? timeout_ns : POLLER_PAUSE_NS);
    return 0;
}

bool asyncp_poller_owes(const struct poller *poller)
{
    return poller->calls->owes != NULL && poller->calls->owes(poller);
}

void asyncp_poller_wake(const struct poller *poller)
{
    asyncp_sys_event_raise(poller->wake_descriptor);
}

void asyncp_poller_woken(const struct poller *poller)
{
    asyncp_sys_event_clear(poller->wake_descriptor);
}

int asyncp_poll_attempt(const struct operation *operation)
{
    if (operation->fd < 0)
        return -EBADF;
    switch (operation->kind) {
    case OPERATION_RECV:
        return asyncp_sys_recv(operation->fd, operation->buffer, operation->size, operation->flags);
    case OPERATION_READABLE:
    case OPERATION_WRITABLE:
        return -EAGAIN; /* only the kernel's word for readiness counts */
    }
    return -EINVAL;
}

void asyncp_poll_deliver(struct poller *poller, struct list *done)
{
    for (struct link *link; (link = list_first(done)) != NULL;) {
        struct operation *operation = CONTAINER_OF(link, struct operation, link);
        list_remove(link);
        poll_complete(poller, operation, operation->result);
    }
}
