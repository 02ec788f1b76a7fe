/*
 * poll/epoll.c: completions from epoll's readiness. Descriptors are the user's and their numbers
 * are reused, so each is armed one-shot, for as long as an operation waits on it, and what the
 * kernel remembers of an earlier owner of the number (EEXIST, ENOENT) is put right rather than
 * believed. A source is ours, and registered once, for everything, edge-triggered.
 *
 * Invariant: between calls, a descriptor is armed for what its operations wait for, or it is a
 * source.
 */
#include "poll/watched.h"
#include "sys/sys.h"
#include <poll.h>
#include <sys/epoll.h>

/*
 * As many as the loop runs before it looks again: the kernel has touched their sockets, and they
 * are still warm.
 */
enum { EVENTS_AT_ONCE = 32, ENOUGH_USELESS = 40 };
enum { READ_EVENTS = EPOLLIN | EPOLLRDHUP, FAILED_EVENTS = EPOLLERR | EPOLLHUP };
static const uint32_t SOURCE_EVENTS = READ_EVENTS | EPOLLOUT | EPOLLPRI | EPOLLET;

struct epoll {
    int fd; /* of the epoll set */
};

enum { WAKE_KEY = -1 };

static int epoll_close_failed(struct poller *poller, int result)
{
    struct epoll *epoll = poller->backend;
    if (epoll->fd >= 0)
        asyncp_sys_close(epoll->fd);
    memory_free(&poller->memory, epoll, sizeof *epoll);
    return result;
}

static int epoll_open(struct poller *poller)
{
    struct epoll *epoll = memory_new(&poller->memory, sizeof *epoll);
    if (epoll == NULL)
        return -ENOMEM;
    poller->backend = epoll;
    epoll->fd = asyncp_sys_epoll_create();
    if (epoll->fd < 0)
        return epoll_close_failed(poller, epoll->fd);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = (uint64_t)WAKE_KEY};
    int result = asyncp_sys_epoll_control(epoll->fd, EPOLL_CTL_ADD, poller->wake_descriptor,
                                          &event);
    return result < 0 ? epoll_close_failed(poller, result) : 0;
}

static void epoll_close(struct poller *poller)
{
    epoll_close_failed(poller, 0);
}

/*
 * Tells the kernel, whether or not it still has the descriptor in its set. If that fails, it keeps
 * what it had.
 */
static int control(const struct epoll *epoll, struct watched *watched, int fd, uint32_t events)
{
    uint64_t key = watched_key(watched->generation + 1, fd);
    struct epoll_event event = {.events = events, .data.u64 = key};
    int first = watched->known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    int result = asyncp_sys_epoll_control(epoll->fd, first, fd, &event);
    if (result == -ENOENT) {
        watched->armed = 0;
        watched->known = false;
        result = asyncp_sys_epoll_control(epoll->fd, EPOLL_CTL_ADD, fd, &event);
    } else if (result == -EEXIST)
        result = asyncp_sys_epoll_control(epoll->fd, EPOLL_CTL_MOD, fd, &event);
    return result;
}

static bool is_by_edges(const struct watched *watched)
{
    return watched->useless == ENOUGH_USELESS;
}

/*
 * Arms the descriptor for what its operations wait for now: for one event; or, after many useless
 * ones, for changes only. If that fails, it is armed as it was.
 */
static int arm(const struct epoll *epoll, struct watched *watched, int fd)
{
    uint32_t wanted = (list_empty(&watched->readers) ? 0 : (uint32_t)READ_EVENTS) |
                      (list_empty(&watched->writers) ? 0 : (uint32_t)EPOLLOUT);
    if (wanted == watched->armed || watched->source != NULL)
        return 0;
    if (wanted == 0) {
        asyncp_sys_epoll_control(epoll->fd, EPOLL_CTL_DEL, fd, NULL);
        watched->known = false;
        watched->armed = 0;
        return 0;
    }
    uint32_t manner = is_by_edges(watched) ? (uint32_t)EPOLLET : (uint32_t)EPOLLONESHOT;
    int result = control(epoll, watched, fd, wanted | manner);
    if (result == -ENOMEM && (watched->armed & wanted) == wanted)
        return 0; /* it may tell us of more than we want */
    if (result < 0)
        return result;
    watched->generation++;
    watched->known = true;
    watched->armed = wanted;
    return 0;
}

