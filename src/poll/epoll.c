/*
 * poll/epoll.c: completions from epoll's readiness. Descriptors are the user's and their numbers are reused, so
 * each is armed one-shot, for as long as an operation waits on it, and what the kernel remembers of an
 * earlier owner of the number (EEXIST, ENOENT) is put right rather than believed.
 *
 * Invariant: between calls, a descriptor is armed for what its operations wait for.
 */
#include "poll/poll.h"
#include "sys/sys.h"
#include <sys/epoll.h>

enum { WATCHED_IN_CHUNK = 64, EVENTS_AT_ONCE = 128 };
enum { READ_EVENTS = EPOLLIN | EPOLLRDHUP, FAILED_EVENTS = EPOLLERR | EPOLLHUP };

struct watched {
    struct list readers; /* operations that wait for something to read */
    struct list writers; /* operations that wait for room to write */
    uint32_t armed;      /* events the kernel will tell us of once; 0: none */
    uint32_t generation; /* of the arming, so that a late event of an earlier one is known */
    bool known;          /* the kernel has this descriptor in its set, as far as we know */
};

struct epoll {
    struct watched **chunks; /* watched descriptors by number, 64 in a chunk; NULL where none was needed */
    size_t chunk_count;      /* entries in chunks */
    int descriptor;          /* of the epoll set */
};

enum { WAKE_KEY = -1 };

static int epoll_close_failed(struct poller *poller, int result)
{
    struct epoll *epoll = poller->backend;
    if (epoll->descriptor >= 0)
        async__sys_close(epoll->descriptor);
    memory_free(&poller->memory, epoll, sizeof *epoll);
    return result;
}

static int epoll_open(struct poller *poller)
{
    struct epoll *epoll = memory_new(&poller->memory, sizeof *epoll);
    if (epoll == NULL)
        return -ENOMEM;
    poller->backend = epoll;
    epoll->descriptor = async__sys_epoll_create();
    if (epoll->descriptor < 0)
        return epoll_close_failed(poller, epoll->descriptor);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = (uint64_t)WAKE_KEY};
    int result = async__sys_epoll_control(epoll->descriptor, EPOLL_CTL_ADD, poller->wake_descriptor, &event);
    return result < 0 ? epoll_close_failed(poller, result) : 0;
}

static void epoll_close(struct poller *poller)
{
    struct epoll *epoll = poller->backend;
    for (size_t i = 0; i < epoll->chunk_count; i++)
        memory_free(&poller->memory, epoll->chunks[i], WATCHED_IN_CHUNK * sizeof(struct watched));
    memory_free(&poller->memory, epoll->chunks, epoll->chunk_count * sizeof *epoll->chunks);
    epoll_close_failed(poller, 0);
}

static int make_chunks(struct poller *poller, size_t wanted)
{
    struct epoll *epoll = poller->backend;
    if (wanted <= epoll->chunk_count)
        return 0;
    size_t count = epoll->chunk_count * 2 > wanted ? epoll->chunk_count * 2 : wanted;
    size_t old_size = epoll->chunk_count * sizeof *epoll->chunks;
    size_t size = count * sizeof *epoll->chunks;
    struct watched **chunks = memory_resize(&poller->memory, epoll->chunks, old_size, size);
    if (chunks == NULL)
        return -ENOMEM;
    memset(chunks + epoll->chunk_count, 0, size - old_size);
    epoll->chunks = chunks;
    epoll->chunk_count = count;
    return 0;
}

/* What is known of a descriptor; NULL when memory is out, or it is not open. */
static struct watched *watched_of(struct poller *poller, int descriptor)
{
    struct epoll *epoll = poller->backend;
    size_t number = (size_t)descriptor / WATCHED_IN_CHUNK;
    if (number >= epoll->chunk_count && !async__sys_is_open(descriptor))
        return NULL; /* a wild number must not cost a table up to it */
    if (make_chunks(poller, number + 1) < 0)
        return NULL;
    if (epoll->chunks[number] == NULL)
        epoll->chunks[number] = memory_new(&poller->memory, WATCHED_IN_CHUNK * sizeof(struct watched));
    if (epoll->chunks[number] == NULL)
        return NULL;
    return &epoll->chunks[number][descriptor % WATCHED_IN_CHUNK];
}

/* Tells the kernel, whether or not it still has the descriptor in its set. If that fails, it keeps what it had. */
static int control(const struct epoll *epoll, struct watched *watched, int descriptor, uint32_t events)
{
    uint64_t key = (uint64_t)(watched->generation + 1) << 32 | (uint32_t)descriptor;
    struct epoll_event event = {.events = events | EPOLLONESHOT, .data.u64 = key};
    int first = watched->known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    int result = async__sys_epoll_control(epoll->descriptor, first, descriptor, &event);
    if (result == -ENOENT) {
        watched->armed = 0;
        watched->known = false;
        result = async__sys_epoll_control(epoll->descriptor, EPOLL_CTL_ADD, descriptor, &event);
    } else if (result == -EEXIST)
        result = async__sys_epoll_control(epoll->descriptor, EPOLL_CTL_MOD, descriptor, &event);
    return result;
}

