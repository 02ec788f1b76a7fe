/*
 * poll/sim.c: the deterministic backend for tests: completions are reported in the order of
 * submission, so a run can be repeated. It calls poll(2) with all operations in flight, so it
 * is slow with many.
 *
 * Invariant: `polled` has room for the wake, every operation in flight and every source, so wait()
 * allocates nothing.
 */
#include "poll/backends.h"
#include "poll/fd_table.h"
#include "sys/file.h"
#include "sys/polling.h"

enum { MIN_POLLED = 16 };

struct sim {
    struct list operations; /* in flight, in the order of submission */
    struct list entries;    /* of sources, in the order of watch() */
    size_t source_count;
    struct pollfd *polled; /* the wake, then the operations, then the sources */
    size_t capacity;       /* of polled */
};

struct sim_entry {
    struct fd_entry common;
    struct link link; /* in sim.entries, while it has a source */
};

static void sim_close(struct poller *poller)
{
    struct sim *sim = poller->backend;
    memory_free(&poller->memory, sim->polled, sim->capacity * sizeof *sim->polled);
    memory_free(&poller->memory, sim, sizeof *sim);
}

/* Makes room for one more operation or source. */
static int reserve_polled(struct poller *poller)
{
    struct sim *sim = poller->backend;
    size_t wanted = poller->in_flight + sim->source_count + 2;
    if (wanted <= sim->capacity)
        return 0;
    size_t capacity = sim->capacity * 2 > wanted ? sim->capacity * 2 : wanted + MIN_POLLED;
    struct pollfd *polled = memory_resize(
        &poller->memory, sim->polled, sim->capacity * sizeof *polled, capacity * sizeof *polled);
    if (polled == NULL)
        return -ENOMEM;
    sim->polled = polled;
    sim->capacity = capacity;
    return 0;
}

static int sim_open(struct poller *poller)
{
    struct sim *sim = memory_new(&poller->memory, sizeof *sim);
    if (sim == NULL)
        return -ENOMEM;
    poller->backend = sim;
    int result = reserve_polled(poller);
    if (result < 0)
        sim_close(poller);
    return result;
}

static int sim_submit(struct poller *poller, struct operation *operation)
{
    struct sim *sim = poller->backend;
    operation->state = 0;
    operation->result = asyncp_operation_try(operation);
    if (operation->result != -EAGAIN)
        return 1;
    if (asyncp_fd_entry_get(poller, operation->fd) == NULL || reserve_polled(poller) < 0)
        return asyncp_sys_is_open(operation->fd) ? -ENOMEM : -EBADF;
    list_append(&sim->operations, &operation->link);
    poller->in_flight++;
    return 0;
}

static void sim_cancel(struct poller *poller, struct operation *operation)
{
    if ((operation->state & OPERATION_DONE) != 0)
        return;
    list_remove(&operation->link);
    operation_complete(poller, operation, -ECANCELED);
}

static int sim_watch(struct poller *poller, struct source *source)
{
    struct sim *sim = poller->backend;
    struct fd_entry *entry = asyncp_fd_entry_get(poller, source->fd);
    if (entry == NULL || reserve_polled(poller) < 0)
        return -ENOMEM;
    entry->source = source;
    list_append(&sim->entries, &CONTAINER_OF(entry, struct sim_entry, common)->link);
    sim->source_count++;
    return 0;
}

static void sim_close_fd(struct poller *poller, int fd)
{
    struct sim *sim = poller->backend;
    struct fd_entry *entry = fd_entry_find(poller, fd);
    struct list done = {0};
    if (entry != NULL)
        entry->close_count++;
    if (entry != NULL && entry->source != NULL) {
        list_remove(&CONTAINER_OF(entry, struct sim_entry, common)->link);
        entry->source = NULL;
        sim->source_count--;
    }
    for (struct link *link = list_first(&sim->operations), *next; link != NULL; link = next) {
        struct operation *operation = CONTAINER_OF(link, struct operation, link);
        next = list_after(&sim->operations, link);
        if (operation->fd != fd)
            continue;
        list_remove(link);
        operation_set_done(operation, -EBADF, &done);
    }
    asyncp_sys_close(fd);
    asyncp_operations_report(poller, &done);
}

