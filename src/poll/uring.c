/*
 * poll/uring.c: completions from io_uring, on the rings of poll/ring.h: what is asked for, and
 * whose a completion is. Requests are gathered and handed over by the next wait. A source is one
 * multishot poll, edge-triggered, that lasts until its descriptor is closed.
 *
 * A request's tag is the operation's address. That address may be used again for another operation
 * once the completion was delivered; a cancellation still queued then cannot hit the new one,
 * because the kernel takes requests in the order they were queued. A source's tag is its descriptor
 * and the generation of that.
 *
 * What the kernel has no room for is held here and queued by the next wait that finds some; what it
 * gives back undone, for reasons of its own, is begun anew. So a submit never fails, and a
 * cancellation is never lost.
 */
#include "sys/tools.h"
#include "poll/ring.h"
#include "poll/watched.h"
#include "sys/fault.h"
#include "sys/sys.h"
#include <poll.h>

enum { OPCODE_NOP = 0, OPCODE_POLL_ADD = 6, OPCODE_ASYNC_CANCEL = 14, OPCODE_RECV = 27 };
enum { NOP_INJECT_RESULT = 1 }; /* Linux 6.10; for tests */
enum { POLL_MULTISHOT = 1, COMPLETION_MORE = 2 };
enum {
    TAG_WAKE = 1,
    TAG_CANCEL = 2,
    TAG_SOURCE = 3,
    TAG_MASK = 3
}; /* no operation lies at such an address */
enum { SOURCE_EVENTS = POLLIN | POLLOUT | POLLRDHUP | POLLPRI };

struct uring {
    struct ring ring;         /* shared with the kernel */
    struct list held;         /* operations whose next request found no room */
    struct list held_watches; /* the same of sources, and of descriptors that are to be closed */
    bool watches_wake;        /* a request is on its way that completes when we are to wake */
    /* the kernel would not watch a source: to ask it again at once is to ask in a circle */
    bool refused;
};

/* Descriptors whose sources the kernel was never told to forget: it does when the ring goes. */
static void close_held(struct uring *uring)
{
    LIST_EACH (link, &uring->held_watches) {
        const struct watched *watched = CONTAINER_OF(link, struct watched, link);
        if (watched->closing)
            asyncp_sys_close(watched->fd);
    }
}

static void uring_close(struct poller *poller)
{
    struct uring *uring = poller->backend;
    close_held(uring);
    asyncp_ring_close(&uring->ring);
    memory_free(&poller->memory, uring, sizeof *uring);
}

/*
 * Puts the request that was filled into the queue, or one that fails in its place if a test says
 * so. A cancellation needs nothing that the kernel could be short of.
 */
static void queue(struct uring *uring, struct request *request)
{
    int failure = request->tag != TAG_CANCEL ? fault_at(SITE_URING_REQUEST) : 0;
    if (failure < 0)
        *request = (struct request){.opcode = OPCODE_NOP,
                                    .length = (uint32_t)failure,
                                    .call_flags = NOP_INJECT_RESULT,
                                    .tag = request->tag};
    ring_queue(&uring->ring);
}

static void fill_poll(struct request *request, int fd, uint32_t events, bool lasting, uint64_t tag)
{
    *request = (struct request){.opcode = OPCODE_POLL_ADD,
                                .fd = fd,
                                .length = lasting ? POLL_MULTISHOT : 0,
                                .call_flags = ring_poll_events(events),
                                .tag = tag};
}

static void watch_wake(struct poller *poller)
{
    struct uring *uring = poller->backend;
    struct request *request = uring->watches_wake ? NULL : asyncp_ring_next(&uring->ring);
    if (request == NULL)
        return;
    fill_poll(request, poller->wake_descriptor, POLLIN, false, TAG_WAKE);
    queue(uring, request);
    uring->watches_wake = true;
}

