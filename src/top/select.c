/*
 * top/select.c: async_select: one wait with a waiter in the list of each object. The waker claiming
 * the wait removes it from all other lists at that moment, so exactly one case happens.
 *
 * A descriptor has an operation instead, which belongs to the kernel until its completion has come.
 * So when another case wins, or the task is cancelled, the operations are cancelled, and select
 * waits for their completions; this wait cannot be cancelled. Nothing is lost by it: the readiness
 * of a descriptor can be queried again.
 *
 * A stream wakes its watchers at every change of its socket. Only an attempt shows whether a read
 * would not wait, because the received bytes may be only a part of the bytes needed by its layer.
 * If the attempt fails, select waits again, with the same deadline.
 */
#include "top/select.h"
#include "base/values.h"
#include "net/stream.h"
#include "sched/pace.h"
#include "sync/event.h"
#include "sync/lock.h"
#include "sync/queue.h"
#include "sync/semaphore.h"
#include "sys/polling.h"
#include <poll.h>

enum { MAX_STACK_PLACES = 8 }; /* more cases than this allocate memory */

/* In coroutine.select_turn: the last select gave way. The other bits count how often. */
#define GAVE_WAY ((uint32_t)1 << 31)

/* The wait for one case. The address of its waiter identifies the place, also of a descriptor. */
struct select_place {
    union {
        struct item_waiter item_waiter;
        struct operation operation; /* of a descriptor */
    };
    struct select *select;
    bool in_flight; /* the operation has not completed */
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
            is_not_a_number(cases[i].asyncp_seconds))
            return false;
    return true;
}

/* 0 or an error if the case of a task has happened, else -EAGAIN. */
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
 * 0 or -EBADF if the case of a descriptor has happened, else -EAGAIN. A failure of poll is -EAGAIN,
 * too: the wait will report it.
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

/* Performs the case if it need not wait: 0 or its error. Else -EAGAIN. */
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

/* The list of waiters of the object of the case; NULL if it has none. */
static struct list *case_waiters(const async_case *one)
{
    switch ((enum asyncp_case_kind)one->asyncp_kind) {
    case ASYNCP_ON_GET:
        return asyncp_queue_getters(one->asyncp_object);
    case ASYNCP_ON_PUT:
        return asyncp_queue_putters(one->asyncp_object);
    case ASYNCP_ON_EVENT:
        return asyncp_event_waiters(one->asyncp_object);
    case ASYNCP_ON_TASK:
        return &((async_task *)one->asyncp_object)->waiters;
    case ASYNCP_ON_LOCK:
        return asyncp_lock_waiters(one->asyncp_object);
    case ASYNCP_ON_SEMAPHORE:
        return asyncp_semaphore_waiters(one->asyncp_object);
    case ASYNCP_ON_STREAM:
        return transport_watchers(stream_transport(one->asyncp_object));
    case ASYNCP_ON_READABLE:
    case ASYNCP_ON_WRITABLE:
    case ASYNCP_ON_TIMEOUT:
        break;
    }
    return NULL;
}

static void append_waiters(struct select *select)
{
    for (size_t i = 0; i < select->count; i++) {
        struct list *waiters = case_waiters(&select->cases[i]);
        struct item_waiter *waiter = &select->places[i].item_waiter;
        if (waiters == NULL)
            continue;
        waiter->item = select->cases[i].asyncp_item;
        wait_on(&select->wait, &waiter->waiter, waiters);
    }
}

static void select_timed_out(struct timer *timer)
{
    struct select *select = CONTAINER_OF(timer, struct select, timer);
    asyncp_wake(&select->wait, &select->places[select->timed].item_waiter.waiter, 0);
}

/* Finds the earliest timeout. */
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

/* Sets the timer for the earliest timeout. 0 or -ENOMEM. */
static int set_select_timer(struct select *select)
{
    if (select->timed == select->count)
        return 0;
    timer_init(&select->timer, select_timed_out);
    select->wait.timer = &select->timer;
    return asyncp_timer_set(select->loop, &select->timer, select->deadline_ns);
}

static void case_completed(struct operation *operation)
{
    struct select_place *place = CONTAINER_OF(operation, struct select_place, operation);
    struct select *select = place->select;
    place->in_flight = false;
    select->in_flight--;
    if (select->withdrawing ? select->in_flight == 0 : !select->wait.claimed)
        asyncp_wake(&select->wait, &place->item_waiter.waiter, operation->result);
}

/* Submits the descriptors. The first one with a result at once, ready or failed; or NULL. */
static struct select_place *submit_descriptors(struct select *select, int *result)
{
    struct poller *poller = &select->loop->poller;
    for (size_t i = 0; i < select->count; i++) {
        const async_case *one = &select->cases[i];
        struct select_place *place = &select->places[i];
        if (!is_descriptor(one))
            continue;
        bool reads = one->asyncp_kind == ASYNCP_ON_READABLE;
        place->operation = (struct operation){.completed = case_completed,
                                              .kind = reads ? OPERATION_READABLE
                                                            : OPERATION_WRITABLE,
                                              .fd = one->asyncp_descriptor};
        int submitted = poller_submit(poller, &place->operation);
        if (submitted != 0) {
            *result = submitted < 0 ? submitted : place->operation.result;
            return place;
        }
        place->in_flight = true;
        select->in_flight++;
    }
    return NULL;
}

