/*
 * poll/poller.c: code shared by the backends: opening a poller, waiting when the kernel is short of
 * memory, wakes, the child of fork(), and the reporting of operations.
 */
#include "poll/fd_table.h"
#include "sys/file.h"
#include "sys/polling.h"
#include "sys/socket.h"

int asyncp_poller_open(struct poller *poller, const struct poller_calls *calls, bool hosted,
                       async_allocator memory)
{
    *poller = (struct poller){.calls = calls, .hosted = hosted, .memory = memory};
    poller->entry_size = calls->entry_size;
    poller->wake_fd = asyncp_sys_eventfd_open();
    if (poller->wake_fd < 0)
        return poller->wake_fd;
    int result = calls->open(poller);
    if (result < 0)
        asyncp_sys_close(poller->wake_fd);
    return result;
}

void asyncp_poller_close(struct poller *poller)
{
    ASSERT(poller->in_flight == 0 || poller->inherited_from != NULL);
    poller->calls->close(poller);
    asyncp_fd_table_close(poller);
    asyncp_sys_close(poller->wake_fd);
}

bool asyncp_poller_has_source(const struct poller *poller, int fd)
{
    const struct fd_entry *entry = fd_entry_find(poller, fd);
    return entry != NULL && entry->source != NULL;
}

uint32_t asyncp_poller_close_count(const struct poller *poller, int fd)
{
    const struct fd_entry *entry = fd_entry_find(poller, fd);
    return entry != NULL ? entry->close_count : 0;
}

/* ---- in a child of fork() ------------------------------------------------------------------- */

/* The backends free their memory and close their descriptors. */
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

static void inherited_close_fd(struct poller *poller, int fd)
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

static int inherited_fd(struct poller *poller)
{
    (void)poller;
    return -EBADF;
}

/*
 * The epoll set, the ring and the eventfd are shared with the parent, so the child must not use
 * them.
 */
static const struct poller_calls inherited = {
    .name = "inherited",
    .wait_call = "none",
    .close = inherited_close,
    .submit = inherited_submit,
    .cancel = inherited_cancel,
    .watch = inherited_watch,
    .close_fd = inherited_close_fd,
    .wait = inherited_wait,
    .fd = inherited_fd,
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
    poller->retry_soon = result == -ENOMEM || result == -EAGAIN || result == -EBUSY;
    if (!poller->retry_soon)
        return result;
    struct pollfd wake = {.fd = poller->wake_fd, .events = POLLIN};
    bool is_shorter = timeout_ns >= 0 && timeout_ns < POLLER_PAUSE_NS;
    if (poller->in_flight >= before) /* nothing completed: pause instead of spinning */
        asyncp_sys_poll(&wake, 1, is_shorter ? timeout_ns : POLLER_PAUSE_NS);
    return 0;
}

bool asyncp_poller_has_unsubmitted(const struct poller *poller)
{
    return poller->calls->has_unsubmitted != NULL && poller->calls->has_unsubmitted(poller);
}

void asyncp_poller_wake(const struct poller *poller)
{
    asyncp_sys_eventfd_raise(poller->wake_fd);
}

void asyncp_poller_clear_wake(const struct poller *poller)
{
    asyncp_sys_eventfd_clear(poller->wake_fd);
}

int asyncp_operation_try(const struct operation *operation)
{
    if (operation->fd < 0)
        return -EBADF;
    switch (operation->kind) {
    case OPERATION_RECV:
        return asyncp_sys_recv(operation->fd, operation->buffer, operation->size, operation->flags);
    case OPERATION_READABLE:
    case OPERATION_WRITABLE:
        return -EAGAIN; /* only the kernel knows */
    }
    return -EINVAL;
}

void asyncp_operations_fail(struct list *waiters, int result, struct list *done)
{
    for (struct link *link; (link = list_first(waiters)) != NULL;) {
        list_remove(link);
        operation_set_done(CONTAINER_OF(link, struct operation, link), result, done);
    }
}

void asyncp_operations_report(struct poller *poller, struct list *done)
{
    for (struct link *link; (link = list_first(done)) != NULL;) {
        struct operation *operation = CONTAINER_OF(link, struct operation, link);
        list_remove(link);
        operation_complete(poller, operation, operation->result);
    }
}
