/*
 * test_poll_denied.c: kernels that lack io_uring or forbid it, as containers do, and kernels
 * without the newer waits: the loop works, and debug mode says why it is not the requested backend.
 */
#include "run/capture.h"
#include "run/deny.h"
#include "sys/number.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- a program ------------------------------------------------------------------------------- */

/* Sleeps, and waits for a descriptor with and without success. */
static int use_the_loop(void)
{
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(async_sleep(1), 0);
    CHECK_EQ(async_timeout(0.0001, async_wait_readable(ends[0])), -ETIMEDOUT);
    CHECK(async_time() == (double)1.0001);
    CHECK_EQ(write(ends[1], "x", 1), 1);
    CHECK_EQ(async_wait_readable(ends[0]), 0);
    close(ends[0]);
    close(ends[1]);
    return 0;
}
async_fn(use_the_loop);

/* ---- captured output ------------------------------------------------------------------------- */

static const char *said;

/* Runs the above, and keeps its standard error in `said`. */
static int run_and_listen(const async_run_options *options)
{
    capture_begin();
    int result = async_run_with(options, use_the_loop);
    said = capture_end();
    return result;
}

static int run_on_uring(bool debug)
{
    async_run_options options = *test_options();
    options.backend = "uring";
    options.debug = debug;
    return run_and_listen(&options);
}

/* ---- io_uring ------------------------------------------------------------------------------- */

static void expect_epoll_instead(int error, const char *line)
{
    deny_call(CALL_URING_SETUP, error);
    CHECK_EQ(run_on_uring(false), 0);
    CHECK_STR(said, "");
    CHECK_EQ(run_on_uring(true), 0);
    if (strstr(said, line) == NULL || strstr(said, "the epoll loop closes") == NULL)
        test_fail(__FILE__, __LINE__, "\"%s\" is missing from:\n%s", line, said);
}

TEST(poll_uring_that_is_forbidden_is_replaced_by_epoll)
{
    expect_epoll_instead(
        EPERM, "io_uring is not available here (-EPERM: Operation not permitted); using epoll");
}

TEST(poll_uring_that_does_not_exist_is_replaced_by_epoll)
{
    expect_epoll_instead(ENOSYS, "io_uring is not available here (-ENOSYS: ");
}

TEST(poll_uring_that_is_too_old_is_replaced_by_epoll)
{
    expect_epoll_instead(EINVAL, "io_uring is not available here (-EINVAL: ");
}

/* epoll would hardly fare better. */
TEST(poll_uring_without_a_descriptor_left_is_an_error)
{
    deny_call(CALL_URING_SETUP, EMFILE);
    CHECK_EQ(run_on_uring(false), -EMFILE);
}

/* ---- epoll ---------------------------------------------------------------------------------- */

TEST_EACH_BACKEND(poll_waits_on_kernels_without_epoll_pwait2)
{
    deny_call(CALL_EPOLL_PWAIT2, ENOSYS);
    CHECK_EQ(run_and_listen(test_options()), 0);
}

TEST(poll_epoll_that_cannot_be_opened_is_an_error)
{
    async_run_options options = *test_options();
    options.backend = "epoll";
    deny_call(SYS_epoll_create1, EMFILE);
    CHECK_EQ(run_and_listen(&options), -EMFILE);
}

TEST_EACH_BACKEND(poll_wake_that_cannot_be_opened_is_an_error)
{
    deny_call(SYS_eventfd2, EMFILE);
    CHECK_EQ(run_and_listen(test_options()), -EMFILE);
}

/* ---- the loop's own descriptor -------------------------------------------------------------- */

/* Waiting on would last for ever: no event can come for the pending operations. */
static void close_the_loop_s_descriptor(const char *backend)
{
    async_loop *loop = NULL;
    async_run_options options = *test_options();
    options.backend = backend;
    options.virtual_clock = false;
    CHECK_EQ(async_new_event_loop(&loop, &options), 0);
    close(async_loop_fd(loop));
    async_ignore(async_loop_step(loop, 0.001));
}

DEATH_TEST(poll_epoll_descriptor_that_the_program_closed_ends_it,
           "the loop's own descriptor is gone (-EBADF")
{
    close_the_loop_s_descriptor("epoll");
}

DEATH_TEST(poll_uring_descriptor_that_the_program_closed_ends_it,
           "the loop's own descriptor is gone (-EBADF")
{
    close_the_loop_s_descriptor("uring");
}

/* As a program does that closes all descriptors above 2. `reused`: another file has the number. */
static int wait_without_the_loop_s_descriptor(bool reused)
{
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    close(async_loop_fd(async_get_loop()));
    if (reused)
        CHECK(dup(ends[0]) >= 0);
    return async_wait_readable(ends[0]);
}
async_fn(wait_without_the_loop_s_descriptor, bool);

static void wait_on_epoll(bool reused)
{
    async_run_options options = *test_options();
    options.backend = "epoll";
    async_ignore(async_run_with(&options, wait_without_the_loop_s_descriptor, reused));
}

DEATH_TEST(poll_epoll_descriptor_that_is_gone_is_no_error_of_a_call,
           "the loop's own descriptor is gone|the program has closed it")
{
    wait_on_epoll(false);
}

DEATH_TEST(poll_epoll_descriptor_that_is_another_file_is_no_error_of_a_call,
           "the loop's own descriptor is another file now")
{
    wait_on_epoll(true);
}

/* ---- the choice ----------------------------------------------------------------------------- */

TEST(poll_backend_that_does_not_exist_is_einval)
{
    async_run_options options = *test_options();
    options.backend = "kqueue";
    CHECK_EQ(run_and_listen(&options), -EINVAL);
    CHECK_STR(said, "asyncio: there is no backend 'kqueue'; choose epoll, uring or sim\n");
}

static void expect_closing_loop(const char *name)
{
    char line[64];
    async_run_options options = *test_options();
    options.backend = NULL;
    options.debug = true;
    CHECK_EQ(run_and_listen(&options), 0);
    snprintf(line, sizeof line, "the %s loop closes", name);
    if (strstr(said, line) == NULL)
        test_fail(__FILE__, __LINE__, "\"%s\" is missing from:\n%s", line, said);
}

TEST(poll_backend_is_what_the_environment_says_else_epoll)
{
    setenv("ASYNCIO_BACKEND", "sim", 1);
    expect_closing_loop("sim");
    unsetenv("ASYNCIO_BACKEND");
    expect_closing_loop("epoll");
    setenv("ASYNCIO_BACKEND", "", 1);
    expect_closing_loop("epoll");
}