static int uring_open(struct poller *poller)
{
    struct uring *uring = memory_new(&poller->memory, sizeof *uring);
    if (uring == NULL)
        return -ENOMEM;
    poller->backend = uring;
    int result = asyncp_ring_open(&uring->ring, poller->foreign);
    if (result >= 0) {
        watch_wake(poller);
        result = asyncp_ring_enter(&uring->ring, false,
                                   0); /* a filter may forbid it where it allows the setup */
    }
    if (result < 0)
        uring_close(poller);
    return result;
}

static void fill(struct request *request, const struct operation *operation)
{
    uint64_t tag = (uint64_t)(uintptr_t)operation;
    if (operation->kind == OPERATION_RECV)
        *request = (struct request){.opcode = OPCODE_RECV,
                                    .fd = operation->fd,
                                    .address = (uint64_t)(uintptr_t)operation->buffer,
                                    .length = (uint32_t)operation->size,
                                    .call_flags = (uint32_t)operation->flags,
                                    .tag = tag};
    else
        fill_poll(request, operation->fd, poll_writes(operation) ? POLLOUT : POLLIN,
                  operation->lasting, tag);
}

static void fill_cancel(struct request *request, const struct operation *operation)
{
    request->opcode = OPCODE_ASYNC_CANCEL;
    request->address = (uint64_t)(uintptr_t)operation;
    request->tag = TAG_CANCEL;
}

/*
 * Queues the operation's next request, which begins or cancels it; or holds it, if there is no
 * room.
 */
static void hand_over(struct uring *uring, struct operation *operation)
{
    struct request *request = asyncp_ring_next(&uring->ring);
    operation->held = request == NULL;
    if (operation->held) {
        list_append(&uring->held, &operation->held_link);
        return;
    }
    (operation->unwanted ? fill_cancel : fill)(request, operation);
    queue(uring, request);
}

static uint64_t source_tag(const struct watched *watched)
{
    uint64_t numbered = (uint64_t)(uint32_t)watched->fd << 2;
    return watched_key(watched->generation, 0) | numbered | TAG_SOURCE;
}

/* The kernel is to watch the source, or, if there is none any more, to forget it. */
static void fill_watch(struct request *request, struct watched *watched)
{
    watched->known = watched->source != NULL;
    if (watched->known)
        fill_poll(request, watched->fd, SOURCE_EVENTS, true, source_tag(watched));
    else
        *request = (struct request){
            .opcode = OPCODE_ASYNC_CANCEL, .address = source_tag(watched), .tag = TAG_CANCEL};
}

static void hold_watch(struct uring *uring, struct watched *watched)
{
    watched->held = true;
    list_append(&uring->held_watches, &watched->link);
}

static void hand_over_watch(struct uring *uring, struct watched *watched)
{
    struct request *request = asyncp_ring_next(&uring->ring);
    if (request == NULL) {
        hold_watch(uring, watched);
        return;
    }
    fill_watch(request, watched);
    queue(uring, request);
}

/*
 * Closes the descriptor as soon as the kernel reads and writes no buffer for it any more, and has
 * been told to forget the source: until it is, it keeps the connection open.
 */
static void close_if_free(struct watched *watched)
{
    if (!watched->closing || watched->held || watched->known || !list_empty(&watched->readers) ||
        !list_empty(&watched->writers))
        return;
    watched->closing = false;
    watched->generation++;
    asyncp_sys_close(watched->fd);
}

/*
 * No more with each wait than the queue takes: a poll of which something is told at once, and that
 * finds the completions' ring full, is given up by the kernel. So all of ten thousand would be,
 * time after time.
 */
static void catch_up_with_watches(struct uring *uring)
{
    for (struct link *link;
         ring_has_room(&uring->ring) && (link = list_first(&uring->held_watches)) != NULL;) {
        struct watched *watched = CONTAINER_OF(link, struct watched, link);
        list_remove(link);
        watched->held = false;
        hand_over_watch(uring, watched);
        close_if_free(watched);
    }
}

