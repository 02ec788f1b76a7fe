/*
 * test_sync_condition.c: conditions and barriers. A wait on a condition always returns with the
 * lock held; a wait at a barrier that filled returns a different place to each task.
 */
#include "run/trace.h"
#include "run/coroutines.h"

/* ---- conditions ----------------------------------------------------------------------------- */

/* Holds the lock when it comes back, or never did. */
static int await_notice(async_condition *condition, const char *name)
{
    ASYNC_WITH(condition);
    int result = async_condition_wait(condition);
    CHECK(async_condition_locked(condition));
    note("%s:%d", name, result);
    return result;
}
async_fn(await_notice, async_condition *, const char *);

static void notify(async_condition *condition, size_t count)
{
    CHECK_EQ(async_condition_acquire(condition), 0);
    async_condition_notify(condition, count);
    async_condition_release(condition);
}

LOOP_TEST(condition_wakes_as_many_as_are_notified_in_the_order_they_came)
{
    async_condition condition = {0};
    async_task *tasks[] = {async_create_task(await_notice, &condition, "a"),
                           async_create_task(await_notice, &condition, "b"),
                           async_create_task(await_notice, &condition, "c"),
                           async_create_task(await_notice, &condition, "d")};
    settle();
    CHECK(!async_condition_locked(&condition)); /* a waiting task has released it */
    notify(&condition, 0);
    settle();
    CHECK_TRACE("");
    notify(&condition, 1);
    settle();
    CHECK_TRACE("a:0");
    CHECK_EQ(async_condition_acquire(&condition), 0);
    async_condition_notify_all(&condition);
    settle();
    CHECK_TRACE(""); /* the lock is ours */
    async_condition_release(&condition);
    CHECK_EQ(async_gather_n(tasks, 4, NULL, ASYNC_FIRST_ERROR), 0);
    CHECK_TRACE("b:0 c:0 d:0");
    notify(&condition, 5);
    CHECK(!async_condition_locked(&condition));
    return 0;
}

LOOP_TEST(condition_may_share_a_lock)
{
    async_lock lock = {0};
    async_condition full = {.lock = &lock}, empty = {.lock = &lock};
    async_task *task = async_create_task(await_notice, &full, "full");
    settle();
    CHECK_EQ(async_condition_acquire(&empty), 0);
    CHECK(async_lock_locked(&lock));
    CHECK(async_condition_locked(&full));
    async_condition_notify(&full, 1);
    async_condition_release(&empty);
    CHECK_EQ(async_await(task), 0);
    CHECK(!async_lock_locked(&lock));
    return 0;
}

LOOP_TEST(condition_wait_that_is_cancelled_returns_with_the_lock)
{
    async_condition condition = {0};
    async_task *task = async_create_task(await_notice, &condition, "task");
    settle();
    CHECK_EQ(async_condition_acquire(&condition), 0);
    async_task_cancel(task);
    settle();
    CHECK_TRACE(""); /* it is refused, and still waits for the lock */
    async_task_cancel(task);
    settle();
    CHECK_TRACE("");
    async_condition_release(&condition);
    CHECK_EQ(async_await(task), -ECANCELED);
    CHECK_TRACE("task:-125");
    CHECK(!async_condition_locked(&condition));
    return 0;
}

LOOP_TEST(condition_counts_a_notification_though_the_task_is_cancelled_while_it_takes_the_lock)
{
    async_condition condition = {0};
    async_task *task = async_create_task(await_notice, &condition, "task");
    settle();
    CHECK_EQ(async_condition_acquire(&condition), 0);
    async_condition_notify(&condition, 1);
    settle();
    async_task_cancel(task);
    settle();
    async_condition_release(&condition);
    CHECK_EQ(async_await(task), 0);
    CHECK_TRACE("task:0");
    return 0;
}

LOOP_TEST(condition_gives_notifications_to_tasks_that_still_wait)
{
    async_condition condition = {0};
    async_task *gone = async_create_task(await_notice, &condition, "gone");
    async_task *there = async_create_task(await_notice, &condition, "there");
    settle();
    async_task_cancel(gone);
    notify(&condition, 1);
    CHECK_EQ(async_await(gone), -ECANCELED);
    CHECK_EQ(async_await(there), 0);
    CHECK_TRACE("gone:-125 there:0");
    return 0;
}

LOOP_TEST(condition_that_is_refused_at_once_keeps_its_lock)
{
    async_condition condition = {0};
    CHECK_EQ(async_condition_acquire(&condition), 0);
    CHECK_EQ(async_timeout(0, async_condition_wait(&condition)), -ETIMEDOUT);
    CHECK(async_condition_locked(&condition));
    async_condition_release(&condition);
    return 0;
}

