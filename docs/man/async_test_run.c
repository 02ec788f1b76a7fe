/*
 * async_test_run.c: run a test inside another framework
 *
 * Pages: async_test_run async_test_options async_test_clock async_test_seed
 */
#include <asyncio/test.h>
#include <stdio.h>

static int sleep_long(double seconds)
{
    ASYNC_TRY(async_sleep(seconds));
    ASYNC_CHECK(async_time() == seconds);
    printf("seed %llu\n", (unsigned long long)async_test_seed());
    return 0;
}
async_fn(sleep_long, double);

/* A task that is left makes the test fail; the option allows it. */
static int leave_a_task(void)
{
    async_task_detach(async_create_task(sleep_long, 10));
    return 0;
}
async_fn(leave_a_task);

int main(void)
{
    enum async_test_clock clock = ASYNC_TEST_JUMPS; /* the default */
    async_test_options seed = {.clock = clock, .seed = 42};
    async_test_options leaves = {.leaves_tasks = true};
    printf("%d\n", async_test_run(&seed, sleep_long, 3600));
    printf("%d\n", async_test_run(&leaves, leave_a_task));
    return 0;
}

/* Prints:
 * seed 42
 * 0
 * 0
 */
