/*
 * test_stack_trim.c: when a loop gives stacks back to the kernel: when many have been idle for
 * long, and not before.
 */
#include "sched/sched.h"
#include "run/runner.h"
#include "sys/map.h"

#include <stdlib.h>

static int use_stack(void)
{
    return async_sleep(0);
}
async_fn(use_stack);

static size_t idle_stacks(void)
{
    return asyncp_stack_count(&async_get_loop()->tasks.stacks).idle;
}

/* That many tasks at once, which end at once. */
static void come_and_go(size_t count)
{
    async_task **tasks = calloc(count, sizeof *tasks);
    CHECK(tasks != NULL);
    for (size_t i = 0; i < count; i++)
        tasks[i] = async_create_task(use_stack);
    CHECK_EQ(async_gather_n(tasks, count, NULL, ASYNC_FIRST_ERROR), 0);
    free(tasks);
}

LOOP_TEST(stack_trim_waits_until_many_have_been_idle_for_long)
{
    come_and_go(500);
    CHECK_EQ(async_sleep(100), 0);
    CHECK_EQ(async_sleep(100), 0);
    CHECK_EQ(idle_stacks(), 500); /* few: they are kept for ever */
    come_and_go(2000);
    CHECK_EQ(idle_stacks(), 2000);
    long mapped = asyncp_mapped_bytes;
    CHECK_EQ(async_sleep(100), 0);
    CHECK_EQ(async_sleep(100), 0);
    CHECK_EQ(async_sleep(100), 0);
    CHECK(idle_stacks() < 500);
    CHECK(asyncp_mapped_bytes < mapped - 1000 * 65536l);
    come_and_go(2000);
    return 0;
}
