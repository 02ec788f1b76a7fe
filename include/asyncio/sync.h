/*
 * asyncio/sync.h: locks, events, conditions, semaphores and barriers for the tasks of one loop.
 *
 *     static async_lock lock; // {0} is free
 *
 *     ASYNC_WITH(&lock);
 *     ASYNC_TRY(async_sleep(1)); // other tasks run, and the lock is held
 *
 * Between two calls that switch no other task runs, so data changed there needs no lock. These
 * objects are for state that must hold across a wait.
 *
 * All are plain structs, initialised with {0} or with their public fields. An object must not be
 * moved while it is in use. Waiting tasks are served in FIFO order with direct hand-off: a lock or
 * a permit goes to the first waiting task, and a later call cannot take it. Calls that never switch
 * may also be made in callbacks.
 */
#ifndef ASYNCIO_SYNC_H
#define ASYNCIO_SYNC_H

#include <asyncio/base.h>

ASYNC_BEGIN_C

/* A lock; {0} is free. */
typedef struct ASYNCP_ALIASES async_lock {
    uint64_t asyncp_private[6];
} async_lock;

/*
 * Acquires the lock, waiting while it is held. After an error it was not acquired.
 *
 * Returns 0.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_lock_acquire(async_lock *lock);

/*
 * Acquires the lock if it is free.
 *
 * Returns 0; -EAGAIN if the lock is held.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_lock_acquire_nowait(async_lock *lock);

/*
 * Releases the lock: the first waiting task acquires it, else it is free.
 *
 * As in Python, a task may release a lock acquired by another task. Releasing a free lock aborts
 * the program with an error message.
 *
 * Never switches.
 */
ASYNC_API void async_lock_release(async_lock *lock);

/*
 * Returns true if the lock is held.
 * Never switches.
 */
ASYNC_API bool async_lock_locked(const async_lock *lock);

/* An event, for which any number of tasks can wait; {0} is not set. */
typedef struct ASYNCP_ALIASES async_event {
    uint64_t asyncp_private[6];
} async_event;

/*
 * Waits until the event is set.
 *
 * Returns 0.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_event_wait(async_event *event);

/*
 * Sets the event and wakes all waiting tasks. They continue even if the event is cleared before
 * they run.
 *
 * Never switches.
 */
ASYNC_API void async_event_set(async_event *event);

/*
 * Clears the event. From now on tasks wait until it is set again.
 *
 * Never switches.
 */
ASYNC_API void async_event_clear(async_event *event);

/*
 * Returns true if the event is set.
 * Never switches.
 */
ASYNC_API bool async_event_is_set(const async_event *event);

/*
 * A condition: a lock, and a list of tasks waiting for a change of the protected data. {0} has a
 * lock of its own.
 */
typedef struct ASYNCP_ALIASES async_condition {
    async_lock *lock; /* a lock to share with other users, borrowed; NULL: its own */
    uint64_t asyncp_private[8];
} async_condition;

/*
 * Acquires the condition's lock, as async_lock_acquire does.
 *
 * Returns 0.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_condition_acquire(async_condition *condition);

/*
 * Releases the condition's lock, as async_lock_release does.
 *
 * Never switches.
 */
ASYNC_API void async_condition_release(async_condition *condition);

/*
 * Returns true if the condition's lock is held.
 * Never switches.
 */
ASYNC_API bool async_condition_locked(const async_condition *condition);

/*
 * Releases the lock, waits for a notification, and acquires the lock again.
 *
 * The lock is held again whatever the call returns: it is acquired also if the task was cancelled.
 * If no task holds the lock, the program is aborted with an error message.
 *
 * Returns 0; -ECANCELED if the task was cancelled before a notification came.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_condition_wait(async_condition *condition);

/*
 * Waits until predicate(context) is true, as async_condition_wait does.
 *
 * The predicate is called at once and after every notification, with the lock held. It must not
 * switch. As in async_condition_wait, the library does not check which task holds the lock: if it
 * is another task, the lock is released nevertheless, as in Python.
 *
 * Returns 0; -ECANCELED if the task was cancelled before a notification came.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_condition_wait_for(async_condition *condition,
                                                  bool (*predicate)(void *context), void *context);

/*
 * Wakes at most count waiting tasks, in FIFO order. Each returns when it has acquired the lock. If
 * no task holds the lock, the program is aborted with an error message.
 *
 * Never switches.
 */
