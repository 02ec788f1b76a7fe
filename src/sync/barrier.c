/*
 * sync/barrier.c: Barrier. Whoever comes last gives all the others their places there and then, so
 * the barrier is empty again before they run: CPython's states of draining and resetting have
 * nothing to say here.
 */
#include "sched/pace.h"
#include <asyncio/sync.h>

struct barrier {
    int parties;         /* how many wait for each other */
    int waiting;         /* how many wait now; fewer than parties */
    struct list waiters; /* those, as they came */
    bool broken;         /* it was aborted */
};

_Static_assert(sizeof(async_barrier) >= sizeof(struct barrier),
               "the public struct holds the barrier");
_Static_assert(_Alignof(async_barrier) >= _Alignof(struct barrier), "and is aligned for it");
_Static_assert(offsetof(async_barrier, parties) == offsetof(struct barrier, parties),
               "their number is found");

/* One of those who wait. */
struct arrival {
    struct wait wait;        /* of the task */
    struct waiter waiter;    /* its place */
    struct barrier *barrier; /* where it waits */
};

static struct barrier *barrier_of(const async_barrier *barrier, const char *call)
{
    ENSURE(barrier != NULL, "%s: the barrier is NULL", call);
    return (struct barrier *)(uintptr_t)barrier;
}

static void leave(struct wait *wait)
{
    CONTAINER_OF(wait, struct arrival, wait)->barrier->waiting--;
    asyncp_refuse_wait(wait);
}

/* Gives each of those who wait its place. */
static void open_barrier(struct barrier *barrier)
{
    struct waiter *first;
    for (int place = 0; (first = waiter_first(&barrier->waiters)) != NULL; place++)
        asyncp_wake(first->wait, first, place);
    barrier->waiting = 0;
}

static int wait_for_others(struct async_loop *loop, struct barrier *barrier)
{
    struct arrival arrival;
    arrival.barrier = barrier;
    wait_init(&arrival.wait, "async_barrier_wait", barrier, leave);
    wait_on(&arrival.wait, &arrival.waiter, &barrier->waiters);
    barrier->waiting++;
    return asyncp_park(loop, &arrival.wait); /* the barrier may be gone by then */
}

int async_barrier_wait(async_barrier *public_barrier)
{
    struct async_loop *loop = loop_enter("async_barrier_wait");
    struct barrier *barrier = barrier_of(public_barrier, "async_barrier_wait");
    if (unlikely(loop_running(loop)->refused))
        return asyncp_refused(loop);
    if (barrier->parties < 1)
        return -EINVAL;
    if (barrier->broken)
        return paced(loop, PACE_STEP, async_fail(-EPIPE, "the barrier was aborted"));
    if (barrier->waiting + 1 >= barrier->parties) {
        int place =
            barrier->waiting; /* not parties - 1: the program may have lowered that meanwhile */
        open_barrier(barrier);
        return paced(loop, PACE_STEP, place);
    }
    int result = wait_for_others(loop, barrier);
    return result == -EPIPE ? async_fail(result, "the barrier was reset or aborted meanwhile")
                            : result;
}

static void send_away(struct barrier *barrier)
{
    asyncp_wake_all(&barrier->waiters, -EPIPE);
    barrier->waiting = 0;
}

void async_barrier_reset(async_barrier *public_barrier)
{
    struct barrier *barrier = barrier_of(public_barrier, "async_barrier_reset");
    barrier->broken = false;
    send_away(barrier);
}

void async_barrier_abort(async_barrier *public_barrier)
{
    struct barrier *barrier = barrier_of(public_barrier, "async_barrier_abort");
    barrier->broken = true;
    send_away(barrier);
}

int async_barrier_n_waiting(const async_barrier *barrier)
{
    return barrier_of(barrier, "async_barrier_n_waiting")->waiting;
}

bool async_barrier_broken(const async_barrier *barrier)
{
    return barrier_of(barrier, "async_barrier_broken")->broken;
}
