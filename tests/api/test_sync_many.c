/*
 * test_sync_many.c: tasks that are woken together run in the order in which they came, however many
 * they are. They are woken from both ends of their list (sched/park.c).
 */
#include "run/runner.h"

enum { MAX_COUNT = 9 };

static int order[MAX_COUNT], woken; /* the numbers of the tasks that have run; their count */

static int await_event(async_event *event, int number)
{
    ASYNC_TRY(async_event_wait(event));
    order[woken++] = number;
    return 0;
}
async_fn(await_event, async_event *, int);

static int wake_so_many(int count)
{
    async_event event = {0};
    async_task *tasks[MAX_COUNT];
    for (int i = 0; i < count; i++)
        tasks[i] = async_create_task(await_event, &event, i);
    ASYNC_TRY(async_sleep(0));
    async_task *before = async_create_task(await_event, &event,
                                           -1); /* ready, and runs first: it need not wait */
    async_event_set(&event);
    woken = 0;
    ASYNC_TRY(async_gather_n(tasks, (size_t)count, NULL, ASYNC_FIRST_ERROR));
    return async_await(before);
}

LOOP_TEST(sync_many_waiters_run_in_the_order_they_came)
{
    for (int count = 0; count < MAX_COUNT; count++) {
        CHECK_EQ(wake_so_many(count), 0);
        for (int i = 0; i < count; i++)
            CHECK_EQ(order[i + 1], i);
    }
    return 0;
}
