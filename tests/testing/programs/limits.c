/*
 * limits.c: tests that do not end within their time limit, each for another reason. The script
 * testing.py looks at the reports.
 */
#define _GNU_SOURCE
#include <asyncio/test.h>
#include <link.h>
#include <unistd.h>

static async_lock left, right;

static int take_two(async_lock *first, async_lock *second)
{
    ASYNC_WITH(first);
    ASYNC_TRY(async_sleep(0.01));
    ASYNC_TRY(async_lock_acquire(second)); /* the line of the report */
    async_lock_release(second);
    return 0;
}
async_fn(take_two, async_lock *, async_lock *);

static int beat_for_ever(void)
{
    for (;;)
        ASYNC_TRY(async_sleep(0.05));
}
async_fn(beat_for_ever);

/* No deadlock of the test: another task goes on. */
ASYNC_TEST_WITH(cycle_beside_a_task_that_goes_on, .clock = ASYNC_TEST_REAL, .time_limit = 2)
{
    async_task *a = async_create_task(take_two, &left, &right);
    async_task *b = async_create_task(take_two, &right, &left);
    return async_gather(a, b, async_create_task(beat_for_ever));
}

/* The clock is virtual, and the loop is not held. */
ASYNC_TEST_WITH(virtual_time_goes_on, .time_limit = 2)
{
    ASYNC_TRY(async_await(async_create_task(beat_for_ever)));
    return 0;
}

ASYNC_TEST_WITH(loop_is_blocked, .time_limit = 2)
{
    int fds[2];
    char byte;
    if (pipe(fds) != 0)
        return -errno;
    return (int)read(fds[0], &byte, 1);
}

static int never_return(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)info, (void)size, (void)unused;
    for (volatile unsigned i = 0;; i = i + 1)
        continue;
    return 0;
}

/* The report needs the lock of the loader, so only the handler of the signal answers. */
ASYNC_TEST_WITH(lock_of_the_loader_is_held, .time_limit = 2)
{
    return dl_iterate_phdr(never_return, NULL);
}

ASYNC_TEST_MAIN
