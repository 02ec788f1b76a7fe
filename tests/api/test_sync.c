/*
 * test_sync.c: locks, events and semaphores: the order in which waiters are served, and what
 * cancelling undoes. The rule: a lock or permit that becomes free goes to the oldest waiter
 * immediately.
 */
#include "run/dump.h"
#include "run/trace.h"
#include "run/coroutines.h"
#include "run/callbacks.h"

#include <limits.h>

/* ---- locks ---------------------------------------------------------------------------------- */

static int take_lock(async_lock *lock, const char *name)
{
    int result = async_lock_acquire(lock);
    note("%s:%d", name, result);
    return result;
}
async_fn(take_lock, async_lock *, const char *);

static int hold_lock_a_turn(async_lock *lock, int *holders)
{
    ASYNC_TRY(async_lock_acquire(lock));
    CHECK_EQ(++*holders, 1);
    int result = async_sleep(0);
    CHECK_EQ(--*holders, 0);
    async_lock_release(lock);
    return result;
}
async_fn(hold_lock_a_turn, async_lock *, int *);

LOOP_TEST(lock_is_one_tasks_at_a_time)
{
    async_lock lock = {0};
    async_task *tasks[20];
    int holders = 0;
    for (int i = 0; i < 20; i++)
        tasks[i] = async_create_task(hold_lock_a_turn, &lock, &holders);
    CHECK_EQ(async_gather_n(tasks, 20, NULL, ASYNC_FIRST_ERROR), 0);
    CHECK(!async_lock_locked(&lock));
    return 0;
}

LOOP_TEST(lock_that_is_free_is_taken_without_a_switch)
{
    async_lock lock = {0};
    async_task *other = async_create_task(take_lock, &lock, "other");
    CHECK(!async_lock_locked(&lock));
    CHECK_EQ(async_lock_acquire(&lock), 0);
    CHECK(async_lock_locked(&lock));
    CHECK_TRACE("");
    async_lock_release(&lock);
    CHECK_EQ(async_await(other), 0);
    CHECK_TRACE("other:0");
    return 0;
}

LOOP_TEST(lock_goes_to_waiters_in_the_order_they_came)
{
    async_lock lock = {0};
    CHECK_EQ(async_lock_acquire(&lock), 0);
    async_task *a = async_create_task(take_lock, &lock, "a");
    async_task *b = async_create_task(take_lock, &lock, "b");
    async_task *c = async_create_task(take_lock, &lock, "c");
    settle();
    for (int i = 0; i < 3; i++) {
        async_lock_release(&lock);
        settle();
    }
    CHECK_EQ(async_gather(a, b, c), 0);
    CHECK_TRACE("a:0 b:0 c:0");
    CHECK(async_lock_locked(&lock)); /* c's; it ended with it, and another task releases it */
    async_lock_release(&lock);
    CHECK(!async_lock_locked(&lock));
    return 0;
}

LOOP_TEST(lock_is_never_free_between_two_owners)
{
    async_lock lock = {0};
    CHECK_EQ(async_lock_acquire(&lock), 0);
    async_task *waiting = async_create_task(take_lock, &lock, "waiting");
    settle();
    async_lock_release(&lock);
    CHECK(async_lock_locked(&lock));
    CHECK_EQ(async_lock_acquire_nowait(&lock), -EAGAIN);
    CHECK_EQ(async_timeout(0.5, async_lock_acquire(&lock)), -ETIMEDOUT);
    CHECK_EQ(async_await(waiting), 0);
    return 0;
}

LOOP_TEST(lock_that_was_handed_over_is_kept_though_a_cancel_follows)
{
    async_lock lock = {0};
    CHECK_EQ(async_lock_acquire(&lock), 0);
    async_task *a = async_create_task(take_lock, &lock, "a");
    settle();
    async_lock_release(&lock);
    async_task_cancel(a);
    CHECK_EQ(async_await(a), 0);
    CHECK(async_lock_locked(&lock));
    return 0;
}

