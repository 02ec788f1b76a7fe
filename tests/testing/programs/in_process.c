/*
 * in_process.c: async_test_run in a program of its own: failures are results, the process goes on,
 * and the next run is not affected. Prints "ok" last. With the argument "skip" it skips a test.
 */
#include <asyncio/test.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int failures, reached;

static void expect(const char *what, int result, int expected)
{
    if (result == expected)
        return;
    printf("%s: %d, not %d\n", what, result, expected);
    failures++;
}

static int return_number(int number)
{
    ASYNC_TRY(async_sleep(1));
    return number;
}
async_fn(return_number, int);

static int fail_a_check(void)
{
    ASYNC_CHECK_EQ(1, 2);
    reached++;
    ASYNC_TRY(async_sleep(1)); /* the test is cancelled */
    reached++;
    return 0;
}
async_fn(fail_a_check);

static int sleep_forever(void)
{
    return async_sleep(ASYNC_FOREVER);
}
async_fn(sleep_forever);

static int leave_a_task(void)
{
    async_task_detach(async_create_task(sleep_forever));
    return 0;
}
async_fn(leave_a_task);

static int leave_a_descriptor(int *fd)
{
    *fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return 0;
}
async_fn(leave_a_descriptor, int *);

static int wait_for_nothing(void)
{
    async_event event = {0};
    return async_event_wait(&event);
}
async_fn(wait_for_nothing);

static int fail_on_a_thread(void)
{
    return ASYNC_CHECK_STR("one", "two") ? 0 : 1;
}
async_fn(fail_on_a_thread);

static int fail_a_job(void)
{
    return async_to_thread(fail_on_a_thread) == 1 ? 0 : -EIO;
}
async_fn(fail_a_job);

static int do_nothing(void)
{
    return 0;
}
async_fn(do_nothing);

static int fail_with_a_code(void)
{
    return -EIO;
}
async_fn(fail_with_a_code);

static int lose_an_error(void)
{
    async_task_detach(async_create_task(fail_with_a_code));
    return async_sleep(1);
}
async_fn(lose_an_error);

static int settle_outside(void)
{
    return async_test_settle();
}
async_fn(settle_outside);

static int sweep_with_wrong_options(void)
{
    async_test_options wrong = {.time_limit = -1};
    return async_test_cancel_everywhere(&wrong, do_nothing) == -EINVAL ? 0 : 1;
}
async_fn(sweep_with_wrong_options);

static int skip(void)
{
    async_test_skip("no %s here", "reason");
}
async_fn(skip);

int main(int argc, char *argv[])
{
    if (argc > 1 && strcmp(argv[1], "skip") == 0)
        return async_test_run(NULL, skip) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    async_test_options deadlocks = {.deadlocks = true}, wrong = {.time_limit = -1};
    async_test_options loses = {.loses_errors = true}, seeded = {.seed = 7, .depth = 2};
    async_test_options stands = {.clock = ASYNC_TEST_STANDS};
    int fd = -1;
    expect("a result", async_test_run(NULL, return_number, 7), 7);
    expect("an error", async_test_run(NULL, return_number, -EIO), -EIO);
    expect("a failed check", async_test_run(NULL, fail_a_check), -EPROTO);
    expect("the code after a failed check", reached, 1);
    expect("a failed check of a job", async_test_run(NULL, fail_a_job), -EPROTO);
    expect("a task that is left", async_test_run(NULL, leave_a_task), -EPROTO);
    expect("an error that is lost", async_test_run(NULL, lose_an_error), -EPROTO);
    expect("the same if it may be", async_test_run(&loses, lose_an_error), 0);
    expect("a descriptor that is left", async_test_run(NULL, leave_a_descriptor, &fd), -EPROTO);
    close(fd);
    expect("a deadlock", async_test_run(NULL, wait_for_nothing), -EDEADLK);
    expect("a clock that stands", async_test_run(&stands, return_number, 7), -EDEADLK);
    expect("a wanted deadlock", async_test_run(&deadlocks, wait_for_nothing), 0);
    expect("a deadlock that is missing", async_test_run(&deadlocks, do_nothing), -EPROTO);
    expect("wrong options", async_test_run(&wrong, do_nothing), -EINVAL);
    wrong = (async_test_options){.time_limit = ASYNC_FOREVER};
    expect("a limit that is none", async_test_run(&wrong, do_nothing), -EINVAL);
    wrong = (async_test_options){.depth = 2};
    expect("depth without a seed", async_test_run(&wrong, do_nothing), -EINVAL);
    expect("depth with a seed", async_test_run(&seeded, do_nothing), 0);
    expect("settle outside a test", async_run(settle_outside), -EINVAL);
    expect("a sweep", async_test_cancel_everywhere(NULL, do_nothing), 1);
    expect("a sweep that fails", async_test_cancel_everywhere(NULL, fail_with_a_code), -EPROTO);
    expect("a sweep with wrong options", async_test_cancel_everywhere(&wrong, do_nothing), -EINVAL);
    expect("the test that makes it", async_test_run(NULL, sweep_with_wrong_options), -EPROTO);
    expect("the run after all of them", async_test_run(NULL, return_number, 3), 3);
    printf("%s\n", failures == 0 ? "ok" : "failed");
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
