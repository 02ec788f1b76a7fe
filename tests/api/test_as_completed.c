/*
 * test_as_completed.c: async_as_completed: it gives tasks in the order in which they end, each
 * once, borrowed. The wait cancelled at each moment: switching_group.c.
 */
#include "run/coroutines.h"
#include "run/runner.h"
#include <string.h>

enum { COUNT = 3 };

static void create_three(async_task *tasks[COUNT])
{
    tasks[0] = async_create_task(give_after, 3, 30);
    tasks[1] = async_create_task(give_after, 1, -EIO);
    tasks[2] = async_create_task(give_after, 2, 20);
}

LOOP_TEST(as_completed_gives_each_index_once_in_the_order_of_the_ends)
{
    async_task *tasks[COUNT];
    create_three(tasks);
    async_auto_completion it = {0};
    CHECK_EQ(async_as_completed(&it, tasks, COUNT, ASYNC_FOREVER), 0);
    CHECK_EQ(async_completion_next(&it), 1);
    CHECK(async_time() == 1);
    CHECK_EQ(async_await(tasks[1]), -EIO); /* handles that were given may be taken */
    CHECK_EQ(async_sleep(5), 0);
    CHECK_EQ(async_completion_next(&it), 2);
    CHECK_EQ(async_completion_next(&it), 0);
    CHECK_EQ(async_completion_next(&it), -ENODATA);
    CHECK(async_time() == 6);
    return async_gather(tasks[0], tasks[2]);
}

LOOP_TEST(as_completed_gives_those_that_had_ended_first)
{
    async_task *tasks[COUNT];
    create_three(tasks);
    CHECK_EQ(async_sleep(2.5), 0);
    async_auto_completion it = {0};
    CHECK_EQ(async_as_completed(&it, tasks, COUNT, ASYNC_FOREVER), 0);
    CHECK_EQ(async_completion_next(&it), 1);
    CHECK_EQ(async_completion_next(&it), 2);
    CHECK(async_time() == 2.5);
    CHECK_EQ(async_completion_next(&it), 0);
    return async_gather_n(tasks, COUNT, NULL, ASYNC_RETURN_EXCEPTIONS);
}

LOOP_TEST(as_completed_whose_time_runs_out_says_so_after_what_has_ended)
{
    async_task *tasks[COUNT];
    create_three(tasks);
    async_auto_completion it = {0};
    CHECK_EQ(async_as_completed(&it, tasks, COUNT, 2.5), 0);
    CHECK_EQ(async_completion_next(&it), 1);
    CHECK_EQ(async_sleep(1.4), 0);
    CHECK_EQ(async_completion_next(&it), 2);
    CHECK_EQ(async_completion_next(&it), -ETIMEDOUT);
    CHECK(async_time() == 2.5);
    CHECK_EQ(async_completion_next(&it), -ETIMEDOUT);
    CHECK_EQ(async_sleep(1), 0);
    CHECK_EQ(async_completion_next(&it), 0); /* no task is cancelled */
    return async_gather_n(tasks, COUNT, NULL, ASYNC_RETURN_EXCEPTIONS);
}

LOOP_TEST(as_completed_that_is_ended_lets_the_tasks_go_on)
{
    async_task *tasks[COUNT];
    create_three(tasks);
    async_completion it;
    CHECK_EQ(async_as_completed(&it, tasks, COUNT, 9), 0);
    CHECK_EQ(async_completion_next(&it), 1);
    async_completion_end(&it);
    async_completion_end(&it);
    CHECK_EQ(async_completion_next(&it), -ENODATA);
    CHECK_EQ(async_gather_n(tasks, COUNT, NULL, ASYNC_FIRST_ERROR), -EIO);
    CHECK(async_time() == 3);
    return 0;
}

LOOP_TEST(as_completed_of_no_tasks_null_and_a_task_listed_twice)
{
    async_auto_completion none = {0};
    CHECK_EQ(async_completion_next(&none), -ENODATA);
    CHECK_EQ(async_as_completed(&none, NULL, 0, 1), 0);
    CHECK_EQ(async_completion_next(&none), -ENODATA);
    async_task *task = async_create_task(give_after, 1, 7);
    async_task *tasks[] = {task, NULL, task};
    CHECK_EQ(async_as_completed(&none, NULL, 3, 1), -EINVAL);
    CHECK_EQ(async_as_completed(&none, tasks, 3, NAN), -EINVAL);
    async_auto_completion it = {0};
    CHECK_EQ(async_as_completed(&it, tasks, 3, 5), 0);
    CHECK_EQ(async_completion_next(&it), 1);
    CHECK_EQ(async_completion_next(&it), 0);
    CHECK_EQ(async_completion_next(&it), -ENODATA); /* once, as in CPython */
    CHECK_EQ(async_await(task), 7);
    return 0;
}

