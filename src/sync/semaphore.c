/*
 * sync/semaphore.c: async_semaphore, bounded and unbounded. A released permit goes directly to the
 * longest-waiting task: while tasks wait no permit is free, so a later caller cannot overtake them.
 */
#include "sync/semaphore.h"
#include "base/values.h"
#include "sched/current.h"
#include "sched/pace.h"
#include <limits.h>

struct semaphore {
    int value;           /* free permits */
    int bound;           /* the maximum of value; 0: unbounded */
    struct list waiters; /* empty while value > 0 */
};

_Static_assert(sizeof(async_semaphore) >= sizeof(struct semaphore) &&
                   _Alignof(async_semaphore) >= _Alignof(struct semaphore),
               "async_semaphore must have room for struct semaphore");
_Static_assert(offsetof(async_semaphore, value) == offsetof(struct semaphore, value) &&
                   offsetof(async_semaphore, bound) == offsetof(struct semaphore, bound),
               "value and bound must have one offset in async_semaphore and struct semaphore");

static struct semaphore *semaphore_of(const async_semaphore *semaphore, const char *call)
{
    ENSURE(semaphore != NULL, "%s: the semaphore is NULL", call);
    return unconst(semaphore);
}

static void check_value(const struct semaphore *semaphore, const char *call)
{
    ENSURE(semaphore->value >= 0, "%s: the semaphore has %d permits; initialize it with 0 or more",
           call, semaphore->value);
    ENSURE(semaphore->bound >= 0, "%s: the semaphore's bound is %d; use 0 for no bound", call,
           semaphore->bound);
    ENSURE(semaphore->bound == 0 || semaphore->value <= semaphore->bound,
           "%s: the semaphore has %d permits, but a bound of %d", call, semaphore->value,
           semaphore->bound);
}

int async_semaphore_acquire(async_semaphore *public_semaphore)
{
    struct async_loop *loop = loop_enter("async_semaphore_acquire");
    struct semaphore *semaphore = semaphore_of(public_semaphore, "async_semaphore_acquire");
    if (unlikely(loop_running(loop)->cancel_pending))
        return asyncp_fail_cancelled(loop);
    if (likely(semaphore->value > 0)) {
        semaphore->value--;
        return paced(loop, PACE_STEP, 0);
    }
    check_value(semaphore, "async_semaphore_acquire");
    return asyncp_wait_in_list(loop, &semaphore->waiters, "async_semaphore_acquire", semaphore,
                               asyncp_cancel_wait);
}

int async_semaphore_acquire_nowait(async_semaphore *public_semaphore)
{
    struct semaphore *semaphore = semaphore_of(public_semaphore, "async_semaphore_acquire_nowait");
    check_value(semaphore, "async_semaphore_acquire_nowait");
    if (semaphore->value == 0)
        return -EAGAIN;
    semaphore->value--;
    return 0;
}

void async_semaphore_release(async_semaphore *public_semaphore)
{
    struct semaphore *semaphore = semaphore_of(public_semaphore, "async_semaphore_release");
    check_value(semaphore, "async_semaphore_release");
    ENSURE(
        semaphore->bound == 0 || semaphore->value < semaphore->bound,
        "async_semaphore_release: all %d permits are free already; it was called more often than "
        "permits were acquired",
        semaphore->bound);
    ENSURE(semaphore->value < INT_MAX,
           "async_semaphore_release: the semaphore has the maximum of %d permits already", INT_MAX);
    struct waiter *next = waiter_first(&semaphore->waiters);
    if (unlikely(next != NULL) && !waiters_is_empty(&semaphore->waiters))
        asyncp_wake(next->wait, next, 0);
    else
        semaphore->value++;
}

bool async_semaphore_locked(const async_semaphore *semaphore)
{
    return semaphore_of(semaphore, "async_semaphore_locked")->value <= 0;
}

struct list *asyncp_semaphore_waiters(async_semaphore *semaphore)
{
    return &semaphore_of(semaphore, "async_select")->waiters;
}