/* Queues what found no room before, and the watch for wakes. */
static void catch_up(struct poller *poller)
{
    struct uring *uring = poller->backend;
    watch_wake(poller);
    for (struct link *link; (link = list_first(&uring->held)) != NULL;) {
        struct operation *operation = CONTAINER_OF(link, struct operation, held_link);
        list_remove(link);
        hand_over(uring, operation);
        if (operation->held)
            return;
    }
    catch_up_with_watches(uring);
}

/*
 * Whether the kernel has no room, or no memory, for what was asked of it, or will not tell us of a
 * wake.
 */
static bool is_short(const struct uring *uring)
{
    return !uring->watches_wake || uring->refused || !list_empty(&uring->held);
}

static int uring_submit(struct poller *poller, struct operation *operation)
{
    struct watched *watched = watched_find(poller, operation->fd);
    if (watched != NULL && watched->closing)
        return -EBADF;
    operation->result = asyncp_poll_attempt(operation);
    if (operation->result != -EAGAIN)
        return 1;
    if (watched == NULL)
        watched = asyncp_watched_of(poller, operation->fd);
    if (watched == NULL)
        return asyncp_sys_is_open(operation->fd) ? -ENOMEM : -EBADF;
    watched->fd = operation->fd;
    operation->unwanted = operation->lasting = operation->settled = false;
    list_append(watched_line(watched, operation), &operation->link);
    hand_over(poller->backend, operation);
    poller->in_flight++;
    return 0;
}

/*
 * Takes the operation from among those of its descriptor, and what the last of them held back
 * happens.
 */
static void complete(struct poller *poller, struct operation *operation, int result)
{
    struct watched *watched = watched_find(poller, operation->fd);
    list_remove(&operation->link);
    if (result == -ECANCELED && watched->closing)
        result = -EBADF;
    close_if_free(watched);
    poll_complete(poller, operation, result);
}

static void uring_cancel(struct poller *poller, struct operation *operation)
{
    if (operation->unwanted)
        return;
    operation->unwanted = true;
    if (!operation->held) {
        hand_over(poller->backend, operation);
        return;
    }
    list_remove(&operation->held_link); /* the kernel has not heard of it */
    complete(poller, operation, -ECANCELED);
}

static int uring_watch(struct poller *poller, struct source *source)
{
    struct watched *watched = asyncp_watched_of(poller, source->fd);
    if (watched == NULL)
        return -ENOMEM;
    watched->fd = source->fd;
    watched->source = source;
    watched->generation++;
    hand_over_watch(poller->backend, watched);
    return 0;
}

/*
 * Cancels all that wait in the line; whoever is told of it at once may cancel others, or, once the
 * last one is and the descriptor is closed, wait for another one of that number.
 */
static void withdraw_all(struct poller *poller, const struct watched *watched,
                         const struct list *line)
{
    struct link *link = list_first(line);
    while (link != NULL && watched->closing) {
        struct operation *operation = CONTAINER_OF(link, struct operation, link);
        bool was_wanted = !operation->unwanted;
        uring_cancel(poller, operation);
        link = was_wanted ? list_first(line) : list_after(line, link);
    }
}

static void uring_close_descriptor(struct poller *poller, int fd)
{
    struct watched *watched = watched_find(poller, fd);
    if (watched == NULL)
        asyncp_sys_close(fd);
    if (watched == NULL || watched->closing)
        return;
    bool was_known = watched->known;
    watched->closings++;
    watched->fd = fd;
    watched->source = NULL;
    watched->closing = true;
    if (was_known && !watched->held)
        hand_over_watch(poller->backend, watched);
    withdraw_all(poller, watched, &watched->readers);
    withdraw_all(poller, watched, &watched->writers);
    close_if_free(watched);
    if (was_known) /* at once: the kernel's poll keeps the socket, its port and its peer's hope */
        async_ignore(asyncp_ring_enter(&((struct uring *)poller->backend)->ring, false, 0));
}

static int result_of(const struct operation *operation, int result)
{
    if (operation->kind == OPERATION_RECV && result > 0)
        tools_written(operation->buffer, (size_t)result);
    if (operation->kind == OPERATION_RECV || result < 0)
        return result;
    return (result & POLLNVAL) != 0 ? -EBADF : 0;
}

