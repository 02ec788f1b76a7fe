/*
 * poll/uring.c: the io_uring backend. SQEs are queued and submitted by the next wait. A source is
 * one edge-triggered multishot poll, which lasts until its descriptor is closed.
 *
 * The user_data of an operation's SQE is the operation's address. After its completion the address
 * may be used for another operation. A queued cancellation of the first cannot hit the other one,
 * because the kernel handles SQEs in order. The user_data of a source is its descriptor and the
 * generation of the entry.
 *
 * SQEs without room are queued by a later wait. An SQE completed by the kernel without its work
 * done is submitted again. So submit never fails, and no cancellation is lost.
 */
#include "poll/backends.h"
#include "poll/fd_table.h"
#include "poll/ring.h"
#include "sys/fault.h"
#include "sys/file.h"
#include "sys/polling.h"
#include "sys/tools.h"

/* Values of <linux/io_uring.h>. */
enum { OP_NOP = 0, OP_POLL_ADD = 6, OP_ASYNC_CANCEL = 14, OP_RECV = 27 };
enum { NOP_INJECT_RESULT = 1 }; /* Linux 6.10; for tests */
enum { POLL_ADD_MULTI = 1, CQE_F_MORE = 2 };

/* In user_data. No operation has such an address. */
enum { TAG_WAKE = 1, TAG_CANCEL = 2, TAG_SOURCE = 3, TAG_MASK = 3 };

enum { SOURCE_EVENTS = POLLIN | POLLOUT | POLLRDHUP | POLLPRI };

/* Bits of operation.state. */
enum {
    OPERATION_RETRIES = 2,    /* its next SQE is not queued: in uring.operations_to_retry */
    OPERATION_CANCELLED = 4,  /* its next SQE, or its last one, cancels it */
    OPERATION_MULTISHOT = 8,  /* its poll continues after unwanted events */
    OPERATION_HAS_RESULT = 16 /* result is set, and the multishot poll is being cancelled */
};

struct uring {
    struct ring ring;
    struct list operations_to_retry; /* operations whose next SQE found no room */
    struct list entries_to_retry;    /* the same for sources and descriptors to be closed */
    bool polls_wake;                 /* a poll of the eventfd is queued or submitted */
    bool refused_source; /* the kernel refused a multishot poll: do not retry in this wait */
};

struct uring_entry {
    struct fd_entry common;
    struct link retry_link; /* in uring.entries_to_retry */
    int fd;
    bool retries; /* it is in uring.entries_to_retry */
    bool closing; /* to be closed when the kernel no longer uses the descriptor */
};

static struct uring_entry *uring_entry_of(struct fd_entry *entry)
{
    return CONTAINER_OF(entry, struct uring_entry, common);
}

/* NULL: there is no entry. */
static struct uring_entry *uring_entry_find(const struct poller *poller, int fd)
{
    struct fd_entry *entry = fd_entry_find(poller, fd);
    return entry != NULL ? uring_entry_of(entry) : NULL;
}

static bool operation_has(const struct operation *operation, int bit)
{
    return (operation->state & bit) != 0;
}

/* ---- submission queue ------------------------------------------------------------------------ */

/* Queues a filled SQE, or a failing one if a test injects a fault. */
static void queue_sqe(struct uring *uring, struct sqe *sqe)
{
    int failure = sqe->user_data != TAG_CANCEL ? fault_at(SITE_URING_SQE) : 0;
    if (failure < 0)
        *sqe = (struct sqe){.opcode = OP_NOP,
                            .len = (uint32_t)failure,
                            .op_flags = NOP_INJECT_RESULT,
                            .user_data = sqe->user_data};
    ring_queue_sqe(&uring->ring);
}

static void fill_poll(struct sqe *sqe, int fd, uint32_t events, bool multishot, uint64_t user_data)
{
    *sqe = (struct sqe){.opcode = OP_POLL_ADD,
                        .fd = fd,
                        .len = multishot ? POLL_ADD_MULTI : 0,
                        .op_flags = ring_poll_events(events),
                        .user_data = user_data};
}

static void fill_cancel(struct sqe *sqe, uint64_t user_data)
{
    *sqe = (struct sqe){.opcode = OP_ASYNC_CANCEL, .addr = user_data, .user_data = TAG_CANCEL};
}