LOOP_TEST(lock_passes_over_a_waiter_that_was_cancelled)
{
    async_lock lock = {0};
    CHECK_EQ(async_lock_acquire(&lock), 0);
    async_task *a = async_create_task(take_lock, &lock, "a");
    async_task *b = async_create_task(take_lock, &lock, "b");
    settle();
    async_task_cancel(a);
    async_lock_release(&lock);
    CHECK_EQ(async_await(a), -ECANCELED);
    CHECK_EQ(async_await(b), 0);
    CHECK_TRACE("a:-125 b:0");
    return 0;
}

LOOP_TEST(lock_whose_waiters_all_give_up_is_free_when_released)
{
    async_lock lock = {0};
    CHECK_EQ(async_lock_acquire(&lock), 0);
    CHECK_EQ(async_timeout(1, async_lock_acquire(&lock)),
             -ETIMEDOUT); /* as in Python, not even by its owner */
    async_lock_release(&lock);
    CHECK(!async_lock_locked(&lock));
    CHECK_EQ(async_lock_acquire(&lock), 0);
    return 0;
}

LOOP_TEST(lock_is_not_taken_by_a_task_that_is_refused)
{
    async_lock lock = {0};
    async_task_cancel(async_current_task());
    CHECK_EQ(async_lock_acquire(&lock), -ECANCELED);
    CHECK(!async_lock_locked(&lock));
    CHECK_EQ(async_lock_acquire_nowait(&lock), 0); /* a call that never switches is never refused */
    async_lock_release(&lock);
    async_task_uncancel(async_current_task());
    return 0;
}

TEST(lock_may_be_taken_without_waiting_outside_of_a_loop)
{
    async_lock lock = {0};
    CHECK_EQ(async_lock_acquire_nowait(&lock), 0);
    CHECK_EQ(async_lock_acquire_nowait(&lock), -EAGAIN);
    async_lock_release(&lock);
    CHECK(!async_lock_locked(&lock));
}

LOOP_TEST(lock_owner_is_shown_in_a_dump)
{
    async_lock lock = {0}, other = {0};
    char expected[80];
    CHECK_EQ(async_lock_acquire(&lock), 0);
    CHECK_EQ(async_lock_acquire(&other), 0);
    async_task *waiting = async_create_task(take_lock, &lock, "waiting");
    async_task_detach(async_create_task(take_lock, &other, "second"));
    settle();
    async_lock_release(&other);
    async_task_detach(async_create_task(take_lock, &other, "third"));
    settle();
    struct dump dump = dump_now();
    snprintf(expected, sizeof expected, "waits in async_lock_acquire on %#zx, held by task #%d",
             (size_t)(uintptr_t)&lock, (int)async_task_id(async_current_task()));
    CHECK(strstr(dump.text, expected) != NULL);
    CHECK(strstr(dump.text, ", held by task #3") != NULL); /* the second's, though it has ended */
    async_lock_release(&lock);
    async_lock_release(&other);
    return async_await(waiting);
}

DEATH_TEST(lock_released_twice_ends_the_program, "async_lock_release: the lock is not held")
{
    async_lock lock = {0};
    CHECK_EQ(async_lock_acquire_nowait(&lock), 0);
    async_lock_release(&lock);
    async_lock_release(&lock);
}

DEATH_TEST(lock_that_is_null_ends_the_program, "async_lock_locked: the lock is NULL")
{
    async_lock_locked(NULL);
}

DEATH_TEST(lock_outside_of_a_task_ends_the_program, "async_lock_acquire was called outside a task")
{
    async_lock lock = {0};
    async_ignore(async_lock_acquire(&lock));
}

/* ---- ASYNC_WITH ----------------------------------------------------------------------------- */

static int work_with(async_lock *lock, async_semaphore *semaphore, int how)
{
    ASYNC_WITH(lock);
    {
        ASYNC_WITH(semaphore);
        CHECK(async_semaphore_locked(semaphore));
        if (how == 1)
            return 1;
        ASYNC_TRY(how == 2 ? -EIO : 0);
    }
    CHECK(!async_semaphore_locked(semaphore));
    CHECK(async_lock_locked(lock));
    return async_sleep(how);
}
async_fn(work_with, async_lock *, async_semaphore *, int);

