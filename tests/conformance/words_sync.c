/*
 * words_sync.c: the operations on locks, events, conditions, semaphores and barriers. See words.c;
 * the counterpart is words_sync.py. An operation that would end the program (releasing a lock that
 * is free) is not performed, and its result is -EPERM.
 */
#include "player.h"

#include <errno.h>
#include <string.h>

/* The objects of a program; condition 1 has lock 0, condition 0 its own lock. */
static struct {
    async_lock locks[MAX_OBJECTS];           /* free at first */
    async_event events[MAX_OBJECTS];         /* not set at first */
    async_condition conditions[2];           /* no waiter at first */
    async_semaphore semaphores[MAX_OBJECTS]; /* as declared */
    int permits_taken[MAX_OBJECTS];          /* of each semaphore, by the program */
    async_barrier barriers[MAX_OBJECTS];     /* as declared */
    int counter;                             /* the predicate of conditions */
} sync;

void declare_sync(void)
{
    memset(&sync, 0, sizeof sync);
    sync.conditions[1].lock = &sync.locks[0];
    for (size_t i = 0; i < play.operation_count; i++) {
        const struct operation *operation = &play.operations[i];
        int number = argument(operation, 0);
        if (strcmp(operation->word->name, "semaphore") == 0) {
            sync.semaphores[number].value = argument(operation, 1);
            sync.semaphores[number].bound = argument(operation, 2) != 0 ? argument(operation, 1)
                                                                        : 0;
        } else if (strcmp(operation->word->name, "barrier") == 0) {
            sync.barriers[number].parties = argument(operation, 1);
        }
    }
}

/* ---- locks ---------------------------------------------------------------------------------- */

static async_lock *lock_of(const struct operation *operation)
{
    return &sync.locks[argument(operation, 0)];
}

/* Performs the block with the lock in hand. */
static int holding(struct frame *frame, const struct operation *operation, unsigned bit)
{
    frame->locks |= bit;
    int result = perform_body(frame, operation);
    frame->locks &= ~bit;
    return result;
}

static int do_hold(struct frame *frame, const struct operation *operation)
{
    ASYNC_WITH(lock_of(operation));
    return holding(frame, operation, 1u << argument(operation, 0));
}

static int do_hold_nowait(struct frame *frame, const struct operation *operation)
{
    int result = async_lock_acquire_nowait(lock_of(operation));
    trace(frame, operation->line, result, NULL, 0);
    if (result < 0)
        return 0;
    result = holding(frame, operation, 1u << argument(operation, 0));
    async_lock_release(lock_of(operation));
    return result;
}

static int do_locked(struct frame *frame, const struct operation *operation)
{
    (void)frame;
    return async_lock_locked(lock_of(operation));
}

/* ---- events --------------------------------------------------------------------------------- */

static async_event *event_of(const struct operation *operation)
{
    return &sync.events[argument(operation, 0)];
}

static int do_event_wait(struct frame *frame, const struct operation *operation)
{
    (void)frame;
    return async_event_wait(event_of(operation));
}

static int do_set(struct frame *frame, const struct operation *operation)
{
    (void)frame;
    async_event_set(event_of(operation));
    return 0;
}

static int do_clear(struct frame *frame, const struct operation *operation)
{
    (void)frame;
    async_event_clear(event_of(operation));
    return 0;
}

static int do_is_set(struct frame *frame, const struct operation *operation)
{
    (void)frame;
    return async_event_is_set(event_of(operation));
}

/* ---- conditions ----------------------------------------------------------------------------- */

static async_condition *condition_of(const struct operation *operation)
{
    return &sync.conditions[argument(operation, 0)];
}

static unsigned condition_bit(const struct operation *operation)
{
    return argument(operation, 0) == 1 ? 1u : 1u << MAX_OBJECTS;
}

static bool holds(const struct frame *frame, const struct operation *operation)
{
    return (frame->locks & condition_bit(operation)) != 0;
}

static int do_hold_condition(struct frame *frame, const struct operation *operation)
{
    int result = async_condition_acquire(condition_of(operation));
    if (result < 0)
        return result;
    result = holding(frame, operation, condition_bit(operation));
    async_condition_release(condition_of(operation));
    return result;
}

static int do_wait_condition(struct frame *frame, const struct operation *operation)
{
    return holds(frame, operation) ? async_condition_wait(condition_of(operation)) : -EPERM;
}

static bool has_come(void *context)
{
    return sync.counter >= *(int *)context;
}