/* Cancels the operations in flight and waits for their completions. */
static void cancel_descriptors(struct select *select)
{
    struct poller *poller = &select->loop->poller;
    for (size_t i = 0; i < select->count && select->in_flight > 0; i++)
        if (select->places[i].in_flight)
            poller_cancel(poller, &select->places[i].operation);
    if (select->in_flight == 0)
        return;
    select->withdrawing = true;
    wait_init(&select->wait, "async_select", NULL, NULL);
    asyncp_park(select->loop, &select->wait);
    ASSERT(select->in_flight == 0);
}

/* Waits for the cases. The place of the winning case, with its result; NULL: an error. */
static struct select_place *wait_for_one(struct select *select, int *result)
{
    size_t streams = count_streams(select->cases, select->count);
    struct select_place *winner = submit_descriptors(select, result);
    if (winner == NULL && (*result = set_select_timer(select)) == 0) {
        append_waiters(select);
        select->loop->poller.in_flight += streams; /* changes of sockets come from the poller */
        *result = asyncp_park(select->loop, &select->wait);
        poller_release(&select->loop->poller, streams);
        struct waiter *woken = select->wait.winner;
        winner = woken != NULL ? CONTAINER_OF(woken, struct select_place, item_waiter.waiter)
                               : NULL;
    }
    select->wait.claimed = true; /* a completion must not wake it any more */
    cancel_descriptors(select);
    return winner;
}

/* Waits in these places: the index of the winning case, with its result; or an error. */
static int wait_in_places(struct select *select, struct select_place *places, int *result)
{
    select->places = places;
    select->withdrawing = false;
    wait_init(&select->wait, "async_select", NULL, asyncp_cancel_wait);
    for (size_t i = 0; i < select->count; i++) {
        places[i].select = select;
        places[i].in_flight = false;
    }
    struct select_place *winner = wait_for_one(select, result);
    return winner != NULL ? (int)(winner - places) : *result;
}

OUT_OF_LINE static int wait_in_few(struct select *select, int *result)
{
    struct select_place places[MAX_STACK_PLACES];
    return wait_in_places(select, places, result);
}

OUT_OF_LINE static int wait_in_many(struct select *select, int *result)
{
    size_t size = select->count * sizeof(struct select_place);
    struct select_place *places = memory_resize(&select->loop->memory, NULL, 0, size);
    if (places == NULL)
        return -ENOMEM;
    int index = wait_in_places(select, places, result);
    memory_free(&select->loop->memory, places, size);
    return index;
}

/*
 * Tries the cases in their order: the index of the winning case, or -EAGAIN. If the task's last
 * select gave way without waiting, the first case to try rotates; otherwise an always ready case
 * would starve the cases after it.
 */
static int try_cases(struct async_loop *loop, const async_case cases[], size_t count, int *result)
{
    struct coroutine *self = loop_running(loop);
    size_t first = (self->select_turn & GAVE_WAY) != 0 ? (self->select_turn & ~GAVE_WAY) % count
                                                       : 0;
    self->select_turn &= ~GAVE_WAY;
    for (size_t i = 0; i < count; i++) {
        size_t index = first + i < count ? first + i : first + i - count;
        if ((*result = try_case(loop, &cases[index])) != -EAGAIN)
            return (int)index;
    }
    return -EAGAIN;
}

/* Gives way if it is due, and records it for the next select. Returns the index. */
static int pace_select(struct async_loop *loop, const async_case *happened, int index)
{
    struct coroutine *self = loop_running(loop);
    bool asks_kernel = is_descriptor(happened) || happened->asyncp_kind == ASYNCP_ON_STREAM;
    if (pace_is_due(loop, asks_kernel ? PACE_KERNEL : PACE_STEP)) {
        self->select_turn = ((self->select_turn + 1) & ~GAVE_WAY) | GAVE_WAY;
        asyncp_yield(loop);
    }
    return index;
}

/* Waits until a case happens. The caller has tried all cases. */
OUT_OF_LINE static int wait_for_case(struct async_loop *loop, const async_case cases[],
                                     size_t count, int *result)
{
    struct select select = {.loop = loop, .cases = cases, .count = count};
    find_deadline(&select);
    for (;;) {
        *result = 0;
        int index = (count <= MAX_STACK_PLACES ? wait_in_few : wait_in_many)(&select, result);
        if (index < 0 || *result < 0 || cases[index].asyncp_kind != ASYNCP_ON_STREAM)
            return index;
        if (unlikely(loop_running(loop)->cancel_pending))
            return asyncp_fail_cancelled(loop);
        index = try_cases(loop, cases, count, result);
        if (index >= 0)
            return index;
    }
}

int async_select_n(const async_case cases[], size_t count, int *result)
{
    struct async_loop *loop = loop_enter("async_select");
    int unwanted;
    if (result == NULL)
        result = &unwanted;
    *result = 0;
    if (unlikely(loop_running(loop)->cancel_pending))
        return asyncp_fail_cancelled(loop);
    if (!are_cases(cases, count))
        return async_fail(
            -EINVAL, "async_select: there are no cases, or one was not made by an async_on_ call");
    int index = try_cases(loop, cases, count, result);
    return index >= 0 ? pace_select(loop, &cases[index], index)
                      : wait_for_case(loop, cases, count, result);
}

int asyncp_select(const async_case cases[], size_t count)
{
    int result, index = async_select_n(cases, count, &result);
    return index >= 0 && result < 0 ? result : index;
}