/*
 * Whether the kernel's answer to a poll is none that the operation waits for: it adds POLLRDHUP to
 * every poll.
 */
static bool is_beside_the_point(const struct operation *operation, int events)
{
    int wanted = (poll_writes(operation) ? POLLOUT : POLLIN | POLLRDHUP) | POLLERR | POLLHUP |
                 POLLNVAL;
    return operation->kind != OPERATION_RECV && events >= 0 && (events & wanted) == 0;
}

/*
 * The answer of a poll that goes on. If it is the one that is waited for, the poll is cancelled,
 * and the operation is completed when the kernel has let go of it.
 */
static void deliver_in_between(struct poller *poller, struct operation *operation, int events)
{
    if (operation->settled || is_beside_the_point(operation, events))
        return;
    operation->settled = true;
    operation->result = result_of(operation, events);
    if (operation->unwanted)
        return; /* it is being cancelled already */
    operation->unwanted = true;
    hand_over(poller->backend, operation);
}

/*
 * The kernel may give an operation back undone although that was not asked for: then it begins
 * anew.
 */
static void deliver_operation(struct poller *poller, struct operation *operation, int result)
{
    bool undone = result == -EINTR || result == -EAGAIN || result == -ECANCELED;
    bool is_useless = is_beside_the_point(operation, result);
    if ((undone || is_useless) && !operation->unwanted) {
        operation->lasting = operation->lasting ||
                             is_useless; /* by edges: else it would be told the same at once */
        hand_over(poller->backend, operation);
        return;
    }
    if (operation->held) /* its cancellation, which comes too late */
        list_remove(&operation->held_link);
    if (!operation->settled)
        operation->result = undone || is_useless ? -ECANCELED : result_of(operation, result);
    complete(poller, operation, operation->result);
}

static uint8_t state_of(int events)
{
    return (
        uint8_t)(((events & (POLLIN | POLLRDHUP | POLLERR | POLLHUP)) != 0 ? SOURCE_READABLE : 0) |
                 ((events & (POLLOUT | POLLERR | POLLHUP)) != 0 ? SOURCE_WRITABLE : 0) |
                 ((events & (POLLRDHUP | POLLHUP)) != 0 ? SOURCE_ENDED : 0) |
                 ((events & POLLPRI) != 0 ? SOURCE_URGENT : 0));
}

/* What a watch would say; of a kernel that has no room for one. */
static int look(int fd)
{
    struct pollfd one = {.fd = fd, .events = SOURCE_EVENTS};
    return asyncp_sys_poll(&one, 1, 0) > 0 ? one.revents : 0;
}

/*
 * A watch that the kernel gave up begins anew with the next wait, unless the descriptor is not ours
 * any more. Where it was refused, who waits would not be told before there is room: each try is a
 * look of our own, too.
 */
static void deliver_source(struct poller *poller, struct completion completion)
{
    struct uring *uring = poller->backend;
    struct watched *watched = watched_find(poller, (int)((uint32_t)completion.tag >> 2));
    if (watched == NULL || watched->source == NULL || source_tag(watched) != completion.tag)
        return;
    watched->known = (completion.flags & COMPLETION_MORE) != 0;
    bool gone = completion.result == -EBADF;
    bool refused = completion.result < 0 && !gone;
    uring->refused = uring->refused || refused;
    if (!watched->known && !watched->held && !gone)
        hold_watch(uring, watched);
    int events = gone ? POLLERR | POLLHUP : refused ? look(watched->fd) : completion.result;
    if (events > 0)
        source_change(watched->source, state_of(events));
}