static int do_wait_until(struct frame *frame, const struct operation *operation)
{
    int least = argument(operation, 1);
    return holds(frame, operation)
               ? async_condition_wait_for(condition_of(operation), has_come, &least)
               : -EPERM;
}

static int do_count(struct frame *frame, const struct operation *operation)
{
    (void)frame;
    return sync.counter += argument(operation, 0);
}

static int do_notify(struct frame *frame, const struct operation *operation)
{
    bool may = holds(frame, operation);
    if (may)
        async_condition_notify(condition_of(operation), (size_t)argument(operation, 1));
    return may;
}

static int do_notify_all(struct frame *frame, const struct operation *operation)
{
    bool may = holds(frame, operation);
    if (may)
        async_condition_notify_all(condition_of(operation));
    return may;
}

/* ---- semaphores ----------------------------------------------------------------------------- */

static async_semaphore *semaphore_of(const struct operation *operation)
{
    return &sync.semaphores[argument(operation, 0)];
}

static int do_permit(struct frame *frame, const struct operation *operation)
{
    ASYNC_WITH(semaphore_of(operation));
    return perform_body(frame, operation);
}

static int do_acquire(struct frame *frame, const struct operation *operation)
{
    (void)frame;
    int result = async_semaphore_acquire(semaphore_of(operation));
    sync.permits_taken[argument(operation, 0)] += result == 0;
    return result;
}

static int do_acquire_nowait(struct frame *frame, const struct operation *operation)
{
    int result = async_semaphore_acquire_nowait(semaphore_of(operation));
    sync.permits_taken[argument(operation, 0)] += result == 0;
    trace(frame, operation->line, result, NULL, 0);
    return 0;
}

static int do_release(struct frame *frame, const struct operation *operation)
{
    (void)frame;
    int *taken = &sync.permits_taken[argument(operation, 0)];
    if (semaphore_of(operation)->bound != 0 && *taken == 0)
        return 0;
    *taken -= *taken > 0;
    async_semaphore_release(semaphore_of(operation));
    return 1;
}

static int do_semaphore_locked(struct frame *frame, const struct operation *operation)
{
    (void)frame;
    return async_semaphore_locked(semaphore_of(operation));
}

/* ---- barriers ------------------------------------------------------------------------------- */

static async_barrier *barrier_of(const struct operation *operation)
{
    return &sync.barriers[argument(operation, 0)];
}

static int do_barrier_wait(struct frame *frame, const struct operation *operation)
{
    (void)frame;
    return async_barrier_wait(barrier_of(operation));
}

static int do_barrier_reset(struct frame *frame, const struct operation *operation)
{
    (void)frame;
    async_barrier_reset(barrier_of(operation));
    return 0;
}

static int do_barrier_abort(struct frame *frame, const struct operation *operation)
{
    (void)frame;
    async_barrier_abort(barrier_of(operation));
    return 0;
}

static int do_barrier_look(struct frame *frame, const struct operation *operation)
{
    int broken = async_barrier_broken(barrier_of(operation));
    trace(frame, operation->line, async_barrier_n_waiting(barrier_of(operation)), &broken, 1);
    return 0;
}

const struct word sync_words[] = {
    {"semaphore", do_nothing, false, false},
    {"barrier", do_nothing, false, false},
    {"hold", do_hold, true, false},
    {"hold_nowait", do_hold_nowait, true, false},
    {"locked", do_locked, false, false},
    {"event_wait", do_event_wait, false, false},
    {"set", do_set, false, false},
    {"clear", do_clear, false, false},
    {"is_set", do_is_set, false, false},
    {"hold_condition", do_hold_condition, true, false},
    {"wait_condition", do_wait_condition, false, false},
    {"wait_until", do_wait_until, false, false},
    {"count", do_count, false, false},
    {"notify", do_notify, false, false},
    {"notify_all", do_notify_all, false, false},
    {"permit", do_permit, true, false},
    {"acquire", do_acquire, false, false},
    {"acquire_nowait", do_acquire_nowait, false, false},
    {"release", do_release, false, false},
    {"semaphore_locked", do_semaphore_locked, false, false},
    {"barrier_wait", do_barrier_wait, false, false},
    {"barrier_reset", do_barrier_reset, false, false},
    {"barrier_abort", do_barrier_abort, false, false},
    {"barrier_look", do_barrier_look, false, false},
    {NULL, NULL, false, false},
};