/* Predicates. */
static bool is_positive(void *number)
{
    note("asked");
    return *(int *)number > 0;
}

static int await_positive(async_condition *condition, int *number)
{
    ASYNC_WITH(condition);
    return async_condition_wait_for(condition, is_positive, number);
}
async_fn(await_positive, async_condition *, int *);

LOOP_TEST(condition_predicate_is_called_at_once_and_after_each_notification)
{
    async_condition condition = {0};
    int number = 1;
    CHECK_EQ(await_positive(&condition, &number), 0);
    CHECK_TRACE("asked");
    number = 0;
    async_task *task = async_create_task(await_positive, &condition, &number);
    settle();
    notify(&condition, 1);
    settle();
    CHECK_TRACE("asked asked");
    number = 1;
    notify(&condition, 1);
    CHECK_EQ(async_await(task), 0);
    CHECK_TRACE("asked");
    number = 0;
    CHECK_EQ(async_timeout(1, await_positive(&condition, &number)), -ETIMEDOUT);
    CHECK(!async_condition_locked(&condition));
    return 0;
}

LOOP_TEST(condition_that_became_true_returns_0_though_a_cancel_follows)
{
    async_condition condition = {0};
    int number = 0;
    async_task *task = async_create_task(await_positive, &condition, &number);
    settle();
    number = 1;
    notify(&condition, 1);
    async_task_cancel(task);
    CHECK_EQ(async_await(task), 0);
    number = 0;
    task = async_create_task(await_positive, &condition, &number);
    settle();
    notify(&condition, 1);
    async_task_cancel(task); /* and the predicate is false */
    CHECK_EQ(async_await(task), -ECANCELED);
    return 0;
}

static int wait_without_lock(void)
{
    async_condition condition = {0};
    return async_condition_wait(&condition);
}
async_fn(wait_without_lock);

DEATH_TEST(condition_without_its_lock_ends_the_program,
           "async_condition_wait: the condition's lock is not held; acquire it first")
{
    async_ignore(async_run_with(test_options(), wait_without_lock));
}

static int wait_for_what_holds_without_lock(void)
{
    async_condition condition = {0};
    int number = 1;
    return async_condition_wait_for(&condition, is_positive, &number);
}
async_fn(wait_for_what_holds_without_lock);

DEATH_TEST(condition_that_is_true_still_needs_its_lock,
           "async_condition_wait_for: the condition's lock is not held; acquire it first")
{
    async_ignore(async_run_with(test_options(), wait_for_what_holds_without_lock));
}

static int hold_for_a_second(async_condition *condition)
{
    ASYNC_TRY(async_condition_acquire(condition));
    ASYNC_TRY(async_sleep(1));
    return async_condition_locked(condition);
}
async_fn(hold_for_a_second, async_condition *);

LOOP_TEST(condition_wait_does_not_check_which_task_holds_the_lock)
{
    async_condition condition = {0};
    int number = 0;
    async_task *holder = async_create_task(hold_for_a_second, &condition);
    settle();
    CHECK_EQ(async_timeout(3, async_condition_wait_for(&condition, is_positive, &number)),
             -ETIMEDOUT);
    CHECK_EQ(async_await(holder), 0); /* it was free under the task that had taken it */
    CHECK(async_condition_locked(&condition));
    async_condition_release(&condition);
    CHECK_TRACE("asked");
    return 0;
}

DEATH_TEST(condition_notified_without_its_lock_ends_the_program,
           "async_condition_notify: the condition's lock is not held")
{
    async_condition condition = {0};
    async_condition_notify_all(&condition);
}

DEATH_TEST(condition_that_is_null_ends_the_program, "async_condition_locked: the condition is NULL")
{
    async_condition_locked(NULL);
}

/* ---- barriers ------------------------------------------------------------------------------- */

static int arrive(async_barrier *barrier, const char *name)
{
    int result = async_barrier_wait(barrier);
    note("%s:%d", name, result);
    return result;
}
async_fn(arrive, async_barrier *, const char *);

LOOP_TEST(barrier_opens_each_time_all_parties_have_come)
{
    async_barrier barrier = {.parties = 3};
    for (int round = 0; round < 3; round++) {
        async_task *a = async_create_task(arrive, &barrier, "a");
        async_task *b = async_create_task(arrive, &barrier, "b");
        settle();
        CHECK_TRACE("");
        CHECK_EQ(async_barrier_n_waiting(&barrier), 2);
        CHECK_EQ(async_barrier_wait(&barrier), 2);
        CHECK_EQ(async_barrier_n_waiting(&barrier), 0);
        CHECK_EQ(async_await(b), 1);
        CHECK_EQ(async_await(a), 0);
        CHECK_TRACE("a:0 b:1");
    }
    return 0;
}