static void poll_wake(struct poller *poller)
{
    struct uring *uring = poller->backend;
    struct sqe *sqe = uring->polls_wake ? NULL : asyncp_ring_next_sqe(&uring->ring);
    if (sqe == NULL)
        return;
    fill_poll(sqe, poller->wake_fd, POLLIN, false, TAG_WAKE);
    queue_sqe(uring, sqe);
    uring->polls_wake = true;
}

static void fill_operation(struct sqe *sqe, const struct operation *operation)
{
    uint64_t user_data = (uint64_t)(uintptr_t)operation;
    if (operation_has(operation, OPERATION_CANCELLED))
        fill_cancel(sqe, user_data);
    else if (operation->kind == OPERATION_RECV)
        *sqe = (struct sqe){.opcode = OP_RECV,
                            .fd = operation->fd,
                            .addr = (uint64_t)(uintptr_t)operation->buffer,
                            .len = (uint32_t)operation->size,
                            .op_flags = (uint32_t)operation->flags,
                            .user_data = user_data};
    else
        fill_poll(sqe, operation->fd, operation_is_write(operation) ? POLLOUT : POLLIN,
                  operation_has(operation, OPERATION_MULTISHOT), user_data);
}

/* Queues the operation's next SQE, which starts or cancels it, now or in a later wait. */
static void queue_operation(struct uring *uring, struct operation *operation)
{
    struct sqe *sqe = asyncp_ring_next_sqe(&uring->ring);
    if (sqe == NULL) {
        operation->state |= OPERATION_RETRIES;
        list_append(&uring->operations_to_retry, &operation->retry_link);
        return;
    }
    operation->state &= (uint8_t)~OPERATION_RETRIES;
    fill_operation(sqe, operation);
    queue_sqe(uring, sqe);
}

static uint64_t source_user_data(const struct uring_entry *entry)
{
    uint64_t number = (uint64_t)(uint32_t)entry->fd << 2;
    return fd_entry_key(entry->common.generation, 0) | number | TAG_SOURCE;
}

static void retry_source_later(struct uring *uring, struct uring_entry *entry)
{
    entry->retries = true;
    list_append(&uring->entries_to_retry, &entry->retry_link);
}

/* Queues the SQE to start the source's poll, or to cancel it if there is no source any more. */
static void queue_source(struct uring *uring, struct uring_entry *entry)
{
    struct sqe *sqe = asyncp_ring_next_sqe(&uring->ring);
    if (sqe == NULL) {
        retry_source_later(uring, entry);
        return;
    }
    entry->common.registered = entry->common.source != NULL;
    if (entry->common.registered)
        fill_poll(sqe, entry->fd, SOURCE_EVENTS, true, source_user_data(entry));
    else
        fill_cancel(sqe, source_user_data(entry));
    queue_sqe(uring, sqe);
}

/*
 * Closes the descriptor when the kernel uses no buffer for it any more and the cancellation of its
 * source is queued: until then a poll keeps the connection open.
 */
static void close_if_unused(struct uring_entry *entry)
{
    if (!entry->closing || entry->retries || entry->common.registered ||
        !list_empty(&entry->common.readers) || !list_empty(&entry->common.writers))
        return;
    entry->closing = false;
    entry->common.generation++;
    asyncp_sys_close(entry->fd);
}

/*
 * At most as many as the submission queue takes. The kernel ends a multishot poll if the completion
 * queue is full when it reports an event, and all of ten thousand new sources may report one at
 * once.
 */
static void retry_sources(struct uring *uring)
{
    for (struct link *link;
         ring_has_room(&uring->ring) && (link = list_first(&uring->entries_to_retry)) != NULL;) {
        struct uring_entry *entry = CONTAINER_OF(link, struct uring_entry, retry_link);
        list_remove(link);
        entry->retries = false;
        queue_source(uring, entry);
        close_if_unused(entry);
    }
}

/* Queues all SQEs that found no room before. */
static void retry_all(struct poller *poller)
{
    struct uring *uring = poller->backend;
    poll_wake(poller);
    for (struct link *link; (link = list_first(&uring->operations_to_retry)) != NULL;) {
        struct operation *operation = CONTAINER_OF(link, struct operation, retry_link);
        list_remove(link);
        queue_operation(uring, operation);
        if (operation_has(operation, OPERATION_RETRIES))
            return;
    }
    retry_sources(uring);
}

/* ---- open and close -------------------------------------------------------------------------- */

