/*
 * test_denied.c: system calls that a seccomp filter denies, as containers and sandboxes do, with
 * any error: from the start of a run, or from some moment on. The loop works without the optional
 * calls; without a required one the run returns the error. The report that the program closed a
 * descriptor of the loop appears only where it did.
 */
#include "run/deny.h"
#include "run/forks.h"
#include "run/streams.h"
#include "sys/number.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

static const int errors[] = {EPERM, ENOSYS, EACCES};

enum { ERRORS = sizeof errors / sizeof *errors };

/* ---- a program ------------------------------------------------------------------------------- */

static int sleep_and_write(async_stream *stream)
{
    ASYNC_TRY(async_sleep(0.001));
    ASYNC_TRY(async_stream_write(stream, "hello", 5));
    return async_stream_drain(stream);
}
async_fn(sleep_and_write, async_stream *);

/* Waits on a word, for a timer, for a socket; makes stacks of several sizes. */
static int use_everything(void)
{
    char text[6] = "";
    const async_task_options options = {.stack_size = 16384};
    ASYNC_TRY(async_sleep(0.001));
    struct pair pair = new_pair();
    async_task *writer = async_create_task_with(&options, sleep_and_write, pair.there);
    int result = async_timeout(10, async_stream_readexactly(pair.here, text, 5));
    CHECK(result < 0 || strcmp(text, "hello") == 0);
    result = result < 0 ? result
                        : async_timeout(0.001, async_stream_readexactly(pair.here, text, 5));
    async_ignore(async_await(writer));
    close_pair(pair);
    return result == -ETIMEDOUT ? 0 : result;
}
async_fn(use_everything);

static int deny_and_use(long call, int error)
{
    ASYNC_TRY(async_sleep(0.001));
    deny_call(call, error);
    return use_everything();
}
async_fn(deny_and_use, long, int);

/*
 * In a child, because the filter is permanent: returns the errno of the run. meanwhile: the call is
 * denied during the run, not before it.
 */
static int end_of_denied(long call, int error, bool meanwhile)
{
    async_run_options options = *test_options();
    options.virtual_clock = false;
    pid_t child = fork_here();
    if (child != 0)
        return end_of(child);
    if (!meanwhile)
        deny_call(call, error);
    int result = meanwhile ? async_run_with(&options, deny_and_use, call, error)
                           : async_run_with(&options, use_everything);
    _exit(-result);
}

/* ---- calls that the loop can do without ----------------------------------------------------- */

static void skip_where_filters_hurt_others(void)
{
    if (ASYNC_ASAN || ASYNC_TSAN || tools_under_valgrind())
        test_skip("the tools need such calls themselves");
    if (test_is_emulated())
        test_skip("the filter would be qemu's");
}

static const long dispensable[] = {
    CALL_PROCESS_MADVISE, CALL_EPOLL_PWAIT2,     SYS_madvise,      SYS_mincore,
    SYS_mprotect,         SYS_sigaltstack,       CALL_FUTEX,       SYS_rt_sigaction,
    SYS_getcpu,           SYS_sched_getaffinity, CALL_URING_SETUP,
};

TEST_EACH_BACKEND(denied_optional_calls_from_the_start_are_done_without)
{
    skip_where_filters_hurt_others();
    for (size_t i = 0; i < sizeof dispensable / sizeof *dispensable; i++)
        for (size_t j = 0; j < ERRORS; j++)
            if (end_of_denied(dispensable[i], errors[j], false) != 0)
                test_fail(__FILE__, __LINE__, "system call %ld denied with %d", dispensable[i],
                          errors[j]);
    for (size_t j = 0; j < ERRORS; j++)
        CHECK_EQ(end_of_denied(CALL_URING_ENTER, errors[j], false), 0);
}

TEST_EACH_BACKEND(denied_optional_calls_during_a_run_are_done_without)
{
    skip_where_filters_hurt_others();
    for (size_t i = 0; i < sizeof dispensable / sizeof *dispensable; i++)
        for (size_t j = 0; j < ERRORS; j++)
            if (end_of_denied(dispensable[i], errors[j], true) != 0)
                test_fail(__FILE__, __LINE__, "system call %ld denied with %d", dispensable[i],
                          errors[j]);
}

/* Without a required call the run returns its error. */
TEST_EACH_BACKEND(denied_required_calls_from_the_start_fail_the_run)
{
    skip_where_filters_hurt_others();
    for (size_t j = 0; j < ERRORS; j++) {
        CHECK_EQ(end_of_denied(SYS_eventfd2, errors[j], false), errors[j]);
        if (strcmp(test_backend(), "epoll") == 0)
            CHECK_EQ(end_of_denied(SYS_epoll_create1, errors[j], false), errors[j]);
    }
}