/*
 * Arms the descriptor for those that still wait; if the kernel will not, their wait is over with
 * its error.
 */
static void arm_or_fail(const struct epoll *epoll, struct watched *watched, int fd,
                        struct list *done)
{
    int result = arm(epoll, watched, fd);
    if (result == 0)
        return;
    asyncp_watched_fail(&watched->readers, result, done);
    asyncp_watched_fail(&watched->writers, result, done);
}

/*
 * Above 0: it is ready now, of which the registration of a source told long ago. 0: that will tell.
 * Or -errno.
 */
static int look(const struct watched *watched, const struct operation *operation)
{
    struct pollfd polled = {.fd = operation->fd,
                            .events = poll_writes(operation) ? POLLOUT : POLLIN};
    if (watched->source == NULL || operation->kind == OPERATION_RECV) /* which has been tried */
        return 0;
    return asyncp_sys_poll(&polled, 1, 0);
}

static int epoll_submit(struct poller *poller, struct operation *operation)
{
    operation->done = false;
    operation->result = asyncp_poll_attempt(operation);
    if (operation->result != -EAGAIN)
        return 1;
    struct watched *watched = asyncp_watched_of(poller, operation->fd);
    if (watched == NULL)
        return asyncp_sys_is_open(operation->fd) ? -ENOMEM : -EBADF;
    int result = look(watched, operation);
    if (result != 0) {
        operation->result = 0;
        return result;
    }
    list_append(watched_line(watched, operation), &operation->link);
    result = arm(poller->backend, watched, operation->fd);
    if (result < 0) {
        list_remove(&operation->link);
        operation->result = 0;
        bool always_ready = result == -EPERM &&
                            operation->kind != OPERATION_RECV; /* a regular file */
        return always_ready ? 1 : result;
    }
    poller->in_flight++;
    return 0;
}

static void epoll_cancel(struct poller *poller, struct operation *operation)
{
    struct list done = {0};
    if (operation->done)
        return; /* it came first */
    list_remove(&operation->link);
    poll_mark_done(operation, -ECANCELED, &done);
    arm_or_fail(poller->backend, asyncp_watched_of(poller, operation->fd), operation->fd, &done);
    asyncp_poll_deliver(poller, &done);
}

/* Takes out the operations that are done; they wait in `done` with their results. */
static void collect(struct list *waiting, struct list *done)
{
    for (struct link *link = list_first(waiting), *next; link != NULL; link = next) {
        struct operation *operation = CONTAINER_OF(link, struct operation, link);
        next = list_after(waiting, link);
        int result = operation->kind == OPERATION_RECV ? asyncp_poll_attempt(operation) : 0;
        if (result == -EAGAIN)
            continue;
        list_remove(link);
        poll_mark_done(operation, result, done);
    }
}

static int epoll_watch(struct poller *poller, struct source *source)
{
    struct watched *watched = asyncp_watched_of(poller, source->fd);
    if (watched == NULL)
        return -ENOMEM;
    int result = control(poller->backend, watched, source->fd, SOURCE_EVENTS);
    if (result < 0)
        return result;
    watched->generation++;
    watched->known = true;
    watched->armed = 0;
    watched->source = source;
    return 0;
}

/* Taken out of the set by name, because another process may hold the same socket open. */
static void epoll_close_descriptor(struct poller *poller, int fd)
{
    const struct epoll *epoll = poller->backend;
    struct watched *watched = watched_find(poller, fd);
    struct list done = {0};
    if (watched != NULL) {
        if (watched->known)
            asyncp_sys_epoll_control(epoll->fd, EPOLL_CTL_DEL, fd, NULL);
        asyncp_watched_fail(&watched->readers, -EBADF, &done);
        asyncp_watched_fail(&watched->writers, -EBADF, &done);
        watched->source = NULL;
        watched->known = false;
        watched->armed = 0;
        watched->generation++;
        watched->closings++;
    }
    asyncp_sys_close(fd);
    asyncp_poll_deliver(poller, &done);
}