static void uring_close(struct poller *poller)
{
    struct uring *uring = poller->backend;
    LIST_EACH (link, &uring->entries_to_retry) {
        const struct uring_entry *entry = CONTAINER_OF(link, struct uring_entry, retry_link);
        if (entry->closing) /* its poll ends with the ring */
            asyncp_sys_close(entry->fd);
    }
    asyncp_ring_close(&uring->ring);
    memory_free(&poller->memory, uring, sizeof *uring);
}

static int uring_open(struct poller *poller)
{
    struct uring *uring = memory_new(&poller->memory, sizeof *uring);
    if (uring == NULL)
        return -ENOMEM;
    poller->backend = uring;
    int result = asyncp_ring_open(&uring->ring, poller->hosted);
    if (result >= 0) {
        poll_wake(poller);
        result = asyncp_ring_enter(&uring->ring, false, 0); /* a filter may allow only the setup */
    }
    if (result < 0)
        uring_close(poller);
    return result;
}

/* ---- operations ------------------------------------------------------------------------------ */

static int uring_submit(struct poller *poller, struct operation *operation)
{
    struct fd_entry *entry = fd_entry_find(poller, operation->fd);
    if (entry != NULL && uring_entry_of(entry)->closing)
        return -EBADF;
    operation->state = 0;
    operation->result = asyncp_operation_try(operation);
    if (operation->result != -EAGAIN)
        return 1;
    if (entry == NULL)
        entry = asyncp_fd_entry_get(poller, operation->fd);
    if (entry == NULL)
        return asyncp_sys_is_open(operation->fd) ? -ENOMEM : -EBADF;
    uring_entry_of(entry)->fd = operation->fd;
    list_append(fd_entry_waiters(entry, operation), &operation->link);
    queue_operation(poller->backend, operation);
    poller->in_flight++;
    return 0;
}

/* Reports the completion. If the descriptor was to be closed after it, closes the descriptor. */
static void finish_operation(struct poller *poller, struct operation *operation, int result)
{
    struct uring_entry *entry = uring_entry_find(poller, operation->fd);
    list_remove(&operation->link);
    if (result == -ECANCELED && entry->closing)
        result = -EBADF;
    close_if_unused(entry);
    operation_complete(poller, operation, result);
}

static void uring_cancel(struct poller *poller, struct operation *operation)
{
    if (operation_has(operation, OPERATION_CANCELLED))
        return;
    operation->state |= OPERATION_CANCELLED;
    if (!operation_has(operation, OPERATION_RETRIES)) {
        queue_operation(poller->backend, operation);
        return;
    }
    list_remove(&operation->retry_link); /* the kernel does not know it */
    finish_operation(poller, operation, -ECANCELED);
}

static int uring_watch(struct poller *poller, struct source *source)
{
    struct fd_entry *entry = asyncp_fd_entry_get(poller, source->fd);
    if (entry == NULL)
        return -ENOMEM;
    entry->source = source;
    entry->generation++;
    uring_entry_of(entry)->fd = source->fd;
    queue_source(poller->backend, uring_entry_of(entry));
    return 0;
}

/*
 * A cancellation may report a completion at once. Its callback may cancel others, or, once the last
 * operation is gone and the descriptor is closed, submit for a new descriptor with the same number.
 */
static void cancel_all(struct poller *poller, const struct uring_entry *entry,
                       const struct list *waiters)
{
    struct link *link = list_first(waiters);
    while (link != NULL && entry->closing) {
        struct operation *operation = CONTAINER_OF(link, struct operation, link);
        bool was_cancelled = operation_has(operation, OPERATION_CANCELLED);
        uring_cancel(poller, operation);
        link = was_cancelled ? list_after(waiters, link) : list_first(waiters);
    }
}

static void uring_close_fd(struct poller *poller, int fd)
{
    struct uring *uring = poller->backend;
    struct uring_entry *entry = uring_entry_find(poller, fd);
    if (entry == NULL)
        asyncp_sys_close(fd);
    if (entry == NULL || entry->closing)
        return;
    bool was_registered = entry->common.registered;
    entry->common.close_count++;
    entry->common.source = NULL;
    entry->fd = fd;
    entry->closing = true;
    if (was_registered && !entry->retries)
        queue_source(uring, entry);
    cancel_all(poller, entry, &entry->common.readers);
    cancel_all(poller, entry, &entry->common.writers);
    close_if_unused(entry);
    /*
     * Submit now: a pending poll holds a reference, so the port would stay bound and the peer would
     * see no FIN.
     */
    if (was_registered)
        async_ignore(asyncp_ring_enter(&uring->ring, false, 0));
}