LOOP_TEST(barrier_of_one_does_not_wait)
{
    async_barrier barrier = {.parties = 1};
    async_task *other = async_create_task(arrive, &barrier, "other");
    CHECK_EQ(async_barrier_wait(&barrier), 0);
    CHECK_TRACE("");
    return async_await(other);
}

/* The header says not to; if it happens, no two have one place. */
LOOP_TEST(barrier_made_smaller_while_tasks_wait_gives_each_place_once)
{
    async_barrier barrier = {.parties = 4};
    async_task *a = async_create_task(arrive, &barrier, "a");
    async_task *b = async_create_task(arrive, &barrier, "b");
    settle();
    barrier.parties = 2;
    CHECK_EQ(async_barrier_wait(&barrier), 2);
    CHECK_EQ(async_await(a), 0);
    CHECK_EQ(async_await(b), 1);
    return 0;
}

LOOP_TEST(barrier_of_none_is_an_error)
{
    async_barrier barrier = {0};
    CHECK_EQ(async_barrier_wait(&barrier), -EINVAL);
    return 0;
}

LOOP_TEST(barrier_wait_that_is_cancelled_leaves_the_barrier_usable)
{
    async_barrier barrier = {.parties = 3};
    async_task *a = async_create_task(arrive, &barrier, "a");
    async_task *b = async_create_task(arrive, &barrier, "b");
    settle();
    async_task_cancel(a);
    CHECK_EQ(async_barrier_n_waiting(&barrier), 1); /* at once, not when it runs */
    CHECK_EQ(async_await(a), -ECANCELED);
    async_task *c = async_create_task(arrive, &barrier, "c");
    settle();
    CHECK_EQ(async_barrier_wait(&barrier), 2);
    CHECK_EQ(async_await(b), 0);
    CHECK_EQ(async_await(c), 1);
    CHECK(!async_barrier_broken(&barrier));
    return 0;
}

LOOP_TEST(barrier_that_filled_lets_all_pass_though_one_is_cancelled)
{
    async_barrier barrier = {.parties = 2};
    async_task *a = async_create_task(arrive, &barrier, "a");
    settle();
    CHECK_EQ(async_barrier_wait(&barrier), 1);
    async_task_cancel(a);
    async_barrier_abort(&barrier);
    CHECK_EQ(async_await(a), 0);
    CHECK(async_barrier_broken(&barrier));
    return 0;
}

LOOP_TEST(barrier_that_is_aborted_stays_broken_until_it_is_reset)
{
    async_barrier barrier = {.parties = 2};
    async_task *a = async_create_task(arrive, &barrier, "a");
    settle();
    async_barrier_abort(&barrier);
    CHECK_EQ(async_barrier_n_waiting(&barrier), 0);
    CHECK_EQ(async_await(a), -EPIPE);
    CHECK_STR(async_strerror(-EPIPE), "-EPIPE: the barrier was reset or aborted during the wait");
    CHECK_EQ(async_barrier_wait(&barrier), -EPIPE);
    CHECK_STR(async_strerror(-EPIPE), "-EPIPE: the barrier was aborted");
    async_barrier_reset(&barrier);
    CHECK(!async_barrier_broken(&barrier));
    a = async_create_task(arrive, &barrier, "a");
    settle();
    CHECK_EQ(async_barrier_wait(&barrier), 1);
    return async_await(a);
}

LOOP_TEST(barrier_that_is_reset_gives_its_waiters_an_error)
{
    async_barrier barrier = {.parties = 3};
    async_task *a = async_create_task(arrive, &barrier, "a");
    async_task *b = async_create_task(arrive, &barrier, "b");
    settle();
    async_barrier_reset(&barrier);
    async_task *c = async_create_task(arrive, &barrier, "c");
    CHECK_EQ(async_await(a), -EPIPE);
    CHECK_EQ(async_await(b), -EPIPE);
    settle();
    CHECK(!async_barrier_broken(&barrier));
    CHECK_EQ(async_barrier_n_waiting(&barrier), 1);
    async_task_cancel(c);
    CHECK_EQ(async_await(c), -ECANCELED);
    CHECK_EQ(async_barrier_n_waiting(&barrier), 0);
    return 0;
}

DEATH_TEST(barrier_that_is_null_ends_the_program, "async_barrier_reset: the barrier is NULL")
{
    async_barrier_reset(NULL);
}
