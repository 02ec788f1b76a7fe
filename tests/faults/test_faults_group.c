/*
 * test_faults_group.c: task groups and watches among the programs for tests/scripts/faults.py,
 * which makes every call of theirs fail in turn. See test_faults.c.
 */
#include "fault_test.h"

#include <math.h>

static int keep(int number, double seconds)
{
    int result = answer(async_sleep(seconds));
    kept[number]++;
    return result;
}
async_fn(keep, int, double);

static int group_of_all(size_t limit)
{
    ASYNC_TASK_GROUP_WITH(group, .limit = limit, .discard = limit != 0);
    for (int i = 0; i < ACCOUNTS; i++)
        promised[i] = async_group_create_task(&group, keep, i, i % 3) != NULL;
    return answer(async_group_wait(&group));
}

/* A child is there or its group has failed; those that are there end before it does. */
FAULTS_TEST(a_group_ends_after_its_children)
{
    for (size_t limit = 0; limit < 3; limit++) {
        int result = group_of_all(limit);
        CHECK(result == 0 || result == -ENOMEM);
        for (int i = 0; i < ACCOUNTS; i++) {
            CHECK_EQ(kept[i], promised[i]);
            CHECK(promised[i] == 1 || result == -ENOMEM);
            kept[i] = promised[i] = 0;
        }
    }
    return 0;
}

static int leave_early(void)
{
    ASYNC_TASK_GROUP(group);
    for (int i = 0; i < ACCOUNTS; i++)
        promised[i] = async_group_create_task(&group, keep, i, 0) != NULL;
    return answer(async_group_next(&group, NULL));
}

FAULTS_TEST(a_group_that_is_left_ends_after_its_children)
{
    int result = leave_early();
    CHECK(result == 0 || result == -ENOMEM || result == -ECANCELED || result == -ENODATA);
    return 0;
}

FAULTS_TEST(a_task_is_still_valid_when_a_wait_for_it_fails)
{
    async_task *tasks[ACCOUNTS];
    for (int i = 0; i < ACCOUNTS; i++) {
        tasks[i] = async_create_task(keep, i, i);
        promised[i] = tasks[i] != NULL;
    }
    int ended = answer(async_wait(tasks, ACCOUNTS, ASYNC_ALL_COMPLETED, ACCOUNTS / 2));
    CHECK(ended == -ENOMEM || ended >= ACCOUNTS / 2);
    answer(async_gather_n(tasks, ACCOUNTS, NULL, ASYNC_FIRST_ERROR));
    return 0;
}

static int share(async_task *load)
{
    return async_task_wait(load);
}
async_fn(share, async_task *);

/* None of them has a handle, and the last one is let go of meanwhile. */
FAULTS_TEST(a_task_that_many_await_gives_each_its_result)
{
    async_task *load = async_create_task(keep, 0, 1), *sharers[ACCOUNTS];
    promised[0] = load != NULL;
    for (int i = 0; i < ACCOUNTS; i++)
        sharers[i] = async_create_task(share, load);
    async_ignore(answer(async_sleep(0)));
    async_task_detach(load);
    for (int i = 0; i < ACCOUNTS; i++) {
        int result = answer(async_await(sharers[i]));
        CHECK(result >= 0 || result == -ENOMEM);
    }
    CHECK_EQ(kept[0], promised[0]);
    return 0;
}

FAULTS_TEST(each_task_that_completes_is_given_once)
{
    async_task *tasks[ACCOUNTS];
    async_auto_completion it = {0};
    for (int i = 0; i < ACCOUNTS; i++) {
        tasks[i] = async_create_task(keep, i, i % 4);
        promised[i] = tasks[i] != NULL;
    }
    int given[ACCOUNTS] = {0}, index = answer(async_as_completed(&it, tasks, ACCOUNTS, 100));
    for (int tries = 0; index == 0 && tries < 3 * ACCOUNTS; tries++) {
        int next = async_completion_next(&it);
        if (next == -ENODATA)
            break;
        if (answer(next) >= 0)
            CHECK_EQ(given[next]++, 0);
    }
    answer(async_gather_n(tasks, ACCOUNTS, NULL, ASYNC_RETURN_EXCEPTIONS));
    for (int i = 0; i < ACCOUNTS; i++)
        CHECK(given[i] == 1 || !nothing_fails);
    return 0;
}

static int attempt(size_t index, void *context)
{
    promised[index]++;
    int result = async_sleep(1);
    kept[index]++;
    (void)context;
    return index == 2 ? answer(result) : result < 0 ? result : -EPROTO;
}

FAULTS_TEST(a_race_ends_after_its_attempts)
{
    int result = async_staggered_race(attempt, NULL, 4, 0.5);
    CHECK(result == 2 || result == -EPROTO || result == -ENOMEM);
    answer(result == 2 ? 0 : result);
    return 0;
}