ASYNC_API void async_condition_notify(async_condition *condition, size_t count);

/*
 * Wakes all waiting tasks; otherwise like async_condition_notify.
 *
 * Never switches.
 */
ASYNC_API void async_condition_notify_all(async_condition *condition);

/*
 * A semaphore: {.value = 10} has ten permits, {0} has none until async_semaphore_release is called.
 *
 * With .bound it is a BoundedSemaphore: releasing more than .bound permits aborts the program with
 * an error message. So does a negative value or bound.
 */
typedef struct ASYNCP_ALIASES async_semaphore {
    int value; /* free permits; may be set before the semaphore is used */
    int bound; /* the largest number of permits; 0: no limit */
    uint64_t asyncp_private[5];
} async_semaphore;

/*
 * Acquires a permit, waiting until one is free. After an error none was acquired.
 *
 * Returns 0.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_semaphore_acquire(async_semaphore *semaphore);

/*
 * Acquires a permit if there is one.
 *
 * Returns 0; -EAGAIN if there is no permit.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_semaphore_acquire_nowait(async_semaphore *semaphore);

/*
 * Releases a permit: the first waiting task acquires it, else it is free.
 *
 * Never switches.
 */
ASYNC_API void async_semaphore_release(async_semaphore *semaphore);

/*
 * Returns true if no permit can be acquired without waiting.
 * Never switches.
 */
ASYNC_API bool async_semaphore_locked(const async_semaphore *semaphore);

/*
 * A barrier, where a number of tasks wait for each other: {.parties = 3}. It can be used
 * repeatedly.
 */
typedef struct ASYNCP_ALIASES async_barrier {
    int parties; /* how many tasks wait for each other; may be set before the barrier is used */
    uint64_t asyncp_private[6];
} async_barrier;

/*
 * Waits until .parties tasks wait at the barrier.
 *
 * If a waiting task is cancelled, it does not count any more.
 *
 * Returns the position of the calling task among them, 0 for the first.
 * -EPIPE if the barrier was reset or aborted.
 * -EINVAL if .parties is less than 1.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_barrier_wait(async_barrier *barrier);

/*
 * Resets the barrier to its initial state. Waiting tasks get -EPIPE.
 *
 * Never switches.
 */
ASYNC_API void async_barrier_reset(async_barrier *barrier);

/*
 * Breaks the barrier. Waiting tasks, and callers until async_barrier_reset, get -EPIPE.
 *
 * Never switches.
 */
ASYNC_API void async_barrier_abort(async_barrier *barrier);

/*
 * Returns the number of tasks waiting at the barrier.
 * Never switches.
 */
ASYNC_API int async_barrier_n_waiting(const async_barrier *barrier);

/*
 * Returns true if the barrier was aborted and not reset since.
 * Never switches.
 */
ASYNC_API bool async_barrier_broken(const async_barrier *barrier);

/* The lock or the permit of a semaphore held by ASYNC_WITH in a block. */
struct asyncp_held {
    async_lock *lock;
    async_semaphore *semaphore;
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

/* Returns the condition's lock, for ASYNC_WITH. */
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
 * ASYNC_WITH(TYPE *object);
 *
 * Acquires a lock, a permit of a semaphore or the lock of a condition, and releases it when the
 * block is left in any way.
 *
 * object points to an async_lock, an async_semaphore or an async_condition. If the object cannot be
 * acquired, the calling function returns the error, as with ASYNC_TRY.
 *
 * Switches.
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
