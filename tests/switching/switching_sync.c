/*
 * switching_sync.c: the rows (switching.h) of locks, events, conditions, semaphores and barriers.
 * They use one global object of each kind, which is initialised for each scene.
 */
#include "switching.h"

/* ---- locks ---------------------------------------------------------------------------------- */

static async_lock lock;
static int holders; /* of the lock: 0 or 1 */

static void set_lock(struct scene *scene)
{
    (void)scene;
    lock = (async_lock){0};
    holders = 0;
}

/*
 * At first it is held, by none of the callers. A caller that gets it keeps it, until it is needed
 * for the next one.
 */
static void set_taken_lock(struct scene *scene)
{
    set_lock(scene);
    CHECK_EQ(async_lock_acquire_nowait(&lock), 0);
}

static void release_lock(struct scene *scene)
{
    if (!async_lock_locked(&lock))
        return; /* there it is */
    scene->supplied++;
    async_lock_release(&lock);
}

static int lock_left(const struct scene *scene)
{
    (void)scene;
    return !async_lock_locked(&lock);
}

static int keep_lock(struct caller *caller)
{
    int result = async_lock_acquire(&lock);
    caller->scene->taken += result == 0;
    return result;
}

static int hold_lock(struct caller *caller)
{
    (void)caller;
    ASYNC_TRY(async_lock_acquire(&lock));
    CHECK_EQ(++holders, 1);
    holders--;
    async_lock_release(&lock);
    return 0;
}

static void check_lock(struct scene *scene)
{
    release_lock(scene);
    CHECK_EQ(async_lock_acquire(&lock), 0);
    CHECK_EQ(async_timeout(1e-4, async_lock_acquire(&lock)), -ETIMEDOUT);
    async_lock_release(&lock);
    CHECK(!async_lock_locked(&lock));
}

SWITCHING_CALL(lock_acquire_when_taken, async_lock_acquire, .kind = WAITS, .in_line = true,
               .set = set_taken_lock, .make = keep_lock, .supply = release_lock, .left = lock_left,
               .check = check_lock);
SWITCHING_CALL(lock_acquire_when_free, async_lock_acquire, .kind = NEED_NOT_WAIT, .set = set_lock,
               .make = hold_lock, .check = check_lock);

/* ---- semaphores ----------------------------------------------------------------------------- */

static async_semaphore semaphore;

static void set_semaphore(struct scene *scene)
{
    (void)scene;
    semaphore = (async_semaphore){0};
}

static void supply_permit(struct scene *scene)
{
    scene->supplied++;
    async_semaphore_release(&semaphore);
}

static void set_semaphore_with_permits(struct scene *scene)
{
    semaphore = (async_semaphore){.value = scene->caller_count};
    scene->supplied = scene->caller_count;
}

static int acquire_permit(struct caller *caller)
{
    int result = async_semaphore_acquire(&semaphore);
    caller->scene->taken += result == 0;
    return result;
}

static int permits_left(const struct scene *scene)
{
    (void)scene;
    return semaphore.value;
}

static void check_semaphore(struct scene *scene)
{
    (void)scene;
    while (async_semaphore_acquire_nowait(&semaphore) == 0)
        continue;
    CHECK_EQ(async_timeout(0, async_semaphore_acquire(&semaphore)), -ETIMEDOUT);
    async_semaphore_release(&semaphore);
    CHECK_EQ(async_semaphore_acquire(&semaphore), 0);
}

SWITCHING_CALL(semaphore_acquire_when_none_is_left, async_semaphore_acquire, .kind = WAITS,
               .in_line = true, .set = set_semaphore, .make = acquire_permit,
               .supply = supply_permit, .left = permits_left, .check = check_semaphore);
SWITCHING_CALL(semaphore_acquire_when_available, async_semaphore_acquire, .kind = NEED_NOT_WAIT,
               .set = set_semaphore_with_permits, .make = acquire_permit, .left = permits_left,
               .check = check_semaphore);

/* ---- events --------------------------------------------------------------------------------- */

static async_event event;

