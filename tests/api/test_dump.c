/*
 * test_dump.c: what async_dump says of a task that neither runs, nor waits, nor is ready. What it
 * says of locks and of reasons is in the tests of those.
 */
#include "run/coroutines.h"
#include "run/dump.h"
#include <string.h>

LOOP_TEST(dump_shows_a_task_that_waits_for_the_limit_of_its_group)
{
    ASYNC_TASK_GROUP_WITH(group, .limit = 1);
    async_group_create_task(&group, give_after, 1, 0);
    async_group_create_task(&group, give_after, 1, 0);
    CHECK(strstr(dump_now().text, "has not begun, because its group has reached its limit") !=
          NULL);
    CHECK_EQ(async_sleep(1.5), 0);
    CHECK(strstr(dump_now().text, "has not begun") == NULL);
    return async_group_wait(&group);
}