LOOP_TEST(with_releases_on_every_way_out_of_the_block)
{
    async_lock lock = {0};
    async_semaphore semaphore = {.value = 1, .bound = 1};
    static const int results[] = {0, 1, -EIO, 0};
    for (int how = 0; how < 4; how++) {
        CHECK_EQ(work_with(&lock, &semaphore, how), results[how]);
        CHECK(!async_lock_locked(&lock));
        CHECK(!async_semaphore_locked(&semaphore));
    }
    return 0;
}

LOOP_TEST(with_returns_the_error_and_releases_nothing_if_it_is_refused)
{
    async_lock lock = {0};
    async_semaphore semaphore = {.value = 0, .bound = 1};
    CHECK_EQ(async_timeout(1, work_with(&lock, &semaphore, 0)), -ETIMEDOUT);
    CHECK(!async_lock_locked(&lock)); /* it had that one */
    CHECK(async_semaphore_locked(&semaphore));
    CHECK_EQ(async_timeout(0, work_with(&lock, &semaphore, 0)), -ETIMEDOUT);
    CHECK(!async_lock_locked(&lock));
    return 0;
}

/* ---- events --------------------------------------------------------------------------------- */

static int await_event(async_event *event, const char *name)
{
    int result = async_event_wait(event);
    note("%s:%d", name, result);
    return result;
}
async_fn(await_event, async_event *, const char *);

LOOP_TEST(event_wakes_all_in_the_order_they_came)
{
    async_event event = {0};
    async_task *a = async_create_task(await_event, &event, "a");
    async_task *b = async_create_task(await_event, &event, "b");
    async_task *c = async_create_task(await_event, &event, "c");
    settle();
    CHECK_TRACE("");
    CHECK(!async_event_is_set(&event));
    async_event_set(&event);
    CHECK(async_event_is_set(&event));
    CHECK_TRACE(""); /* no task runs inside this call */
    CHECK_EQ(async_gather(a, b, c), 0);
    CHECK_TRACE("a:0 b:0 c:0");
    return 0;
}

LOOP_TEST(event_that_is_set_is_not_waited_for)
{
    async_event event = {0};
    async_event_set(&event);
    async_task_detach(async_create_task(await_event, &event, "other"));
    CHECK_EQ(async_event_wait(&event), 0);
    CHECK_TRACE("");
    settle();
    CHECK_TRACE("other:0");
    return 0;
}

LOOP_TEST(event_that_is_cleared_at_once_has_woken_its_waiters)
{
    async_event event = {0};
    async_task *early = async_create_task(await_event, &event, "early");
    settle();
    async_event_set(&event);
    async_event_clear(&event);
    async_task *late = async_create_task(await_event, &event, "late");
    CHECK_EQ(async_await(early), 0);
    settle();
    CHECK_TRACE("early:0");
    async_task_cancel(late);
    CHECK_EQ(async_await(late), -ECANCELED);
    CHECK_TRACE("late:-125");
    return 0;
}

LOOP_TEST(event_may_be_set_in_a_callback)
{
    async_event event = {0};
    CHECK(async_call_later(3, set_event_callback, &event).id != 0);
    CHECK_EQ(async_event_wait(&event), 0);
    CHECK(async_time() == 3);
    return 0;
}

DEATH_TEST(event_that_is_null_ends_the_program, "async_event_set: the event is NULL")
{
    async_event_set(NULL);
}

/* ---- semaphores ----------------------------------------------------------------------------- */

static int take_permit(async_semaphore *semaphore, const char *name)
{
    int result = async_semaphore_acquire(semaphore);
    note("%s:%d", name, result);
    return result;
}
async_fn(take_permit, async_semaphore *, const char *);

static int work_with_permit(async_semaphore *semaphore, int *working, int *most)
{
    ASYNC_WITH(semaphore);
    *most = ++*working > *most ? *working : *most;
    int result = async_sleep(1);
    --*working;
    return result;
}
async_fn(work_with_permit, async_semaphore *, int *, int *);