static uint8_t state_of(uint32_t events)
{
    return (uint8_t)(((events & (READ_EVENTS | FAILED_EVENTS)) != 0 ? SOURCE_READABLE : 0) |
                     ((events & (EPOLLOUT | FAILED_EVENTS)) != 0 ? SOURCE_WRITABLE : 0) |
                     ((events & (EPOLLRDHUP | EPOLLHUP)) != 0 ? SOURCE_ENDED : 0) |
                     ((events & EPOLLPRI) != 0 ? SOURCE_URGENT : 0));
}

/*
 * An event that completes nothing, an error queue that is not read say, would come again as soon as
 * the descriptor is armed for one event. So after some of them it is armed by edges, until
 * something is done.
 */
static void handle_operations(struct poller *poller, struct watched *watched,
                              const struct epoll_event *event)
{
    struct list done = {0};
    bool was_by_edges = is_by_edges(watched);
    if ((event->events & (READ_EVENTS | FAILED_EVENTS)) != 0)
        collect(&watched->readers, &done);
    if ((event->events & (EPOLLOUT | FAILED_EVENTS)) != 0)
        collect(&watched->writers, &done);
    if (!list_empty(&done))
        watched->useless = 0;
    else if (!was_by_edges)
        watched->useless++;
    if (!was_by_edges || !is_by_edges(watched))
        watched->armed = 0;
    arm_or_fail(poller->backend, watched, (int)(uint32_t)event->data.u64, &done);
    asyncp_poll_deliver(poller, &done);
}

static void handle_event(struct poller *poller, const struct epoll_event *event)
{
    if (event->data.u64 == (uint64_t)WAKE_KEY)
        /*
         * each wake is an edge of its own: nothing has to be read, which would take as long as the
         * wake
         */
        return;
    struct watched *watched = watched_find(poller, (int)(uint32_t)event->data.u64);
    uint32_t generation = (uint32_t)(event->data.u64 >> 32);
    if (watched == NULL || watched->generation != generation)
        return;
    if (watched->source != NULL)
        source_change(watched->source, state_of(event->events));
    if (watched->generation == generation)
        handle_operations(poller, watched, event);
}

/* What the events after the one at `place` will touch. */
static void expect(const struct poller *poller, const struct epoll_event *events, int count,
                   int place)
{
    static const int ahead[] = {EXPECT_ENTRY, EXPECT_SOURCE, EXPECT_TOUCHED};
    for (int i = 0; i < 3; i++)
        if (place + ahead[i] < count)
            watched_expect(poller, (int)(uint32_t)events[place + ahead[i]].data.u64, ahead[i]);
}

static int epoll_wait_for_events(struct poller *poller, int64_t timeout_ns)
{
    const struct epoll *epoll = poller->backend;
    struct epoll_event events[EVENTS_AT_ONCE];
    int count = asyncp_sys_epoll_wait(epoll->fd, events, EVENTS_AT_ONCE, timeout_ns);
    for (int i = 0; i < count; i++) {
        expect(poller, events, count, i);
        handle_event(poller, &events[i]);
    }
    if (unlikely(count < 0))
        asyncp_poller_woken(
            poller); /* the pause that may follow is not to end by an earlier wake */
    return count < 0 ? count : 0;
}

static int epoll_descriptor(struct poller *poller)
{
    return ((const struct epoll *)poller->backend)->fd;
}

const struct poller_calls asyncp_poll_epoll = {
    .name = "epoll",
    .wait_call = "epoll_wait",
    .open = epoll_open,
    .close = epoll_close,
    .submit = epoll_submit,
    .cancel = epoll_cancel,
    .watch = epoll_watch,
    .close_descriptor = epoll_close_descriptor,
    .wait = epoll_wait_for_events,
    .fd = epoll_descriptor,
};
