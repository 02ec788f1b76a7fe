/*
 * test_dump.c: async_dump for a task that neither runs, nor waits, nor is ready. Locks and cancel
 * reasons in dumps: test_sync.c, test_reason.c.
 */
#include "run/coroutines.h"
#include "run/dump.h"
#include <string.h>

LOOP_TEST(dump_shows_a_task_that_waits_for_the_limit_of_its_group)
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
