/*
 * reports.c: tests that fail for a reason that is hard to see, or have a long report. The script
 * testing.py looks at what the kit prints.
 */
#include <asyncio/test.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- descriptors ---------------------------------------------------------------------------- */

static int limit_descriptors(rlim_t count)
{
    struct rlimit limit;
    ASYNC_CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = count;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? 0 : -errno;
}

/* Only the descriptors that the loop itself had are free when the test has ended. */
ASYNC_TEST(leak_is_seen_at_the_limit_of_descriptors)
{
    ASYNC_TRY(limit_descriptors(64));
    while (open("/dev/null", O_RDONLY) >= 0)
        continue;
    ASYNC_CHECK_EQ(errno, EMFILE);
    return 0;
}

/* Then the kit cannot open a file, not even after it has closed one. */
ASYNC_TEST(leak_is_seen_under_a_limit_that_was_lowered)
{
    ASYNC_CHECK(open("/dev/null", O_RDONLY) >= 0);
    return limit_descriptors(0);
}

/* ---- standard error ------------------------------------------------------------------------- */

ASYNC_TEST(standard_error_that_was_closed_is_said)
{
    return close(STDERR_FILENO);
}

ASYNC_TEST(check_is_shown_after_standard_error_was_closed)
{
    ASYNC_CHECK_EQ(close(STDERR_FILENO), 0);
    ASYNC_CHECK_EQ(open("/dev/null", O_WRONLY), STDERR_FILENO);
    ASYNC_CHECK_EQ(1, 2);
    return 0;
}

/* ---- output --------------------------------------------------------------------------------- */

ASYNC_TEST_WITH(output_must_not_lack_a_part, .output = "one|two")
{
    puts("one");
    return 0;
}

static int print_much(void)
{
    for (int i = 0; i < 5000; i++)
        puts("a line of the many before the last");
    puts("the last line");
    return -EIO;
}
async_fn(print_much);

ASYNC_TEST(output_that_is_cut_says_so)
{
    return print_much();
}

ASYNC_TEST(output_of_a_sweep_that_is_cut_says_so)
{
    return async_test_cancel_everywhere(NULL, print_much);
}

ASYNC_TEST(output_is_shown_behind_a_zero_byte)
{
    static const char bytes[] = "before\0behind\n";
    fwrite(bytes, 1, sizeof bytes, stdout);
    return -EIO;
}

static bool print_megabyte(void)
{
    static char line[1 << 20];
    memset(line, ' ', sizeof line);
    line[sizeof line - 1] = '\n';
    return write(STDOUT_FILENO, line, sizeof line) == sizeof line;
}

/* Also if the test has ended before the kit looks. */
ASYNC_TEST(output_above_64_mib_is_a_failure)
{
    for (int i = 0; i <= 64; i++)
        ASYNC_CHECK(print_megabyte());
    return 0;
}

ASYNC_TEST(output_without_an_end_is_stopped)
{
    while (print_megabyte())
        continue;
    return 0;
}

/* ---- sweeps that cannot run ----------------------------------------------------------------- */

static int do_nothing(void)
{
    return 0;
}
async_fn(do_nothing);

/* The test does not look at the value of the sweep. */
ASYNC_TEST(sweep_without_descriptors_is_a_failed_check)
{
    ASYNC_TRY(limit_descriptors(3));
    async_test_cancel_everywhere(NULL, do_nothing);
    return 0;
}

ASYNC_TEST(sweep_with_wrong_options_is_a_failed_check)
{
    async_test_options options = {.depth = 2};
    async_test_fail_allocations(&options, do_nothing);
    return 0;
}

static int open_null(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    ASYNC_CHECK(fd >= 0 || errno != ENOSYS);
    return fd < 0 ? -errno : close(fd);
}
async_fn(open_null);

static void use_up_descriptors(void)
{
    async_ignore(limit_descriptors(3));
}

/*
 * The kit has descriptors for all that it needs before it forks, and none for the one that the
 * child sends. Where system calls cannot fail, the test is skipped.
 */
ASYNC_TEST(sweep_that_cannot_receive_a_descriptor_says_so)
{
    ASYNC_CHECK_EQ(pthread_atfork(NULL, use_up_descriptors, NULL), 0);
    async_test_fail_system_calls(NULL, open_null);
    return 0;
}

static int sweep_inside(void)
{
    return async_test_cancel_everywhere(NULL, do_nothing) < 0 ? -ENOMEM : 0;
}
async_fn(sweep_inside);

/* The events of two sweeps in one process would not be told apart. */
ASYNC_TEST(sweep_in_a_run_of_a_sweep_is_refused)
{
    async_test_fail_allocations(NULL, sweep_inside);
    return 0;
}

static int sweep_on_a_thread(void)
{
    return async_to_thread(sweep_inside);
}
async_fn(sweep_on_a_thread);

ASYNC_TEST(sweep_on_a_thread_of_a_run_is_refused)
{
    async_test_cancel_everywhere(NULL, sweep_on_a_thread);
    return 0;
}

ASYNC_TEST_MAIN