/* Polls for the unreported events of the source. A negative descriptor is ignored by poll(2). */
static struct pollfd pollfd_of_source(const struct source *source)
{
    short events = (short)(((source->state & SOURCE_READABLE) == 0 ? POLLIN | POLLRDHUP | POLLPRI
                                                                   : 0) |
                           ((source->state & SOURCE_WRITABLE) == 0 ? POLLOUT : 0));
    return (struct pollfd){.fd = events != 0 ? source->fd : ~source->fd, .events = events};
}

static size_t fill_polled(struct poller *poller)
{
    struct sim *sim = poller->backend;
    size_t count = 0;
    sim->polled[count++] = (struct pollfd){.fd = poller->wake_fd, .events = POLLIN};
    LIST_EACH (link, &sim->operations) {
        const struct operation *operation = CONTAINER_OF(link, struct operation, link);
        short events = operation_is_write(operation) ? POLLOUT : POLLIN;
        sim->polled[count++] = (struct pollfd){.fd = operation->fd, .events = events};
    }
    LIST_EACH (link, &sim->entries) {
        const struct sim_entry *entry = CONTAINER_OF(link, struct sim_entry, link);
        sim->polled[count++] = pollfd_of_source(entry->common.source);
    }
    return count;
}

/* The result of an operation reported by poll(2). -EAGAIN: it is not done. */
static int result_of_polled(const struct operation *operation, short events)
{
    if ((events & POLLNVAL) != 0)
        return -EBADF;
    return operation->kind == OPERATION_RECV ? asyncp_operation_try(operation) : 0;
}

/*
 * Callbacks may submit and cancel, so first all completed operations are taken out, and then
 * reported. Returns their number.
 */
static size_t report_operations(struct poller *poller)
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
        int result = result_of_polled(operation, sim->polled[i].revents);
        if (result == -EAGAIN)
            continue;
        list_remove(&operation->link);
        operation_set_done(operation, result, &done);
        count++;
    }
    asyncp_operations_report(poller, &done);
    return count;
}

/* Callbacks may close any descriptor, so each source is looked up anew. Returns their number. */
static size_t report_sources(struct poller *poller, size_t first, size_t end)
{
    const struct sim *sim = poller->backend;
    size_t count = 0;
    for (size_t i = first; i < end; i++) {
        struct pollfd polled = sim->polled[i];
        if (polled.revents == 0 || !asyncp_poller_has_source(poller, polled.fd))
            continue;
        bool is_invalid = (polled.revents & POLLNVAL) != 0;
        unsigned state = is_invalid ? SOURCE_READABLE | SOURCE_WRITABLE
                                    : source_state_of((unsigned)polled.revents);
        source_report(fd_entry_find(poller, polled.fd)->source,
                      (uint8_t)(state & ~(unsigned)SOURCE_ENDED));
        count++;
    }
    return count;
}

static int sim_wait(struct poller *poller, int64_t timeout_ns)
{
    struct sim *sim = poller->backend;
    size_t count = fill_polled(poller), first_source = count - sim->source_count;
    int result = asyncp_sys_poll(sim->polled, count, timeout_ns);
    if (result <= 0)
        return result;
    bool woken = sim->polled[0].revents != 0;
    if (woken)
        asyncp_poller_clear_wake(poller);
    size_t reported = report_operations(poller);
    reported += report_sources(poller, first_source, count);
    if (woken || reported > 0)
        return 0;
    return -EAGAIN; /* an event without a completion: pause before the next wait */
}

static int sim_fd(struct poller *poller)
{
    (void)poller;
    return -EOPNOTSUPP;
}

const struct poller_calls asyncp_poll_sim = {
    .name = "sim",
    .wait_call = "ppoll",
    .entry_size = sizeof(struct sim_entry),
    .open = sim_open,
    .close = sim_close,
    .submit = sim_submit,
    .cancel = sim_cancel,
    .watch = sim_watch,
    .close_fd = sim_close_fd,
    .wait = sim_wait,
    .fd = sim_fd,
};
