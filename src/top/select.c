/*
 * top/select.c: waiting for one of several things: one wait with a place in the line of each. What
 * claims the wait takes it out of all other lines at that moment, so exactly one thing happens, and
 * the others never know.
 *
 * Descriptors are different: an operation that the kernel has is not ours until its completion has
 * come. So when one of the others wins, or the task is cancelled, the operations are cancelled, and
 * their completions are waited for, which cannot be refused. That loses nothing: whether a
 * descriptor is ready can be asked again.
 *
 * A stream tells of every change of its socket. Whether a read would not wait, a try must show:
 * bytes that came may be a part of what its layer needs. If it shows nothing, the wait begins anew,
 * with the same limit of time.
 */
#include "sched/pace.h"
#include "net/stream.h"
#include "sync/line.h"
#include <asyncio/select.h>
#include <poll.h>

enum { PLACES_AT_HAND = 8 }; /* on the stack; more come from memory */

#define GAVE_WAY                                                                                   \
    ((uint32_t)1                                                                                   \
     << 31) /* in coroutine.select_turn: its last select gave way; the rest counts how often */

/* Where one case waits. */
struct place {
    union {
        struct transfer transfer;   /* in the line of a thing */
        struct operation operation; /* with the kernel */
    };
    struct select *select; /* whose case it is */
    bool in_flight;        /* the operation's completion is to come */
};

struct select {
    struct wait wait;        /* of the task */
    struct timer timer;      /* of the timeout that comes first */
    struct async_loop *loop; /* the task's */
    const async_case *cases; /* what it waits for */
    struct place *places;    /* one for each */
    size_t count;            /* of them */
    size_t timed;            /* the number of the case that is the timer's; count: there is none */
    int64_t deadline_ns;     /* of that */
    size_t in_flight;        /* operations whose completion is to come */
    bool withdrawing;        /* that is all that is waited for */
};

static bool is_descriptor(const async_case *one)
{
    return one->asyncp_kind == ASYNCP_ON_READABLE || one->asyncp_kind == ASYNCP_ON_WRITABLE;
}

static size_t count_streams(const async_case cases[], size_t count)
{
    size_t streams = 0;
    for (size_t i = 0; i < count; i++)
        streams += cases[i].asyncp_kind == ASYNCP_ON_STREAM;
    return streams;
}

static bool are_cases(const async_case cases[], size_t count)
{
    if (cases == NULL || count == 0 || count > INT32_MAX)
        return false;
    for (size_t i = 0; i < count; i++)
        if (cases[i].asyncp_kind < ASYNCP_ON_GET || cases[i].asyncp_kind > ASYNCP_ON_STREAM ||
            cases[i].asyncp_seconds != cases[i].asyncp_seconds)
            return false;
    return true;
}

/* ---- without waiting ------------------------------------------------------------------------ */

/* What a task's case gives, or -EAGAIN. */
static int try_task(const struct async_loop *loop, const async_task *task)
{
    if (task == NULL)
        return 0;
    task_check(task, "async_select", false);
    if (task->coroutine == loop_running(loop))
        return -EDEADLK;
    return task_done(task) ? 0 : -EAGAIN;
}

/*
 * What a descriptor's case gives, or -EAGAIN; also where the kernel cannot say now: it will when it
 * is waited for.
 */
static int try_descriptor(const async_case *one)
{
    short events = one->asyncp_kind == ASYNCP_ON_READABLE ? POLLIN | POLLRDHUP : POLLOUT;
    struct pollfd polled = {.fd = one->asyncp_descriptor, .events = events};
    if (one->asyncp_descriptor < 0)
        return -EBADF;
    if (asyncp_sys_poll(&polled, 1, 0) <= 0)
        return -EAGAIN;
    return (polled.revents & POLLNVAL) != 0 ? -EBADF : 0;
}

/* Takes what the case is about if it can be had: 0 or the case's error; else -EAGAIN. */
static int try_case(const struct async_loop *loop, const async_case *one)
{
    switch ((enum asyncp_case_kind)one->asyncp_kind) {
    case ASYNCP_ON_GET:
        return asyncp_queue_get_nowait(one->asyncp_object, one->asyncp_item, one->asyncp_size);
    case ASYNCP_ON_PUT:
        return asyncp_queue_put_nowait(one->asyncp_object, one->asyncp_item, one->asyncp_size);
    case ASYNCP_ON_EVENT:
        return async_event_is_set(one->asyncp_object) ? 0 : -EAGAIN;
    case ASYNCP_ON_TASK:
        return try_task(loop, one->asyncp_object);
    case ASYNCP_ON_LOCK:
        return async_lock_acquire_nowait(one->asyncp_object);
    case ASYNCP_ON_SEMAPHORE:
        return async_semaphore_acquire_nowait(one->asyncp_object);
    case ASYNCP_ON_READABLE:
    case ASYNCP_ON_WRITABLE:
        return try_descriptor(one);
    case ASYNCP_ON_TIMEOUT:
        return one->asyncp_seconds <= 0 ? 0 : -EAGAIN;
    case ASYNCP_ON_STREAM:
        return asyncp_reader_try(one->asyncp_object);
    }
    return -EAGAIN;
}

