/*
 * asyncio/sync.h: locks, events, conditions, semaphores and barriers, for tasks of one loop.
 *
 * Between two calls that switch, nobody else runs: what is changed there needs no lock. These are
 * for what must hold across a wait. All are plain structs: {0} is a free lock, an event that is not
 * set. Each must stay where it is, as long as anybody uses it. Who came first is served first; what
 * is free goes to the one who has waited longest there and then, so nobody who comes later can take
 * it. Those that never switch may be called in callbacks, too.
 */
#ifndef ASYNCIO_SYNC_H
#define ASYNCIO_SYNC_H

#include <asyncio/base.h>

ASYNC_BEGIN_C

/* A lock; {0} is one that is free. Its fields are the library's. */
typedef struct ASYNCP_ALIASES async_lock {
    uint64_t asyncp_private[4]; /* see struct lock in the source */
} async_lock;

/* Takes the lock, waiting while somebody has it. -ECANCELED: it was not taken. Switches. */
ASYNC_API ASYNC_MUST int async_lock_acquire(async_lock *lock);

/* Takes the lock if it is free. 0. -EAGAIN: it is taken. Never switches. */
ASYNC_API ASYNC_MUST int async_lock_acquire_nowait(async_lock *lock);

/*
 * Hands the lock to the task that has waited longest, or leaves it free. As in Python, another task
 * than the one that took it may do so. Ends the program if nobody has it. Never switches.
 */
ASYNC_API void async_lock_release(async_lock *lock);

/* Whether somebody has the lock. Never switches. */
ASYNC_API bool async_lock_locked(const async_lock *lock);

/*
 * Something that happens, for any number of tasks to wait for; {0} has not happened. Its fields are
 * the library's.
 */
typedef struct ASYNCP_ALIASES async_event {
    uint64_t asyncp_private[4]; /* see struct event in the source */
} async_event;

/* Waits until the event is set. 0. -ECANCELED. Switches. */
ASYNC_API ASYNC_MUST int async_event_wait(async_event *event);

/*
 * Sets the event and wakes all who wait for it, even if it is cleared before they run. Never
 * switches.
 */
ASYNC_API void async_event_set(async_event *event);

/*
 * Makes the event one that has not happened: who waits from now on waits for the next time. Never
 * switches.
 */
ASYNC_API void async_event_clear(async_event *event);

/* Whether the event is set. Never switches. */
ASYNC_API bool async_event_is_set(const async_event *event);

/*
 * A lock, and a place to wait for a change of what it guards. {0} has a lock of its own; {.lock =
 * &shared} uses one that others use as well.
 */
typedef struct ASYNCP_ALIASES async_condition {
    async_lock *lock;           /* borrowed; NULL: one of its own */
    uint64_t asyncp_private[6]; /* see struct condition in the source */
} async_condition;

/* async_lock_acquire for the condition's lock. Switches. */
ASYNC_API ASYNC_MUST int async_condition_acquire(async_condition *condition);

/* async_lock_release for the condition's lock. Never switches. */
ASYNC_API void async_condition_release(async_condition *condition);

/* Whether somebody has the condition's lock. Never switches. */
ASYNC_API bool async_condition_locked(const async_condition *condition);

/*
 * Gives the lock, which is held, back, waits until it is notified, and takes the lock again. It is
 * held again whatever this returns: 0, or -ECANCELED if no notification came before the request.
 * Taking it again cannot be refused. Ends the program if no task has the lock. Switches.
 */
ASYNC_API ASYNC_MUST int async_condition_wait(async_condition *condition);

/*
 * Waits until predicate(context) holds, which is asked at once and after every notification, with
 * the lock held; it must not switch. Ends the program if no task has the lock, also if the
 * predicate holds. As in async_condition_wait, it is not asked which task has the lock: if another
 * one has, it is given back under that task, as in Python. 0. -ECANCELED, as async_condition_wait.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_condition_wait_for(async_condition *condition,
                                                  bool (*predicate)(void *context), void *context);

/*
 * Wakes the count tasks that have waited longest, or as many as there are; each returns when it has
 * got the lock. Ends the program if no task has the lock. Never switches.
 */
ASYNC_API void async_condition_notify(async_condition *condition, size_t count);

/* Wakes all who wait; otherwise as async_condition_notify. Never switches. */
ASYNC_API void async_condition_notify_all(async_condition *condition);

/*
 * A number of permits: {.value = 10} has ten, {0} none until somebody releases one. With .bound it
 * is a BoundedSemaphore: to release more than there were is a mistake, which ends the program. So
 * is a number below 0.
 */
typedef struct ASYNCP_ALIASES async_semaphore {
    int value;                  /* permits that are free; yours to set until it is used */
    int bound;                  /* the most there can be; 0: any number */
    uint64_t asyncp_private[3]; /* see struct semaphore in the source */
} async_semaphore;

/* Takes a permit, waiting while there is none. -ECANCELED: none was taken. Switches. */
ASYNC_API ASYNC_MUST int async_semaphore_acquire(async_semaphore *semaphore);

/* Takes a permit if there is one. 0. -EAGAIN: there is no permit. Never switches. */
ASYNC_API ASYNC_MUST int async_semaphore_acquire_nowait(async_semaphore *semaphore);

