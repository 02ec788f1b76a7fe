/*
 * poll/epoll.c: the epoll backend. Descriptors of the program are armed one-shot for as long as an
 * operation waits on them. Their numbers are reused by other descriptors without our knowledge, so
 * EEXIST and ENOENT are expected and corrected. A source is registered once, for all events,
 * edge-triggered.
 *
 * Invariant: between calls a descriptor is armed for the events its operations wait for, or it is a
 * source.
 */
#include "poll/backends.h"
#include "poll/fd_table.h"
#include "sys/file.h"
#include "sys/polling.h"
#include <sys/epoll.h>
#include <sys/stat.h>

/* As many as the loop runs in one batch: the kernel has just touched their sockets. */
enum { MAX_EVENTS = 32 };

enum { READ_EVENTS = EPOLLIN | EPOLLRDHUP, FAILED_EVENTS = EPOLLERR | EPOLLHUP };
static const uint32_t SOURCE_EVENTS = READ_EVENTS | EPOLLOUT | EPOLLPRI | EPOLLET;

_Static_assert(EPOLLIN == POLLIN && EPOLLPRI == POLLPRI && EPOLLOUT == POLLOUT &&
                   EPOLLERR == POLLERR && EPOLLHUP == POLLHUP && EPOLLRDHUP == POLLRDHUP,
               "source_state_of takes epoll's events");

enum { WAKE_KEY = -1 }; /* in the events of the eventfd */

struct epoll {
    int fd;
};

struct epoll_entry {
    struct fd_entry common;
    uint32_t armed;     /* events of the registration for operations; 0: not armed */
    uint8_t idle_count; /* events in a row without a completion, up to MAX_IDLE_EVENTS */
};

enum { MAX_IDLE_EVENTS = 40 };

static struct epoll_entry *epoll_entry_of(struct fd_entry *entry)
{
    return CONTAINER_OF(entry, struct epoll_entry, common);
}

static void epoll_close(struct poller *poller)
{
    struct epoll *epoll = poller->backend;
    if (epoll->fd >= 0)
        asyncp_sys_close(epoll->fd);
    memory_free(&poller->memory, epoll, sizeof *epoll);
}

static int epoll_open(struct poller *poller)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = (uint64_t)WAKE_KEY};
    struct epoll *epoll = memory_new(&poller->memory, sizeof *epoll);
    if (epoll == NULL)
        return -ENOMEM;
    poller->backend = epoll;
    int result = epoll->fd = asyncp_sys_epoll_create();
    if (result >= 0)
        result = asyncp_sys_epoll_ctl(epoll->fd, EPOLL_CTL_ADD, poller->wake_fd, &event);
    if (result < 0)
        epoll_close(poller);
    return result < 0 ? result : 0;
}

/*
 * With these errors the kernel may mean our descriptor, not that of the caller. It has no type, as
 * sockets, pipes and files have one.
 */
static void check_own_descriptor(const struct epoll *epoll, int result)
{
    struct stat status;
    ENSURE(result != -EBADF || asyncp_sys_is_open(epoll->fd),
           "the loop's own descriptor is gone: the program has closed it, or closed one descriptor "
           "twice");
    ENSURE(
        result != -EINVAL || asyncp_sys_fd_status(epoll->fd, &status) < 0 ||
            (status.st_mode & S_IFMT) == 0,
        "the loop's own descriptor is another file now: the program has closed it, or closed one "
        "descriptor twice, and has then opened that");
}

/*
 * Adds or modifies the registration, whichever the kernel accepts. After an error it is unchanged.
 */
static int register_events(const struct epoll *epoll, struct epoll_entry *entry, int fd,
                           uint32_t events)
{
    uint64_t key = fd_entry_key(entry->common.generation + 1, fd);
    struct epoll_event event = {.events = events, .data.u64 = key};
    int operation = entry->common.registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    int result = asyncp_sys_epoll_ctl(epoll->fd, operation, fd, &event);
    if (result == -ENOENT) {
        entry->armed = 0;
        entry->common.registered = false;
        result = asyncp_sys_epoll_ctl(epoll->fd, EPOLL_CTL_ADD, fd, &event);
    } else if (result == -EEXIST)
        result = asyncp_sys_epoll_ctl(epoll->fd, EPOLL_CTL_MOD, fd, &event);
    if (result < 0) {
        check_own_descriptor(epoll, result);
        return result;
    }
    entry->common.generation++;
    entry->common.registered = true;
    return 0;
}