LOOP_TEST(semaphore_lets_in_as_many_as_it_has_permits)
{
    async_semaphore semaphore = {.value = 3};
    async_task *tasks[10];
    int working = 0, most = 0;
    for (int i = 0; i < 10; i++)
        tasks[i] = async_create_task(work_with_permit, &semaphore, &working, &most);
    CHECK_EQ(async_gather_n(tasks, 10, NULL, ASYNC_FIRST_ERROR), 0);
    CHECK_EQ(most, 3);
    CHECK(async_time() == 4);
    CHECK_EQ(semaphore.value, 3);
    return 0;
}

LOOP_TEST(semaphore_hands_its_permit_to_the_oldest_waiter)
{
    async_semaphore semaphore = {0};
    async_task *a = async_create_task(take_permit, &semaphore, "a");
    async_task *b = async_create_task(take_permit, &semaphore, "b");
    settle();
    async_semaphore_release(&semaphore);
    CHECK(async_semaphore_locked(&semaphore)); /* it is a's already */
    CHECK_EQ(async_semaphore_acquire_nowait(&semaphore), -EAGAIN);
    async_task *c = async_create_task(take_permit, &semaphore, "c");
    settle();
    CHECK_TRACE("a:0");
    async_semaphore_release(&semaphore);
    async_semaphore_release(&semaphore);
    async_semaphore_release(&semaphore);
    CHECK_EQ(async_gather(a, b, c), 0);
    CHECK_TRACE("b:0 c:0");
    CHECK(!async_semaphore_locked(&semaphore));
    CHECK_EQ(async_semaphore_acquire_nowait(&semaphore), 0);
    return 0;
}

LOOP_TEST(semaphore_loses_no_permit_to_a_waiter_that_is_cancelled)
{
    async_semaphore semaphore = {0};
    async_task *first = async_create_task(take_permit, &semaphore, "first");
    async_task *second = async_create_task(take_permit, &semaphore, "second");
    settle();
    async_semaphore_release(&semaphore);
    async_task_cancel(first); /* too late: it has the permit */
    async_task_cancel(second);
    async_semaphore_release(&semaphore);
    CHECK_EQ(async_await(first), 0);
    CHECK_EQ(async_await(second), -ECANCELED);
    CHECK_EQ(semaphore.value, 1);
    return 0;
}

LOOP_TEST(semaphore_with_a_bound_may_be_filled_up_to_it)
{
    async_semaphore semaphore = {.value = 1, .bound = 2};
    async_semaphore_release(&semaphore);
    CHECK_EQ(async_semaphore_acquire(&semaphore), 0);
    CHECK_EQ(async_semaphore_acquire(&semaphore), 0);
    CHECK(async_semaphore_locked(&semaphore));
    return 0;
}

DEATH_TEST(semaphore_with_a_bound_released_too_often_ends_the_program,
           "async_semaphore_release: all 2 permits are free already")
{
    async_semaphore semaphore = {.value = 2, .bound = 2};
    async_semaphore_release(&semaphore);
}

DEATH_TEST(semaphore_with_a_negative_bound_ends_the_program, "the semaphore's bound is -1")
{
    async_semaphore semaphore = {.value = 1, .bound = -1};
    async_semaphore_release(&semaphore);
}

DEATH_TEST(semaphore_begun_above_its_bound_ends_the_program,
           "the semaphore has 3 permits, but a bound of 2")
{
    async_semaphore semaphore = {.value = 3, .bound = 2};
    async_ignore(async_semaphore_acquire_nowait(&semaphore));
}

DEATH_TEST(semaphore_with_a_negative_value_ends_the_program, "the semaphore has -1 permits")
{
    async_semaphore semaphore = {.value = -1};
    async_ignore(async_semaphore_acquire_nowait(&semaphore));
}

DEATH_TEST(semaphore_with_a_negative_value_cannot_be_released,
           "async_semaphore_release: the semaphore has -1 permits")
{
    async_semaphore semaphore = {.value = -1};
    async_semaphore_release(&semaphore);
}

DEATH_TEST(semaphore_with_too_large_a_value_ends_the_program,
           "the maximum of 2147483647 permits already")
{
    async_semaphore semaphore = {.value = INT_MAX};
    async_semaphore_release(&semaphore);
}

DEATH_TEST(semaphore_that_is_null_ends_the_program,
           "async_semaphore_release: the semaphore is NULL")
{
    async_semaphore_release(NULL);
}