/* ---- the places ----------------------------------------------------------------------------- */

/* The line of what the case is about; NULL: it has none. */
static struct list *line_of(const async_case *one)
{
    switch ((enum asyncp_case_kind)one->asyncp_kind) {
    case ASYNCP_ON_GET:
        return asyncp_queue_getters(one->asyncp_object);
    case ASYNCP_ON_PUT:
        return asyncp_queue_putters(one->asyncp_object);
    case ASYNCP_ON_EVENT:
        return asyncp_event_line(one->asyncp_object);
    case ASYNCP_ON_TASK:
        return &((async_task *)one->asyncp_object)->waiters;
    case ASYNCP_ON_LOCK:
        return asyncp_lock_line(one->asyncp_object);
    case ASYNCP_ON_SEMAPHORE:
        return asyncp_semaphore_line(one->asyncp_object);
    case ASYNCP_ON_STREAM:
        return transport_watchers(stream_transport(one->asyncp_object));
    case ASYNCP_ON_READABLE:
    case ASYNCP_ON_WRITABLE:
    case ASYNCP_ON_TIMEOUT:
        break;
    }
    return NULL;
}

static void stand_in_lines(struct select *select)
{
    for (size_t i = 0; i < select->count; i++) {
        struct list *line = line_of(&select->cases[i]);
        struct transfer *transfer = &select->places[i].transfer;
        if (line == NULL)
            continue;
        transfer->item = select->cases[i].asyncp_item;
        wait_on(&select->wait, &transfer->waiter, line);
    }
}

static void run_out(struct timer *timer)
{
    struct select *select = CONTAINER_OF(timer, struct select, timer);
    asyncp_wake(&select->wait, &select->places[select->timed].transfer.waiter, 0);
}

/* Finds the timeout that comes first. */
static void find_deadline(struct select *select)
{
    double least = 0;
    select->timed = select->count;
    for (size_t i = 0; i < select->count; i++) {
        const async_case *one = &select->cases[i];
        if (one->asyncp_kind != ASYNCP_ON_TIMEOUT ||
            (select->timed < select->count && one->asyncp_seconds >= least))
            continue;
        least = one->asyncp_seconds;
        select->timed = i;
    }
    select->deadline_ns = asyncp_deadline(select->loop, least);
}

/* Sets the timer for it. 0 or -ENOMEM. */
static int set_timer(struct select *select)
{
    if (select->timed == select->count)
        return 0;
    timer_init(&select->timer, run_out);
    select->wait.timer = &select->timer;
    return asyncp_timer_set(select->loop, &select->timer, select->deadline_ns);
}

/* ---- the kernel's --------------------------------------------------------------------------- */

static void completed(struct operation *operation)
{
    struct place *place = CONTAINER_OF(operation, struct place, operation);
    struct select *select = place->select;
    place->in_flight = false;
    select->in_flight--;
    if (select->withdrawing ? select->in_flight == 0 : !select->wait.claimed)
        asyncp_wake(&select->wait, &place->transfer.waiter, operation->result);
}

/*
 * Hands the descriptors to the kernel; returns one that is ready, or failed, at once, with its
 * result; or NULL.
 */
static struct place *submit(struct select *select, int *result)
{
    struct poller *poller = &select->loop->poller;
    for (size_t i = 0; i < select->count; i++) {
        const async_case *one = &select->cases[i];
        struct place *place = &select->places[i];
        if (!is_descriptor(one))
            continue;
        bool reads = one->asyncp_kind == ASYNCP_ON_READABLE;
        place->operation = (struct operation){.completed = completed,
                                              .kind = reads ? OPERATION_READABLE
                                                            : OPERATION_WRITABLE,
                                              .fd = one->asyncp_descriptor};
        int submitted = poller->calls->submit(poller, &place->operation);
        if (submitted != 0) {
            *result = submitted < 0 ? submitted : place->operation.result;
            return place;
        }
        place->in_flight = true;
        select->in_flight++;
    }
    return NULL;
}

/* Gets back what the kernel still has. */
static void withdraw(struct select *select)
{
    struct poller *poller = &select->loop->poller;
    for (size_t i = 0; i < select->count && select->in_flight > 0; i++)
        if (select->places[i].in_flight)
            poller->calls->cancel(poller, &select->places[i].operation);
    if (select->in_flight == 0)
        return;
    select->withdrawing = true;
    wait_init(&select->wait, "async_select", NULL, NULL);
    asyncp_park(select->loop, &select->wait);
    ASSERT(select->in_flight == 0);
}