/* Hands a permit to the task that has waited longest, or leaves it for others. Never switches. */
ASYNC_API void async_semaphore_release(async_semaphore *semaphore);

/* Whether there is no permit to be had at once. Never switches. */
ASYNC_API bool async_semaphore_locked(const async_semaphore *semaphore);

/* A place where as many tasks as .parties says wait for each other, again and again. */
typedef struct ASYNCP_ALIASES async_barrier {
    int parties;                /* how many; yours to set until it is used */
    uint64_t asyncp_private[4]; /* see struct barrier in the source */
} async_barrier;

/*
 * Waits until .parties tasks wait here, and returns the place of this one among them, 0 for who
 * came first. -EPIPE: it was reset or aborted meanwhile, or aborted before. -ECANCELED: this task
 * waits no more, and another one must come. -EINVAL: .parties is less than 1. Switches.
 */
ASYNC_API ASYNC_MUST int async_barrier_wait(async_barrier *barrier);

/* Makes the barrier as good as new; those who wait get -EPIPE. Never switches. */
ASYNC_API void async_barrier_reset(async_barrier *barrier);

/*
 * Breaks the barrier: those who wait get -EPIPE, and so does who comes until it is reset. Never
 * switches.
 */
ASYNC_API void async_barrier_abort(async_barrier *barrier);

/* How many tasks wait there. Never switches. */
ASYNC_API int async_barrier_n_waiting(const async_barrier *barrier);

/* Whether it was aborted and not reset since. Never switches. */
ASYNC_API bool async_barrier_broken(const async_barrier *barrier);

/* What a block holds by ASYNC_WITH: one of these. */
struct asyncp_held {
    async_lock *lock;           /* or NULL */
    async_semaphore *semaphore; /* or NULL */
};

static inline int asyncp_hold_lock(struct asyncp_held *held, async_lock *lock)
{
    int result = async_lock_acquire(lock);
    held->lock = result < 0 ? NULL : lock;
    return result;
}

static inline int asyncp_hold_semaphore(struct asyncp_held *held, async_semaphore *semaphore)
{
    int result = async_semaphore_acquire(semaphore);
    held->semaphore = result < 0 ? NULL : semaphore;
    return result;
}

/* The condition's lock, for ASYNC_WITH. */
ASYNC_API async_lock *asyncp_condition_lock(async_condition *condition);

static inline int asyncp_hold_condition(struct asyncp_held *held, async_condition *condition)
{
    return asyncp_hold_lock(held, asyncp_condition_lock(condition));
}

static inline void asyncp_release_held(struct asyncp_held *held)
{
    if (held->lock != NULL)
        async_lock_release(held->lock);
    if (held->semaphore != NULL)
        async_semaphore_release(held->semaphore);
}

/*
 * ASYNC_WITH(&lock); takes a lock, a permit of a semaphore, or the lock of a condition, or returns
 * the error from this function; it is released when the block is left, in whatever way. Switches.
 */
#define ASYNC_WITH(...)           ASYNCP_WITH_(ASYNCP_CAT(asyncp_held_, __COUNTER__), (__VA_ARGS__))
#define ASYNCP_WITH_(held, thing) ASYNCP_WITH(held, thing)
#define ASYNCP_WITH(held, thing)                                                                   \
    ASYNCP_STATIC_ASSERT(ASYNCP_CAN_HOLD(thing),                                                   \
                         "ASYNC_WITH(&lock); takes the address of a lock, a "                      \
                         "semaphore or a condition, ends with a semicolon, and holds "             \
                         "it until the block around it ends");                                     \
    ASYNC_CLEANUP(asyncp_release_held) struct asyncp_held held = {NULL, NULL};                     \
    ASYNC_TRY(ASYNCP_HOLD(thing)(&held, thing))

ASYNC_END_C

#ifdef __cplusplus
#include <type_traits>
static inline int asyncp_hold(struct asyncp_held *held, async_lock *lock)
{
    return asyncp_hold_lock(held, lock);
}
static inline int asyncp_hold(struct asyncp_held *held, async_semaphore *semaphore)
{
    return asyncp_hold_semaphore(held, semaphore);
}
static inline int asyncp_hold(struct asyncp_held *held, async_condition *condition)
{
    return asyncp_hold_condition(held, condition);
}
#define ASYNCP_HOLD(thing) asyncp_hold
#define ASYNCP_CAN_HOLD(thing)                                                                     \
    (std::is_convertible<decltype(thing), async_lock *>::value ||                                  \
     std::is_convertible<decltype(thing), async_semaphore *>::value ||                             \
     std::is_convertible<decltype(thing), async_condition *>::value)
#else
#define ASYNCP_CAN_HOLD(thing)                                                                     \
    _Generic(thing, async_lock * : 1, async_semaphore * : 1, async_condition * : 1, default : 0)
#define ASYNCP_HOLD(thing)                                                                         \
    _Generic(thing, async_lock *                                                                   \
             : asyncp_hold_lock, async_semaphore *                                                 \
             : asyncp_hold_semaphore, async_condition *                                            \
             : asyncp_hold_condition)
#endif
#endif