static async_event awaited;

static void set_awaited(void *unused)
{
    (void)unused;
    async_event_set(&awaited);
}

/* A loop without futex waits sleeps on the eventfd; it does not spin. */
static int sleep_without_futex(void)
{
    struct timespec begin, end;
    deny_call(CALL_FUTEX, EPERM);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
    for (int i = 0; i < 3; i++)
        ASYNC_TRY(async_sleep(0.1));
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    double used = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
    return used < 0.1 ? 0 : 1;
}
async_fn(sleep_without_futex);

TEST_EACH_BACKEND(denied_futex_burns_no_processor)
{
    async_run_options options = *test_options();
    options.virtual_clock = false;
    skip_where_filters_hurt_others();
    pid_t child = fork_here();
    if (child == 0)
        _exit(async_run_with(&options, sleep_without_futex));
    CHECK_EQ(end_of(child), 0);
}

/* It is woken by a thread for which it waits, in the poller, before it may be in a deadlock. */
static void *wake_later(void *loop)
{
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    async_call_soon_threadsafe(loop, set_awaited, NULL);
    return NULL;
}

static int wait_for_thread_without_futex(void)
{
    pthread_t thread;
    deny_call(CALL_FUTEX, EPERM);
    CHECK_EQ(pthread_create(&thread, NULL, wake_later, async_get_loop()), 0);
    int result = async_event_wait(&awaited);
    pthread_detach(thread);
    return result;
}
async_fn(wait_for_thread_without_futex);

TEST_EACH_BACKEND(denied_futex_lets_threads_wake_a_loop)
{
    skip_where_filters_hurt_others();
    pid_t child = fork_here();
    if (child == 0)
        _exit(async_run_with(test_options(), wait_for_thread_without_futex) == 0 ? 0 : 1);
    CHECK_EQ(end_of(child), 0);
}

/* ---- reports --------------------------------------------------------------------------------- */

static int deny_and_wait(long call, int error)
{
    deny_call(call, error);
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    return async_timeout(1, async_wait_readable(ends[0]));
}
async_fn(deny_and_wait, long, int);

static void wait_denied(const char *backend, long call)
{
    async_run_options options = *test_options();
    options.virtual_clock = false;
    options.backend = backend;
    skip_where_filters_hurt_others();
    if (strcmp(backend, "uring") == 0 && test_uring_is_refused())
        test_skip("the kernel refuses io_uring");
    async_ignore(async_run_with(&options, deny_and_wait, call, EPERM));
    _exit(0);
}

DEATH_TEST(denied_wait_of_epoll_is_named,
           "the loop cannot wait any more: epoll_wait failed (-EPERM: ")
{
    deny_call(CALL_EPOLL_PWAIT2, EPERM);
#ifdef SYS_epoll_wait
    deny_call(SYS_epoll_pwait, EPERM); /* musl calls it for epoll_wait */
    wait_denied("epoll", SYS_epoll_wait);
#else
    wait_denied("epoll", SYS_epoll_pwait);
#endif
}

DEATH_TEST(denied_wait_of_uring_is_named,
           "the loop cannot wait any more: io_uring_enter failed (-EPERM: ")
{
    wait_denied("uring", CALL_URING_ENTER);
}

DEATH_TEST(denied_wait_of_sim_is_named, "the loop cannot wait any more: ppoll failed (-EPERM: ")
{
    wait_denied("sim", SYS_ppoll);
}

/* Where nothing would have waited for the ring, debug mode prints why io_uring is not used. */
DEATH_TEST(denied_io_uring_enter_is_reported_in_debug_mode,
           "io_uring is not available here (-EPERM: Operation "
           "not permitted); using epoll|the epoll loop closes")
{
    async_run_options options = *test_options();
    options.backend = "uring";
    options.debug = true;
    skip_where_filters_hurt_others();
    deny_call(CALL_URING_ENTER, EPERM);
    async_ignore(async_run_with(&options, use_everything));
    _exit(1);
}

DEATH_TEST(denied_signal_stack_is_reported_in_debug_mode,
           "a task that overflows its stack cannot be named here: sigaltstack failed (-EPERM: ")
{
    async_run_options options = *test_options();
    options.debug = true;
    skip_where_filters_hurt_others();
    deny_call(SYS_sigaltstack, EPERM);
    async_ignore(async_run_with(&options, use_everything));
    _exit(1);
}
