/*
 * sync/barrier.c: async_barrier. The call completing the number of parties wakes all waiters
 * and gives each its result at once. So the barrier is empty again before any of them runs, and
 * needs no states of draining or resetting as CPython's has.
 */
#include "base/values.h"
#include "sched/pace.h"
#include <asyncio/sync.h>

/* Invariant: outside of a call, waiting < parties. */
struct barrier {
    int parties;
    int waiting; /* the length of waiters */
    struct list waiters;
    bool broken; /* async_barrier_abort was called and async_barrier_reset was not */
};

_Static_assert(sizeof(async_barrier) >= sizeof(struct barrier) &&
                   _Alignof(async_barrier) >= _Alignof(struct barrier),
               "async_barrier must have room for struct barrier");
_Static_assert(offsetof(async_barrier, parties) == offsetof(struct barrier, parties),
               "parties must have one offset in async_barrier and struct barrier");

struct barrier_wait {
    struct wait wait;
    struct waiter waiter;
    struct barrier *barrier;
};

static struct barrier *barrier_of(const async_barrier *barrier, const char *call)
{
    ENSURE(barrier != NULL, "%s: the barrier is NULL", call);
    return unconst(barrier);
}

static void refuse_barrier_wait(struct wait *wait)
{
    CONTAINER_OF(wait, struct barrier_wait, wait)->barrier->waiting--;
    asyncp_cancel_wait(wait);
}

/* Wakes all waiters; the result of each is its index. */
static void open_barrier(struct barrier *barrier)
{
    struct waiter *first;
    for (int index = 0; (first = waiter_first(&barrier->waiters)) != NULL; index++)
        asyncp_wake(first->wait, first, index);
    barrier->waiting = 0;
}

static int wait_for_parties(struct async_loop *loop, struct barrier *barrier)
{
    struct barrier_wait waiting;
    waiting.barrier = barrier;
    wait_init(&waiting.wait, "async_barrier_wait", barrier, refuse_barrier_wait);
    wait_on(&waiting.wait, &waiting.waiter, &barrier->waiters);
    barrier->waiting++;
    int result = asyncp_park(loop, &waiting.wait); /* the barrier may be freed now */
    return result == -EPIPE ? async_fail(result, "the barrier was reset or aborted during the wait")
                            : result;
}

int async_barrier_wait(async_barrier *public_barrier)
{
    struct async_loop *loop = loop_enter("async_barrier_wait");
    struct barrier *barrier = barrier_of(public_barrier, "async_barrier_wait");
    if (unlikely(loop_running(loop)->cancel_pending))
        return asyncp_fail_cancelled(loop);
    if (barrier->parties < 1)
        return async_fail(-EINVAL, "async_barrier_wait: the barrier was made for %d parties",
                          barrier->parties);
    if (barrier->broken)
        return paced(loop, PACE_STEP, async_fail(-EPIPE, "the barrier was aborted"));
    if (barrier->waiting + 1 < barrier->parties)
        return wait_for_parties(loop, barrier);
    int index = barrier->waiting; /* not parties - 1: the program may have lowered parties */
    open_barrier(barrier);
    return paced(loop, PACE_STEP, index);
}

static void fail_waiters(struct barrier *barrier)
{
    asyncp_wake_all(&barrier->waiters, -EPIPE);
    barrier->waiting = 0;
}

void async_barrier_reset(async_barrier *public_barrier)
{
    struct barrier *barrier = barrier_of(public_barrier, "async_barrier_reset");
    barrier->broken = false;
    fail_waiters(barrier);
}

void async_barrier_abort(async_barrier *public_barrier)
{
    struct barrier *barrier = barrier_of(public_barrier, "async_barrier_abort");
    barrier->broken = true;
    fail_waiters(barrier);
}

int async_barrier_n_waiting(const async_barrier *barrier)
{
    return barrier_of(barrier, "async_barrier_n_waiting")->waiting;
}

bool async_barrier_broken(const async_barrier *barrier)
{
    return barrier_of(barrier, "async_barrier_broken")->broken;
}