static void deliver_one(struct poller *poller, struct completion completion)
{
    struct uring *uring = poller->backend;
    if (completion.tag == TAG_CANCEL)
        return; /* the cancelled request has a completion of its own */
    if ((completion.tag & TAG_MASK) == TAG_SOURCE) {
        deliver_source(poller, completion);
        return;
    }
    if (completion.tag != TAG_WAKE) {
        struct operation *operation = (struct operation *)(uintptr_t)completion.tag;
        bool goes_on = (completion.flags & COMPLETION_MORE) != 0;
        (goes_on ? deliver_in_between : deliver_operation)(poller, operation, completion.result);
        return;
    }
    uring->watches_wake = false;
    if (completion.result < 0)
        return; /* the next wait tries again */
    asyncp_poller_woken(poller);
    watch_wake(poller);
}

/* What the completions after the next one will touch. */
static void expect(const struct poller *poller, const struct ring *ring)
{
    static const uint32_t ahead[] = {EXPECT_ENTRY, EXPECT_SOURCE, EXPECT_TOUCHED};
    for (int i = 0; i < 3; i++) {
        const struct completion *completion = ring_posted(ring, ahead[i]);
        if (completion != NULL && (completion->tag & TAG_MASK) == TAG_SOURCE)
            watched_expect(poller, (int)((uint32_t)completion->tag >> 2), (int)ahead[i]);
    }
}

/* Delivers what was posted. */
static void deliver(struct poller *poller)
{
    struct ring *ring = &((struct uring *)poller->backend)->ring;
    for (const struct completion *next; (next = ring_posted(ring, 0)) != NULL;) {
        struct completion completion = *next;
        expect(poller, ring);
        ring_advance(ring);
        deliver_one(poller, completion);
    }
}

/*
 * Valgrind takes it for a call that is over at once: no other thread and no handler would run while
 * it waits.
 */
static int enter_under_valgrind(struct uring *uring, int64_t timeout_ns)
{
    struct pollfd ring = {.fd = uring->ring.fd, .events = POLLIN};
    int result = asyncp_ring_enter(&uring->ring, false, 0);
    if (result < 0 || ring_posted(&uring->ring, 0) != NULL)
        return result;
    asyncp_sys_poll(&ring, 1, timeout_ns);
    return asyncp_ring_enter(&uring->ring, false, 0);
}

/* For a foreign loop, which waits elsewhere, for all of them. */
static int hand_over_all(struct poller *poller)
{
    struct uring *uring = poller->backend;
    int result = 0;
    while (result == 0 && (uring->ring.unsubmitted > 0 ||
                           (!uring->refused && !list_empty(&uring->held_watches)))) {
        catch_up_with_watches(uring);
        result = asyncp_ring_enter(&uring->ring, false, 0);
        deliver(poller);
    }
    return result;
}

static int uring_wait(struct poller *poller, int64_t timeout_ns)
{
    struct uring *uring = poller->backend;
    uring->refused = false;
    catch_up(poller);
    bool waits = timeout_ns != 0 && !is_short(uring) && list_empty(&uring->held_watches) &&
                 ring_posted(&uring->ring, 0) == NULL;
    int result = waits && tools_valgrind() ? enter_under_valgrind(uring, timeout_ns)
                                           : asyncp_ring_enter(&uring->ring, waits, timeout_ns);
    deliver(poller);
    if (poller->foreign && result == 0)
        result = hand_over_all(poller);
    return result == 0 && is_short(uring) ? -EAGAIN : result;
}

static int uring_descriptor(struct poller *poller)
{
    return ((const struct uring *)poller->backend)->ring.fd;
}

/*
 * Requests are handed over by wait alone, also those that are made between two steps of a foreign
 * loop.
 */
static bool uring_owes(const struct poller *poller)
{
    const struct uring *uring = poller->backend;
    return uring->ring.unsubmitted > 0 || !list_empty(&uring->held) ||
           !list_empty(&uring->held_watches);
}

const struct poller_calls asyncp_poll_uring = {
    .name = "uring",
    .wait_call = "io_uring_enter",
    .open = uring_open,
    .close = uring_close,
    .submit = uring_submit,
    .cancel = uring_cancel,
    .watch = uring_watch,
    .close_descriptor = uring_close_descriptor,
    .wait = uring_wait,
    .fd = uring_descriptor,
    .owes = uring_owes,
};
