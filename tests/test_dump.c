/*
 * test_dump.c: what async_dump says of a task that neither runs, nor waits, nor is ready. What it
 * says of locks and of reasons is in the tests of those.
 */
#include "coroutines.h"
#include "dump.h"
#include <string.h>

LOOP_TEST(dump_says_who_is_held_back_by_the_limit_of_a_group)
{
    ASYNC_TASK_GROUP_WITH(group, .limit = 1);
    async_group_create_task(&group, give_after, 1, 0);
    async_group_create_task(&group, give_after, 1, 0);
    CHECK(strstr(dump_now().text, "has not started, because its group has reached its limit") !=
          NULL);
    CHECK_EQ(async_sleep(1.5), 0);
    CHECK(strstr(dump_now().text, "has not begun") == NULL);
    return async_group_wait(&group);
}