/* ---- completion queue ------------------------------------------------------------------------ */

static int result_of_cqe(const struct operation *operation, int result)
{
    if (operation->kind == OPERATION_RECV && result > 0)
        tools_mark_defined(operation->buffer, (size_t)result);
    if (operation->kind == OPERATION_RECV || result < 0)
        return result;
    return (result & POLLNVAL) != 0 ? -EBADF : 0;
}

/* The kernel adds POLLRDHUP to every poll: the operation may wait for none of the events. */
static bool is_unwanted_event(const struct operation *operation, int events)
{
    const int failed = POLLERR | POLLHUP | POLLNVAL;
    int wanted = failed | (operation_is_write(operation) ? POLLOUT : POLLIN | POLLRDHUP);
    return operation->kind != OPERATION_RECV && events >= 0 && (events & wanted) == 0;
}

/* An event of a multishot poll. If it is a wanted one the poll is cancelled, and then completed. */
static void handle_multishot(struct poller *poller, struct operation *operation, int events)
{
    if (operation_has(operation, OPERATION_HAS_RESULT) || is_unwanted_event(operation, events))
        return;
    operation->state |= OPERATION_HAS_RESULT;
    operation->result = result_of_cqe(operation, events);
    if (operation_has(operation, OPERATION_CANCELLED))
        return;
    operation->state |= OPERATION_CANCELLED;
    queue_operation(poller->backend, operation);
}

/*
 * The kernel may complete an operation without having done it, for reasons of its own. Then it is
 * submitted again. After an unwanted event it is submitted as a multishot poll, which is
 * edge-triggered: otherwise the event would be reported again at once.
 */
static void handle_completion(struct poller *poller, struct operation *operation, int result)
{
    bool undone = result == -EINTR || result == -EAGAIN || result == -ECANCELED;
    bool unwanted = is_unwanted_event(operation, result);
    if ((undone || unwanted) && !operation_has(operation, OPERATION_CANCELLED)) {
        operation->state |= unwanted ? OPERATION_MULTISHOT : 0;
        queue_operation(poller->backend, operation);
        return;
    }
    if (operation_has(operation, OPERATION_RETRIES)) /* its cancellation, too late */
        list_remove(&operation->retry_link);
    if (!operation_has(operation, OPERATION_HAS_RESULT))
        operation->result = undone || unwanted ? -ECANCELED : result_of_cqe(operation, result);
    finish_operation(poller, operation, operation->result);
}

static int probe_events(int fd)
{
    struct pollfd probed = {.fd = fd, .events = SOURCE_EVENTS};
    return asyncp_sys_poll(&probed, 1, 0) > 0 ? probed.revents : 0;
}

/*
 * If the kernel ended the poll, the next wait starts it again, unless the descriptor was closed
 * behind our back. If it refused the poll, poll(2) tells the events meanwhile.
 */
static void handle_source(struct poller *poller, struct cqe cqe)
{
    struct uring *uring = poller->backend;
    struct uring_entry *entry = uring_entry_find(poller, (int)((uint32_t)cqe.user_data >> 2));
    if (entry == NULL || entry->common.source == NULL || source_user_data(entry) != cqe.user_data)
        return;
    entry->common.registered = (cqe.flags & CQE_F_MORE) != 0;
    bool is_closed = cqe.res == -EBADF;
    bool is_refused = cqe.res < 0 && !is_closed;
    uring->refused_source = uring->refused_source || is_refused;
    if (!entry->common.registered && !entry->retries && !is_closed)
        retry_source_later(uring, entry);
    int events = is_closed ? POLLERR | POLLHUP : is_refused ? probe_events(entry->fd) : cqe.res;
    if (events > 0)
        source_report(entry->common.source, source_state_of((unsigned)events));
}

static void handle_wake(struct poller *poller, int result)
{
    ((struct uring *)poller->backend)->polls_wake = false;
    if (result < 0)
        return; /* the next wait polls again */
    asyncp_poller_clear_wake(poller);
    poll_wake(poller);
}