static bool is_edge_triggered(const struct epoll_entry *entry)
{
    return entry->idle_count == MAX_IDLE_EVENTS;
}

/*
 * Arms the descriptor for the events its operations wait for. One-shot; edge-triggered after many
 * events without a completion. After an error it is armed as before.
 */
static int arm(const struct epoll *epoll, struct epoll_entry *entry, int fd)
{
    uint32_t wanted = (list_empty(&entry->common.readers) ? 0 : (uint32_t)READ_EVENTS) |
                      (list_empty(&entry->common.writers) ? 0 : (uint32_t)EPOLLOUT);
    if (wanted == entry->armed || entry->common.source != NULL)
        return 0;
    if (wanted == 0) {
        asyncp_sys_epoll_ctl(epoll->fd, EPOLL_CTL_DEL, fd, NULL);
        entry->common.registered = false;
        entry->armed = 0;
        return 0;
    }
    uint32_t mode = is_edge_triggered(entry) ? (uint32_t)EPOLLET : (uint32_t)EPOLLONESHOT;
    int result = register_events(epoll, entry, fd, wanted | mode);
    if (result == -ENOMEM && (entry->armed & wanted) == wanted)
        return 0; /* it is armed for more than is wanted */
    if (result == 0)
        entry->armed = wanted;
    return result;
}

/* If the descriptor cannot be armed, its operations fail. */
static void arm_or_fail(const struct epoll *epoll, struct epoll_entry *entry, int fd,
                        struct list *done)
{
    int result = arm(epoll, entry, fd);
    if (result == 0)
        return;
    asyncp_operations_fail(&entry->common.readers, result, done);
    asyncp_operations_fail(&entry->common.writers, result, done);
}

/*
 * Edge-triggered descriptors may have reported readiness already, so poll the source: more than 0
 * if it is ready, 0 to wait for the next edge, or -errno. A recv was tried already.
 */
static int probe_source(const struct fd_entry *entry, const struct operation *operation)
{
    struct pollfd probed = {.fd = operation->fd,
                            .events = operation_is_write(operation) ? POLLOUT : POLLIN};
    if (entry->source == NULL || operation->kind == OPERATION_RECV)
        return 0;
    return asyncp_sys_poll(&probed, 1, 0);
}

static int epoll_submit(struct poller *poller, struct operation *operation)
{
    operation->state = 0;
    operation->result = asyncp_operation_try(operation);
    if (operation->result != -EAGAIN)
        return 1;
    struct fd_entry *entry = asyncp_fd_entry_get(poller, operation->fd);
    if (entry == NULL)
        return asyncp_sys_is_open(operation->fd) ? -ENOMEM : -EBADF;
    operation->result = 0;
    int result = probe_source(entry, operation);
    if (result != 0)
        return result;
    list_append(fd_entry_waiters(entry, operation), &operation->link);
    result = arm(poller->backend, epoll_entry_of(entry), operation->fd);
    if (result < 0) {
        list_remove(&operation->link);
        bool is_regular_file = result == -EPERM && operation->kind != OPERATION_RECV;
        return is_regular_file ? 1 : result; /* regular files are always ready */
    }
    poller->in_flight++;
    return 0;
}

static void epoll_cancel(struct poller *poller, struct operation *operation)
{
    struct list done = {0};
    if ((operation->state & OPERATION_DONE) != 0)
        return;
    list_remove(&operation->link);
    operation_set_done(operation, -ECANCELED, &done);
    struct fd_entry *entry = asyncp_fd_entry_get(poller, operation->fd);
    if (!list_empty(fd_entry_waiters(entry, operation)))
        epoll_entry_of(entry)->armed = 0; /* they may wait for another file with this number */
    arm_or_fail(poller->backend, epoll_entry_of(entry), operation->fd, &done);
    asyncp_operations_report(poller, &done);
}

static int epoll_watch(struct poller *poller, struct source *source)
{
    struct fd_entry *entry = asyncp_fd_entry_get(poller, source->fd);
    if (entry == NULL)
        return -ENOMEM;
    int result = register_events(poller->backend, epoll_entry_of(entry), source->fd, SOURCE_EVENTS);
    if (result < 0)
        return result;
    epoll_entry_of(entry)->armed = 0;
    entry->source = source;
    return 0;
}

/*
 * Removed explicitly: if another process has the socket open, close does not end the registration.
 */