static void clear_event(struct scene *scene)
{
    (void)scene;
    event = (async_event){0};
}

static void set_event(struct scene *scene)
{
    (void)scene;
    async_event_set(&event);
}

static void set_and_clear_event(struct scene *scene)
{
    set_event(scene);
    async_event_clear(&event);
}

static int wait_for_event(struct caller *caller)
{
    (void)caller;
    return async_event_wait(&event);
}

static void check_event(struct scene *scene)
{
    set_event(scene);
    CHECK_EQ(async_event_wait(&event), 0);
    async_event_clear(&event);
    CHECK_EQ(async_timeout(0, async_event_wait(&event)), -ETIMEDOUT);
}

SWITCHING_CALL(event_wait_when_clear, async_event_wait, .kind = WAITS, .set = clear_event,
               .make = wait_for_event, .supply = set_event, .check = check_event);
SWITCHING_CALL(event_wait_until_it_is_set_for_a_moment, async_event_wait, .kind = WAITS,
               .set = clear_event, .make = wait_for_event, .supply = set_and_clear_event,
               .check = check_event);
SWITCHING_CALL(event_wait_when_set, async_event_wait, .kind = NEED_NOT_WAIT, .set = set_event,
               .make = wait_for_event, .check = check_event);

/* ---- conditions ----------------------------------------------------------------------------- */

static async_condition condition;
static int positive; /* the predicate's value */

static void set_condition(struct scene *scene)
{
    (void)scene;
    condition = (async_condition){0};
    positive = 0;
}

static void set_taken_condition(struct scene *scene)
{
    set_condition(scene);
    condition = (async_condition){.lock = &lock};
    set_taken_lock(scene);
}

static int acquire_condition(struct caller *caller)
{
    int result = async_condition_acquire(&condition);
    caller->scene->taken += result == 0;
    return result;
}

static int with_lock(int (*wait)(void))
{
    CHECK_EQ(async_no_cancel(async_condition_acquire(&condition)), 0);
    int result = wait();
    CHECK_EQ(++holders, 1);
    CHECK(async_condition_locked(&condition));
    holders--;
    async_condition_release(&condition);
    return result;
}

static int wait_for_notice(void)
{
    return async_condition_wait(&condition);
}

static int await_notice(struct caller *caller)
{
    (void)caller;
    return with_lock(wait_for_notice);
}

/*
 * A notification without a waiter is lost. It may come while a caller takes the lock, which then
 * holds it for that turn.
 */
static void notify(struct scene *scene)
{
    int result = async_lock_acquire_nowait(asyncp_condition_lock(&condition));
    (void)scene;
    async_condition_notify_all(&condition);
    if (result == 0)
        async_condition_release(&condition);
}

static bool is_positive(void *number)
{
    return *(int *)number > 0;
}

static int wait_until_positive(void)
{
    return async_condition_wait_for(&condition, is_positive, &positive);
}

static int await_positive(struct caller *caller)
{
    (void)caller;
    return with_lock(wait_until_positive);
}

static void make_positive(struct scene *scene)
{
    positive = 1;
    notify(scene);
}

static void set_positive_condition(struct scene *scene)
{
    set_condition(scene);
    positive = 1;
}

static void check_condition(struct scene *scene)
{
    (void)scene;
    CHECK(!async_condition_locked(&condition));
    CHECK_EQ(async_condition_acquire(&condition), 0);
    CHECK_EQ(async_timeout(1e-4, async_condition_wait(&condition)), -ETIMEDOUT);
    async_condition_release(&condition);
}

SWITCHING_CALL(condition_acquire_when_taken, async_condition_acquire, .kind = WAITS,
               .in_line = true, .set = set_taken_condition, .make = acquire_condition,
               .supply = release_lock, .left = lock_left, .check = check_lock);
SWITCHING_CALL(condition_wait_until_notified, async_condition_wait, .kind = WAITS,
               .set = set_condition, .make = await_notice, .supply = notify,
               .check = check_condition);
