/*
 * async_test_cancel_everywhere.c: cancel a coroutine, or let calls fail, everywhere
 *
 * Pages: async_test_cancel_everywhere async_test_fail_allocations
 * async_test_fail_system_calls
 */
#include <asyncio/test.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Without async_auto_queue, a cancelled sleep would leave the queue. */
static int pass_an_item(void)
{
    async_auto_queue *queue = NULL;
    int item = 7;
    ASYNC_TRY(async_queue_new(&queue, 1, sizeof item));
    ASYNC_TRY(async_queue_put(queue, &item));
    ASYNC_TRY(async_sleep(1));
    return async_queue_get(queue, &item);
}
async_fn(pass_an_item);

ASYNC_TEST(queue_is_freed_always)
{
    ASYNC_CHECK(async_test_cancel_everywhere(NULL, pass_an_item) > 1);
    ASYNC_CHECK(async_test_fail_allocations(NULL, pass_an_item) > 1);
    return 0;
}

static int use_a_file(void)
{
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int result = write(fd, "x", 1) == 1 ? 0 : -errno;
    close(fd); /* also if write has failed */
    return result;
}
async_fn(use_a_file);

ASYNC_TEST(file_is_closed_always)
{
    ASYNC_CHECK(async_test_fail_system_calls(NULL, use_a_file) > 1);
    return 0;
}

ASYNC_TEST_MAIN

/* Prints:
 * TAP version 13
 * 1..2
 * ok 1 - queue_is_freed_always
 * ok 2 - file_is_closed_always
 */