/* ---- waiting -------------------------------------------------------------------------------- */

/*
 * Waits with a place everywhere; the place that was woken, with the result, or NULL with an error.
 */
static struct place *wait_for_one(struct select *select, int *result)
{
    size_t streams = count_streams(select->cases, select->count);
    struct place *winner = submit(select, result);
    if (winner == NULL && (*result = set_timer(select)) == 0) {
        stand_in_lines(select);
        select->loop->poller.in_flight += streams; /* what they wait for is the kernel's to tell */
        *result = asyncp_park(select->loop, &select->wait);
        select->loop->poller.in_flight -= streams;
        struct waiter *woken = select->wait.winner;
        winner = woken != NULL ? CONTAINER_OF(woken, struct place, transfer.waiter) : NULL;
    }
    select->wait.claimed = true; /* completions are not to wake it any more */
    withdraw(select);
    return winner;
}

/* Waits in these places. The number of the case that was woken, with its result, or an error. */
static int wait_in_places(struct select *select, struct place *places, int *result)
{
    select->places = places;
    select->withdrawing = false;
    wait_init(&select->wait, "async_select", NULL, asyncp_refuse_wait);
    for (size_t i = 0; i < select->count; i++) {
        places[i].select = select;
        places[i].in_flight = false;
    }
    struct place *winner = wait_for_one(select, result);
    return winner != NULL ? (int)(winner - places) : *result;
}

OUT_OF_LINE static int wait_in_few(struct select *select, int *result)
{
    struct place places[PLACES_AT_HAND];
    return wait_in_places(select, places, result);
}

OUT_OF_LINE static int wait_in_many(struct select *select, int *result)
{
    size_t size = select->count * sizeof(struct place);
    struct place *places = memory_resize(&select->loop->memory, NULL, 0, size);
    if (places == NULL)
        return -ENOMEM;
    int index = wait_in_places(select, places, result);
    memory_free(&select->loop->memory, places, size);
    return index;
}

/*
 * Tries the cases in the order in which they are listed; but when the task has just given way in a
 * select that did not wait, another case comes first, a different one each time. Else a case that
 * is always ready would starve those that are listed after it. The number of the case that
 * happened, or -EAGAIN.
 */
static int try_all(struct async_loop *loop, const async_case cases[], size_t count, int *result)
{
    struct coroutine *self = loop_running(loop);
    size_t first = (self->select_turn & GAVE_WAY) != 0 ? (self->select_turn & ~GAVE_WAY) % count
                                                       : 0;
    self->select_turn &= ~GAVE_WAY;
    for (size_t i = 0; i < count; i++) {
        size_t place = first + i < count ? first + i : first + i - count;
        if ((*result = try_case(loop, &cases[place])) != -EAGAIN)
            return (int)place;
    }
    return -EAGAIN;
}

/* Gives way if it is time, and remembers that. */
static int pace_select(struct async_loop *loop, const async_case *happened, int place)
{
    struct coroutine *self = loop_running(loop);
    bool asks_kernel = is_descriptor(happened) || happened->asyncp_kind == ASYNCP_ON_STREAM;
    if (pace_is_due(loop, asks_kernel ? PACE_KERNEL : PACE_STEP)) {
        self->select_turn = ((self->select_turn + 1) & ~GAVE_WAY) | GAVE_WAY;
        asyncp_give_way(loop);
    }
    return place;
}

/* Waits until a case has happened, of which none did without waiting. */
OUT_OF_LINE static int wait_for_case(struct async_loop *loop, const async_case cases[],
                                     size_t count, int *result)
{
    struct select select = {.loop = loop, .cases = cases, .count = count};
    find_deadline(&select);
    for (;;) {
        *result = 0;
        int place = (count <= PLACES_AT_HAND ? wait_in_few : wait_in_many)(&select, result);
        if (place < 0 || *result < 0 || cases[place].asyncp_kind != ASYNCP_ON_STREAM)
            return place;
        if (unlikely(loop_running(loop)->refused))
            return asyncp_refused(loop);
        place = try_all(loop, cases, count, result);
        if (place >= 0)
            return place;
    }
}

int async_select_n(const async_case cases[], size_t count, int *result)
{
    struct async_loop *loop = loop_enter("async_select");
    int unwanted;
    if (result == NULL)
        result = &unwanted;
    *result = 0;
    if (unlikely(loop_running(loop)->refused))
        return asyncp_refused(loop);
    if (!are_cases(cases, count))
        return -EINVAL;
    int place = try_all(loop, cases, count, result);
    return place >= 0 ? pace_select(loop, &cases[place], place)
                      : wait_for_case(loop, cases, count, result);
}

int asyncp_select(const async_case cases[], size_t count)
{
    int result, index = async_select_n(cases, count, &result);
    return index >= 0 && result < 0 ? result : index;
}