static void epoll_close_fd(struct poller *poller, int fd)
{
    const struct epoll *epoll = poller->backend;
    struct fd_entry *entry = fd_entry_find(poller, fd);
    struct list done = {0};
    if (entry != NULL) {
        if (entry->registered)
            asyncp_sys_epoll_ctl(epoll->fd, EPOLL_CTL_DEL, fd, NULL);
        asyncp_operations_fail(&entry->readers, -EBADF, &done);
        asyncp_operations_fail(&entry->writers, -EBADF, &done);
        entry->source = NULL;
        entry->registered = false;
        entry->generation++;
        entry->close_count++;
        epoll_entry_of(entry)->armed = 0;
    }
    asyncp_sys_close(fd);
    asyncp_operations_report(poller, &done);
}

/* Moves all operations able to complete now to `done`. */
static void complete_ready(struct list *waiters, struct list *done)
{
    for (struct link *link = list_first(waiters), *next; link != NULL; link = next) {
        struct operation *operation = CONTAINER_OF(link, struct operation, link);
        next = list_after(waiters, link);
        int result = operation->kind == OPERATION_RECV ? asyncp_operation_try(operation) : 0;
        if (result == -EAGAIN)
            continue;
        list_remove(link);
        operation_set_done(operation, result, done);
    }
}

/*
 * An event without a completion, such as for an error queue that is not read, would recur as soon
 * as the descriptor is armed. So after some of them it is armed edge-triggered, until an operation
 * completes.
 */
static void handle_operations(struct poller *poller, struct epoll_entry *entry, int fd,
                              uint32_t events)
{
    struct list done = {0};
    bool was_edge_triggered = is_edge_triggered(entry);
    if ((events & (READ_EVENTS | FAILED_EVENTS)) != 0)
        complete_ready(&entry->common.readers, &done);
    if ((events & (EPOLLOUT | FAILED_EVENTS)) != 0)
        complete_ready(&entry->common.writers, &done);
    if (!list_empty(&done))
        entry->idle_count = 0;
    else if (!was_edge_triggered)
        entry->idle_count++;
    if (!was_edge_triggered || !is_edge_triggered(entry))
        entry->armed = 0;
    arm_or_fail(poller->backend, entry, fd, &done);
    asyncp_operations_report(poller, &done);
}

/* A wake is edge-triggered: the eventfd need not be read, which would take as long as the wake. */
static void handle_event(struct poller *poller, const struct epoll_event *event)
{
    if (event->data.u64 == (uint64_t)WAKE_KEY)
        return;
    int fd = (int)(uint32_t)event->data.u64;
    uint32_t generation = (uint32_t)(event->data.u64 >> 32);
    struct fd_entry *entry = fd_entry_find(poller, fd);
    if (entry == NULL || entry->generation != generation)
        return;
    if (entry->source != NULL)
        source_report(entry->source, source_state_of(event->events));
    bool has_waiters = !list_empty(&entry->readers) || !list_empty(&entry->writers);
    if (entry->generation == generation && has_waiters)
        handle_operations(poller, epoll_entry_of(entry), fd, event->events);
}

static void prefetch_events(const struct poller *poller, const struct epoll_event *events,
                            int count, int current)
{
    static const int ahead[] = {PREFETCH_ENTRY, PREFETCH_SOURCE, PREFETCH_TOUCHED};
    for (int i = 0; i < 3; i++)
        if (current + ahead[i] < count)
            fd_entry_prefetch(poller, (int)(uint32_t)events[current + ahead[i]].data.u64, ahead[i]);
}

static int epoll_wait_for_events(struct poller *poller, int64_t timeout_ns)
{
    const struct epoll *epoll = poller->backend;
    struct epoll_event events[MAX_EVENTS];
    int count = asyncp_sys_epoll_wait(epoll->fd, events, MAX_EVENTS, timeout_ns);
    for (int i = 0; i < count; i++) {
        prefetch_events(poller, events, count, i);
        handle_event(poller, &events[i]);
    }
    if (likely(count >= 0))
        return 0;
    asyncp_poller_clear_wake(poller); /* an earlier wake must not end a later pause */
    return count;
}

static int epoll_fd(struct poller *poller)
{
    return ((const struct epoll *)poller->backend)->fd;
}

const struct poller_calls asyncp_poll_epoll = {
    .name = "epoll",
    .wait_call = "epoll_wait",
    .entry_size = sizeof(struct epoll_entry),
    .open = epoll_open,
    .close = epoll_close,
    .submit = epoll_submit,
    .cancel = epoll_cancel,
    .watch = epoll_watch,
    .close_fd = epoll_close_fd,
    .wait = epoll_wait_for_events,
    .fd = epoll_fd,
};