static int next_of(async_completion *it)
{
    return async_completion_next(it);
}
async_fn(next_of, async_completion *);

LOOP_TEST(as_completed_by_several_tasks_gives_each_end_to_one_in_order)
{
    async_task *tasks[COUNT], *takers[COUNT + 1];
    int results[COUNT + 1], order[COUNT];
    create_three(tasks);
    async_auto_completion it = {0}, same = {0};
    CHECK_EQ(async_as_completed(&same, tasks, COUNT, 9), 0);
    CHECK_EQ(async_as_completed(&it, tasks, COUNT, 9), 0);
    for (int i = 0; i <= COUNT; i++)
        takers[i] = async_create_task(next_of, &it);
    for (int i = 0; i < COUNT; i++)
        order[i] = async_completion_next(&same);
    CHECK_EQ(async_gather_n(takers, COUNT + 1, results, ASYNC_RETURN_EXCEPTIONS), 0);
    for (int i = 0; i < COUNT; i++)
        CHECK_EQ(results[i], order[i]);
    CHECK_EQ(results[COUNT], -ENODATA);
    return async_gather_n(tasks, COUNT, NULL, ASYNC_RETURN_EXCEPTIONS);
}

LOOP_TEST(as_completed_that_is_ended_wakes_those_that_wait)
{
    async_task *tasks[COUNT];
    create_three(tasks);
    async_completion it = {0};
    CHECK_EQ(async_as_completed(&it, tasks, COUNT, 9), 0);
    async_task *taker = async_create_task(next_of, &it), *late = async_create_task(next_of, &it);
    CHECK_EQ(async_sleep(0), 0);
    async_completion_end(&it);
    memset(&it, 0x55, sizeof it); /* it is not read again */
    CHECK_EQ(async_await(taker), -ECANCELED);
    CHECK_EQ(async_await(late), -ECANCELED);
    return async_gather_n(tasks, COUNT, NULL, ASYNC_RETURN_EXCEPTIONS);
}

LOOP_TEST(as_completed_without_memory_is_an_error_and_nothing_to_end)
{
    async_task *tasks[COUNT];
    create_three(tasks);
    async_auto_completion it = {0};
    test_allow_allocations(0);
    CHECK_EQ(async_as_completed(&it, tasks, COUNT, 9), -ENOMEM);
    test_allow_allocations(-1);
    CHECK_EQ(async_completion_next(&it), -ENODATA);
    return async_gather_n(tasks, COUNT, NULL, ASYNC_RETURN_EXCEPTIONS);
}

enum { MANY = 10000 };

LOOP_TEST(as_completed_of_many_in_several_at_once)
{
    static async_task *tasks[MANY];
    for (int i = 0; i < MANY; i++)
        tasks[i] = async_create_task(give_after, MANY - i, i);
    async_auto_completion it = {0}, other = {0};
    CHECK_EQ(async_as_completed(&it, tasks, MANY, ASYNC_FOREVER), 0);
    CHECK_EQ(async_as_completed(&other, tasks, MANY, ASYNC_FOREVER), 0);
    for (int i = MANY; i-- > 0;)
        CHECK_EQ(async_completion_next(&it), i);
    for (int i = MANY; i-- > 0;)
        CHECK_EQ(async_completion_next(&other), i);
    return async_gather_n(tasks, MANY, NULL, ASYNC_FIRST_ERROR);
}

LOOP_TEST(as_completed_of_the_task_itself_is_refused)
{
    async_task *tasks[] = {async_create_task(give, 7), async_current_task()};
    async_auto_completion it = {0};
    CHECK_EQ(async_as_completed(&it, tasks, 2, ASYNC_FOREVER), -EDEADLK);
    CHECK_EQ(async_completion_next(&it), -ENODATA);
    return async_await(tasks[0]) == 7 ? 0 : -EIO;
}

DEATH_TEST(as_completed_that_is_null_dies, "async_completion_end: the completion is NULL")
{
    async_completion_end(NULL);
}
