/*
 * poll/sim.c: the backend for tests: completions come in the order of submission, whatever the
 * kernel's order is, so that a run can be repeated. Plain poll(2) over all operations in flight;
 * slow with many, and portable.
 *
 * Invariant: there is room in `polled` for every operation in flight, every source and the wake, so
 * wait() needs no memory.
 */
#include "poll/watched.h"
#include "sys/sys.h"
#include <poll.h>

enum { FIRST_ROOM = 16 };

struct sim {
    struct list operations; /* in flight, in the order of submission */
    struct list sources;    /* that are watched, in the order in which they came */
    size_t source_count;    /* of them */
    /* what poll(2) is given: the wake, then the operations, then the sources */
    struct pollfd *polled;
    size_t room; /* entries in it */
};

static void sim_close(struct poller *poller)
{
    struct sim *sim = poller->backend;
    memory_free(&poller->memory, sim->polled, sim->room * sizeof *sim->polled);
    memory_free(&poller->memory, sim, sizeof *sim);
}

/* Room for the wake, what is in flight, all sources, and one more. */
static int make_room(struct poller *poller)
{
    struct sim *sim = poller->backend;
    size_t wanted = poller->in_flight + sim->source_count + 2;
    if (wanted <= sim->room)
        return 0;
    size_t room = sim->room * 2 > wanted ? sim->room * 2 : wanted + FIRST_ROOM;
    struct pollfd *polled = memory_resize(&poller->memory, sim->polled, sim->room * sizeof *polled,
                                          room * sizeof *polled);
    if (polled == NULL)
        return -ENOMEM;
    sim->polled = polled;
    sim->room = room;
    return 0;
}

static int sim_open(struct poller *poller)
{
    struct sim *sim = memory_new(&poller->memory, sizeof *sim);
    if (sim == NULL)
        return -ENOMEM;
    poller->backend = sim;
    int result = make_room(poller);
    if (result < 0)
        sim_close(poller);
    return result;
}

static int sim_submit(struct poller *poller, struct operation *operation)
{
    struct sim *sim = poller->backend;
    operation->done = false;
    operation->result = asyncp_poll_attempt(operation);
    if (operation->result != -EAGAIN)
        return 1;
    if (asyncp_watched_of(poller, operation->fd) == NULL || make_room(poller) < 0)
        return asyncp_sys_is_open(operation->fd) ? -ENOMEM : -EBADF;
    list_append(&sim->operations, &operation->link);
    poller->in_flight++;
    return 0;
}

static void sim_cancel(struct poller *poller, struct operation *operation)
{
    if (operation->done)
        return; /* it came first */
    list_remove(&operation->link);
    poll_complete(poller, operation, -ECANCELED);
}

static int sim_watch(struct poller *poller, struct source *source)
{
    struct sim *sim = poller->backend;
    struct watched *watched = asyncp_watched_of(poller, source->fd);
    if (watched == NULL || make_room(poller) < 0)
        return -ENOMEM;
    watched->source = source;
    list_append(&sim->sources, &source->link);
    sim->source_count++;
    return 0;
}

static void sim_close_descriptor(struct poller *poller, int fd)
{
    struct sim *sim = poller->backend;
    struct watched *watched = watched_find(poller, fd);
    struct list done = {0};
    if (watched != NULL)
        watched->closings++;
    if (watched != NULL && watched->source != NULL) {
        list_remove(&watched->source->link);
        watched->source = NULL;
        sim->source_count--;
    }
    for (struct link *link = list_first(&sim->operations), *next; link != NULL; link = next) {
        struct operation *operation = CONTAINER_OF(link, struct operation, link);
        next = list_after(&sim->operations, link);
        if (operation->fd != fd)
            continue;
        list_remove(link);
        poll_mark_done(operation, -EBADF, &done);
    }
    asyncp_sys_close(fd);
    asyncp_poll_deliver(poller, &done);
}

/* What a source has not told yet; one of which all is known is left out. */
static struct pollfd ask_source(const struct source *source)
{
    short events = (short)(((source->state & SOURCE_READABLE) == 0 ? POLLIN | POLLRDHUP | POLLPRI
                                                                   : 0) |
                           ((source->state & SOURCE_WRITABLE) == 0 ? POLLOUT : 0));
    return (struct pollfd){.fd = events != 0 ? source->fd : ~source->fd, .events = events};
}