/* Arms the descriptor for what its operations wait for now. If that fails, it is armed as it was. */
static int arm(const struct epoll *epoll, struct watched *watched, int descriptor)
{
    uint32_t wanted = (list_empty(&watched->readers) ? 0 : (uint32_t)READ_EVENTS) |
                      (list_empty(&watched->writers) ? 0 : (uint32_t)EPOLLOUT);
    if (wanted == watched->armed)
        return 0;
    if (wanted == 0) {
        async__sys_epoll_control(epoll->descriptor, EPOLL_CTL_DEL, descriptor, NULL);
        watched->known = false;
        watched->armed = 0;
        return 0;
    }
    int result = control(epoll, watched, descriptor, wanted);
    if (result == -ENOMEM && (watched->armed & wanted) == wanted)
        return 0; /* it may tell us of more than we want */
    if (result < 0)
        return result;
    watched->generation++;
    watched->known = true;
    watched->armed = wanted;
    return 0;
}

static void fail_all(struct list *waiting, struct list *done, int result)
{
    for (struct link *link; (link = list_first(waiting)) != NULL;) {
        list_remove(link);
        poll_mark_done(CONTAINER_OF(link, struct operation, link), result, done);
    }
}

/* Arms the descriptor for those that still wait; if the kernel will not, their wait is over with its error. */
static void arm_or_fail(const struct epoll *epoll, struct watched *watched, int descriptor, struct list *done)
{
    int result = arm(epoll, watched, descriptor);
    if (result == 0)
        return;
    fail_all(&watched->readers, done, result);
    fail_all(&watched->writers, done, result);
}

static int epoll_submit(struct poller *poller, struct operation *operation)
{
    operation->done = false;
    operation->result = async__poll_attempt(operation);
    if (operation->result != -EAGAIN)
        return 1;
    struct watched *watched = watched_of(poller, operation->descriptor);
    if (watched == NULL)
        return async__sys_is_open(operation->descriptor) ? -ENOMEM : -EBADF;
    list_append(poll_writes(operation) ? &watched->writers : &watched->readers, &operation->link);
    int result = arm(poller->backend, watched, operation->descriptor);
    if (result < 0) {
        list_remove(&operation->link);
        operation->result = 0;
        bool always_ready = result == -EPERM && operation->kind != OPERATION_RECV; /* a regular file */
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
    arm_or_fail(poller->backend, watched_of(poller, operation->descriptor), operation->descriptor, &done);
    async__poll_deliver(poller, &done);
}

/* Takes out the operations that are done; they wait in `done` with their results. */
static void collect(struct list *waiting, struct list *done)
{
    for (struct link *link = list_first(waiting), *next; link != NULL; link = next) {
        struct operation *operation = CONTAINER_OF(link, struct operation, link);
        next = list_after(waiting, link);
        int result = operation->kind == OPERATION_RECV ? async__poll_attempt(operation) : 0;
        if (result == -EAGAIN)
            continue;
        list_remove(link);
        poll_mark_done(operation, result, done);
    }
}

static void handle_event(struct poller *poller, const struct epoll_event *event)
{
    if (event->data.u64 == (uint64_t)WAKE_KEY)
        return; /* each wake is an edge of its own: nothing has to be read, which would take as long as the wake */
    int descriptor = (int)(uint32_t)event->data.u64;
    struct watched *watched = watched_of(poller, descriptor);
    if (watched == NULL || watched->generation != (uint32_t)(event->data.u64 >> 32))
        return;
    struct list done = {0};
    watched->armed = 0;
    if ((event->events & (READ_EVENTS | FAILED_EVENTS)) != 0)
        collect(&watched->readers, &done);
    if ((event->events & (EPOLLOUT | FAILED_EVENTS)) != 0)
        collect(&watched->writers, &done);
    arm_or_fail(poller->backend, watched, descriptor, &done);
    async__poll_deliver(poller, &done);
}

static int epoll_wait_for_events(struct poller *poller, int64_t timeout_ns)
{
    const struct epoll *epoll = poller->backend;
    struct epoll_event events[EVENTS_AT_ONCE];
    int count = async__sys_epoll_wait(epoll->descriptor, events, EVENTS_AT_ONCE, timeout_ns);
    for (int i = 0; i < count; i++)
        handle_event(poller, &events[i]);
    if (unlikely(count < 0))
        async__poller_woken(poller); /* the pause that may follow is not to end by an earlier wake */
    return count < 0 ? count : 0;
}

static int epoll_descriptor(struct poller *poller)
{
    return ((const struct epoll *)poller->backend)->descriptor;
}

const struct poller_calls async__poll_epoll = {
    .name = "epoll",
    .open = epoll_open,
    .close = epoll_close,
    .submit = epoll_submit,
    .cancel = epoll_cancel,
    .wait = epoll_wait_for_events,
    .descriptor = epoll_descriptor,
};