SWITCHING_CALL(condition_wait_for_until_it_is_true, async_condition_wait_for, .kind = WAITS,
               .set = set_condition, .make = await_positive, .supply = make_positive,
               .check = check_condition);
SWITCHING_CALL(condition_wait_for_when_it_is_true, async_condition_wait_for, .kind = NEED_NOT_WAIT,
               .set = set_positive_condition, .make = await_positive, .check = check_condition);

/* ---- barriers ------------------------------------------------------------------------------- */

static async_barrier barrier;

/* Wider than there are callers: the supply resets it, which ends all their waits. */
static void set_wide_barrier(struct scene *scene)
{
    (void)scene;
    barrier = (async_barrier){.parties = MAX_CALLERS + 1};
}

static void reset_barrier(struct scene *scene)
{
    (void)scene;
    async_barrier_reset(&barrier);
}

static void abort_barrier(struct scene *scene)
{
    (void)scene;
    async_barrier_abort(&barrier);
}

static void set_narrow_barrier(struct scene *scene)
{
    (void)scene;
    barrier = (async_barrier){.parties = 1};
}

static int wait_at_barrier(struct caller *caller)
{
    (void)caller;
    return async_barrier_wait(&barrier);
}

static void check_barrier(struct scene *scene)
{
    (void)scene;
    CHECK_EQ(async_barrier_n_waiting(&barrier), 0);
    async_barrier_reset(&barrier);
    barrier.parties = 2;
    CHECK_EQ(async_timeout(1e-4, async_barrier_wait(&barrier)), -ETIMEDOUT);
    CHECK_EQ(async_barrier_n_waiting(&barrier), 0);
}

SWITCHING_CALL(barrier_wait_until_it_is_reset, async_barrier_wait, .kind = WAITS, .gives = -EPIPE,
               .set = set_wide_barrier, .make = wait_at_barrier, .supply = reset_barrier,
               .check = check_barrier);
SWITCHING_CALL(barrier_wait_until_it_is_aborted, async_barrier_wait, .kind = WAITS, .gives = -EPIPE,
               .set = set_wide_barrier, .make = wait_at_barrier, .supply = abort_barrier,
               .check = check_barrier);
SWITCHING_CALL(barrier_wait_of_one, async_barrier_wait, .kind = NEED_NOT_WAIT,
               .set = set_narrow_barrier, .make = wait_at_barrier, .check = check_barrier);

/* ---- futures -------------------------------------------------------------------------------- */

static async_future *futures[MAX_CALLERS]; /* the future of each caller; NULL: none */

static void forget_futures(struct scene *scene)
{
    (void)scene;
    for (int i = 0; i < MAX_CALLERS; i++)
        futures[i] = NULL;
}

static void settle_futures(struct scene *scene)
{
    for (int i = 0; i < scene->caller_count; i++)
        if (futures[i] != NULL)
            async_future_set_result(futures[i], 0);
}

static int await_future(struct caller *caller)
{
    async_future *future = futures[caller->place] = async_future_new();
    int result = async_await(async_task_ref(future));
    CHECK(async_task_done(future));
    CHECK_EQ(async_future_set_result(future, 1), -EALREADY);
    futures[caller->place] = NULL;
    async_task_detach(future);
    return result;
}

static int await_settled_future(struct caller *caller)
{
    (void)caller;
    async_future *future = async_future_new();
    CHECK_EQ(async_future_set_result(future, 0), 0);
    return async_await(future);
}

static int gather_futures(struct caller *caller)
{
    async_future *future = futures[caller->place] = async_future_new();
    int result = async_gather(async_task_ref(future), async_task_ref(future));
    futures[caller->place] = NULL;
    async_task_detach(future);
    return result;
}

SWITCHING_CALL(await_of_a_future, async_await, .kind = WAITS, .set = forget_futures,
               .make = await_future, .supply = settle_futures);
SWITCHING_CALL(await_of_a_settled_future, async_await, .kind = JOINS_SURE,
               .make = await_settled_future);
SWITCHING_CALL(gather_of_futures, async_gather, .kind = WAITS, .set = forget_futures,
               .make = gather_futures, .supply = settle_futures);