static size_t fill(struct poller *poller)
{
    struct sim *sim = poller->backend;
    size_t count = 0;
    sim->polled[count++] = (struct pollfd){.fd = poller->wake_descriptor, .events = POLLIN};
    LIST_EACH (link, &sim->operations) {
        const struct operation *operation = CONTAINER_OF(link, struct operation, link);
        short events = poll_writes(operation) ? POLLOUT : POLLIN;
        sim->polled[count++] = (struct pollfd){.fd = operation->fd, .events = events};
    }
    LIST_EACH (link, &sim->sources)
        sim->polled[count++] = ask_source(CONTAINER_OF(link, struct source, link));
    return count;
}

static int result_of(const struct operation *operation, short found)
{
    if ((found & POLLNVAL) != 0)
        return -EBADF;
    int result = asyncp_poll_attempt(operation);
    bool only_readiness = operation->kind != OPERATION_RECV;
    return result == -EAGAIN && only_readiness ? 0 : result;
}

/*
 * Completions may submit and cancel: so first take out what is done, then deliver. How many there
 * were.
 */
static size_t deliver(struct poller *poller)
{
    struct sim *sim = poller->backend;
    struct list done = {0};
    size_t count = 0;
    struct link *next = list_first(&sim->operations);
    for (size_t i = 1; next != NULL; i++) {
        struct operation *operation = CONTAINER_OF(next, struct operation, link);
        next = list_after(&sim->operations, next);
        if (sim->polled[i].revents == 0)
            continue;
        int result = result_of(operation, sim->polled[i].revents);
        if (result == -EAGAIN)
            continue;
        list_remove(&operation->link);
        poll_mark_done(operation, result, &done);
        count++;
    }
    asyncp_poll_deliver(poller, &done);
    return count;
}

/* Each may close any: so they are looked up anew. How many had changed. */
static size_t deliver_sources(struct poller *poller, size_t first, size_t end)
{
    const struct sim *sim = poller->backend;
    size_t count = 0;
    const short failed = POLLERR | POLLHUP | POLLNVAL;
    for (size_t i = first; i < end; i++) {
        struct pollfd polled = sim->polled[i];
        const struct watched *watched = polled.revents != 0 ? watched_find(poller, polled.fd)
                                                            : NULL;
        if (watched == NULL || watched->source == NULL)
            continue;
        count++;
        bool reads = (polled.revents & (POLLIN | POLLRDHUP | failed)) != 0;
        bool writes = (polled.revents & (POLLOUT | failed)) != 0;
        bool urgent = (polled.revents & POLLPRI) != 0;
        source_change(watched->source,
                      (uint8_t)((reads ? SOURCE_READABLE : 0) | (writes ? SOURCE_WRITABLE : 0) |
                                (urgent ? SOURCE_URGENT : 0)));
    }
    return count;
}

static int sim_wait(struct poller *poller, int64_t timeout_ns)
{
    struct sim *sim = poller->backend;
    size_t count = fill(poller), first_source = count - sim->source_count;
    int result = asyncp_sys_poll(sim->polled, count, timeout_ns);
    if (result <= 0)
        return result;
    bool woken = sim->polled[0].revents != 0;
    if (woken)
        asyncp_poller_woken(poller);
    size_t delivered = deliver(poller);
    delivered += deliver_sources(poller, first_source, count);
    return woken || delivered > 0
               ? 0
               : -EAGAIN; /* an event that completes nothing: not to be asked again at once */
}

static int sim_descriptor(struct poller *poller)
{
    (void)poller;
    return -EOPNOTSUPP;
}

const struct poller_calls asyncp_poll_sim = {
    .name = "sim",
    .wait_call = "ppoll",
    .open = sim_open,
    .close = sim_close,
    .submit = sim_submit,
    .cancel = sim_cancel,
    .watch = sim_watch,
    .close_descriptor = sim_close_descriptor,
    .wait = sim_wait,
    .fd = sim_descriptor,
};