static void handle_cqe(struct poller *poller, struct cqe cqe)
{
    if (cqe.user_data == TAG_CANCEL)
        return; /* the cancelled SQE has a completion of its own */
    if (cqe.user_data == TAG_WAKE) {
        handle_wake(poller, cqe.res);
        return;
    }
    if ((cqe.user_data & TAG_MASK) == TAG_SOURCE) {
        handle_source(poller, cqe);
        return;
    }
    struct operation *operation = (struct operation *)(uintptr_t)cqe.user_data;
    if ((cqe.flags & CQE_F_MORE) != 0)
        handle_multishot(poller, operation, cqe.res);
    else
        handle_completion(poller, operation, cqe.res);
}

static void prefetch_cqes(const struct poller *poller, const struct ring *ring)
{
    static const uint32_t ahead[] = {PREFETCH_ENTRY, PREFETCH_SOURCE, PREFETCH_TOUCHED};
    for (int i = 0; i < 3; i++) {
        const struct cqe *cqe = ring_peek_cqe(ring, ahead[i]);
        if (cqe != NULL && (cqe->user_data & TAG_MASK) == TAG_SOURCE)
            fd_entry_prefetch(poller, (int)((uint32_t)cqe->user_data >> 2), (int)ahead[i]);
    }
}

static void handle_cqes(struct poller *poller)
{
    struct ring *ring = &((struct uring *)poller->backend)->ring;
    for (const struct cqe *next; (next = ring_peek_cqe(ring, 0)) != NULL;) {
        struct cqe cqe = *next;
        prefetch_cqes(poller, ring);
        ring_cqe_seen(ring);
        handle_cqe(poller, cqe);
    }
}

/* ---- wait ------------------------------------------------------------------------------------ */

/* The kernel is short of memory, or has no room. */
static bool is_short_of_memory(const struct uring *uring)
{
    return !uring->polls_wake || uring->refused_source || !list_empty(&uring->operations_to_retry);
}

/* Tools do not know io_uring_enter: wait in poll(2). */
static int enter_under_a_tool(struct uring *uring, int64_t timeout_ns)
{
    struct pollfd ring = {.fd = uring->ring.fd, .events = POLLIN};
    int result = asyncp_ring_enter(&uring->ring, false, 0);
    if (result < 0 || ring_peek_cqe(&uring->ring, 0) != NULL)
        return result;
    asyncp_sys_poll(&ring, 1, timeout_ns);
    return asyncp_ring_enter(&uring->ring, false, 0);
}

/* For a host loop, which waits elsewhere: nothing may be left to submit. */
static int submit_all(struct poller *poller)
{
    struct uring *uring = poller->backend;
    int result = 0;
    while (result == 0 && (uring->ring.to_submit > 0 ||
                           (!uring->refused_source && !list_empty(&uring->entries_to_retry)))) {
        retry_sources(uring);
        result = asyncp_ring_enter(&uring->ring, false, 0);
        handle_cqes(poller);
    }
    return result;
}

static int uring_wait(struct poller *poller, int64_t timeout_ns)
{
    struct uring *uring = poller->backend;
    uring->refused_source = false;
    retry_all(poller);
    bool waits = timeout_ns != 0 && !is_short_of_memory(uring) &&
                 list_empty(&uring->entries_to_retry) && ring_peek_cqe(&uring->ring, 0) == NULL;
    int result = waits && tools_want_known_waits()
                     ? enter_under_a_tool(uring, timeout_ns)
                     : asyncp_ring_enter(&uring->ring, waits, timeout_ns);
    handle_cqes(poller);
    if (poller->hosted && result == 0)
        result = submit_all(poller);
    return result == 0 && is_short_of_memory(uring) ? -EAGAIN : result;
}

static int uring_fd(struct poller *poller)
{
    return ((const struct uring *)poller->backend)->ring.fd;
}

static bool uring_has_unsubmitted(const struct poller *poller)
{
    const struct uring *uring = poller->backend;
    return uring->ring.to_submit > 0 || !list_empty(&uring->operations_to_retry) ||
           !list_empty(&uring->entries_to_retry);
}

const struct poller_calls asyncp_poll_uring = {
    .name = "uring",
    .wait_call = "io_uring_enter",
    .entry_size = sizeof(struct uring_entry),
    .open = uring_open,
    .close = uring_close,
    .submit = uring_submit,
    .cancel = uring_cancel,
    .watch = uring_watch,
    .close_fd = uring_close_fd,
    .wait = uring_wait,
    .fd = uring_fd,
    .has_unsubmitted = uring_has_unsubmitted,
};
