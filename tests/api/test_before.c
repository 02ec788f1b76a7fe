/*
 * test_before.c: signal handlers, signal stacks and blocked signals: a run restores those from
 * before it, and leaves those that the program installs during it. Handlers that call each other in
 * a circle end.
 */
#include "run/deep.h"
#include "run/deny.h"
#include "run/forks.h"
#include "run/coroutines.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

/* The loop takes SIGSEGV from a sanitizer, which wants it. */
static void skip_where_a_sanitizer_handles_faults(void)
{
    if (ASYNC_ASAN || ASYNC_TSAN || tools_under_valgrind())
        test_skip("the sanitizer, or valgrind, handles faults");
}

static bool handles(int number, void (*handler)(int))
{
    struct sigaction now;
    CHECK_EQ(sigaction(number, NULL, &now), 0);
    return now.sa_handler == handler;
}

static void ignore_it(int number)
{
    (void)number;
}

static int install(int number)
{
    signal(number, ignore_it);
    return 0;
}
async_fn(install, int);

/* ---- SIGINT --------------------------------------------------------------------------------- */

TEST_EACH_BACKEND(before_sigint_handler_that_came_during_the_run_stays)
{
    CHECK_EQ(async_run_with(test_options(), install, SIGINT), 0);
    CHECK(handles(SIGINT, ignore_it));
    CHECK_EQ(async_run_with(test_options(), nothing), 0);
    CHECK(handles(SIGINT, ignore_it));
    signal(SIGINT, SIG_DFL);
    CHECK_EQ(async_run_with(test_options(), nothing), 0);
    CHECK(handles(SIGINT, SIG_DFL));
}

static int ignore_sigint(void)
{
    signal(SIGINT, SIG_IGN);
    return 0;
}
async_fn(ignore_sigint);

TEST(before_sigint_that_is_ignored_during_the_run_stays_ignored)
{
    async_runner runner = {.options = *test_options()};
    CHECK_EQ(async_runner_run(&runner, ignore_sigint), 0);
    CHECK(handles(SIGINT, SIG_IGN));
    CHECK_EQ(async_runner_run(&runner, nothing), 0);
    CHECK(handles(SIGINT, SIG_IGN));
    async_runner_close(&runner);
}

/* ---- the signal stack ----------------------------------------------------------------------- */

static char own_stack[65536];

static void *signal_stack(void)
{
    stack_t now;
    CHECK_EQ(sigaltstack(NULL, &now), 0);
    return (now.ss_flags & SS_DISABLE) != 0 ? NULL : now.ss_sp;
}

static int set_signal_stack(void *start)
{
    return sigaltstack(
        &(stack_t){.ss_sp = start, .ss_size = sizeof own_stack, .ss_flags = start ? 0 : SS_DISABLE},
        NULL);
}
async_fn(set_signal_stack, void *);

TEST_EACH_BACKEND(before_signal_stack_that_came_during_the_run_stays)
{
    CHECK_EQ(set_signal_stack(NULL), 0);
    CHECK_EQ(async_run_with(test_options(), set_signal_stack, own_stack), 0);
    CHECK(signal_stack() == own_stack);
    CHECK_EQ(async_run_with(test_options(), nothing), 0);
    CHECK(signal_stack() == own_stack);
    CHECK_EQ(async_run_with(test_options(), set_signal_stack, NULL), 0);
    CHECK(signal_stack() == NULL);
    CHECK_EQ(async_run_with(test_options(), nothing), 0);
    CHECK(signal_stack() == NULL);
}

/* ---- faults --------------------------------------------------------------------------------- */

static struct sigaction before;
static volatile int calls;
enum { REPORTED = 40, TOO_OFTEN = 41 };

/* As crash reporters do: prints what it knows, then calls the previous handler. */
static void report_and_call_before(int number, siginfo_t *info, void *context)
{
    if (++calls > 5)
        _exit(TOO_OFTEN);
    if ((before.sa_flags & SA_SIGINFO) != 0)
        before.sa_sigaction(number, info, context);
    else
        signal(number, SIG_DFL);
}

static int install_reporter(void)
{
    struct sigaction action = {.sa_sigaction = report_and_call_before,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK};
    return sigaction(SIGSEGV, &action, &before);
}
async_fn(install_reporter);

static struct sigaction second_before;

static void report_a_second_time(int number, siginfo_t *info, void *context)
{
    if (++calls > 5)
        _exit(TOO_OFTEN);
    second_before.sa_sigaction(number, info, context);
}

static int install_second_reporter(void)
{
    struct sigaction action = {.sa_sigaction = report_a_second_time,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK};
    return sigaction(SIGSEGV, &action, &second_before);
}
async_fn(install_second_reporter);

static int *volatile nowhere = (int *)8;

static int crash(void)
{
    *(volatile int *)nowhere = 1;
    return 0;
}
async_fn(crash);

static void exit_with_calls(int number)
{
    (void)number;
    _exit(REPORTED + calls);
}

static int end_of_child(void (*body)(void))
{
    pid_t child = fork_here();
    if (child == 0) {
        body();
        _exit(0);
    }
    return end_of(child);
}

static void crash_in_second_run(void)
{
    CHECK_EQ(async_run(install_reporter), 0);
    async_ignore(async_run(crash));
}

static void crash_after_the_run(void)
{
    CHECK_EQ(async_run(install_reporter), 0);
    crash();
}

static void crash_in_the_same_run(void)
{
    async_runner runner = {0};
    CHECK_EQ(async_runner_run(&runner, install_reporter), 0);
    async_ignore(async_runner_run(&runner, crash));
}

static void crash_in_many_runs_later(void)
{
    CHECK_EQ(async_run(install_reporter), 0);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(async_run(nothing), 0);
    async_ignore(async_run(crash));
}

/* The second reporter comes between two runs, where ours was replaced before: it leads to ours. */
static void crash_with_two_reporters(void)
{
    CHECK_EQ(async_run(install_reporter), 0);
    CHECK_EQ(install_second_reporter(), 0);
    async_ignore(async_run(crash));
}

static void crash_with_a_reporter_of_between(void)
{
    async_runner runner = {0};
    CHECK_EQ(async_runner_run(&runner, nothing), 0);
    CHECK_EQ(install_reporter(), 0);
    async_ignore(async_runner_run(&runner, crash));
}

/* Ours is put back by the program, which has saved it, when nothing runs any more. */
static void crash_with_ours_put_back(void)
{
    CHECK_EQ(async_run(install_reporter), 0);
    sigaction(SIGSEGV, &before, NULL);
    CHECK_EQ(async_run(nothing), 0);
    async_ignore(async_run(crash));
}

static void crash_with_handler_before(void)
{
    signal(SIGSEGV, exit_with_calls);
    crash_in_second_run();
}

static void *run_on_thread(void *unused)
{
    CHECK_EQ(async_run(nothing), 0);
    return unused;
}

/* The reporter comes while two loops are there; they go in the other order. */
static int install_beside_a_thread(void)
{
    pthread_t thread;
    CHECK_EQ(install_reporter(), 0);
    CHECK_EQ(pthread_create(&thread, NULL, run_on_thread, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    return 0;
}
async_fn(install_beside_a_thread);

static void crash_after_a_thread(void)
{
    pthread_t thread;
    CHECK_EQ(async_run(install_beside_a_thread), 0);
    CHECK_EQ(pthread_create(&thread, NULL, run_on_thread, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    async_ignore(async_run(crash));
}

TEST(before_reporter_that_calls_the_handler_before_ends)
{
    static void (*const ways[])(void) = {
        crash_in_second_run,      crash_after_the_run,      crash_in_the_same_run,
        crash_in_many_runs_later, crash_with_two_reporters, crash_with_a_reporter_of_between,
        crash_with_ours_put_back, crash_after_a_thread,
    };
    skip_where_a_sanitizer_handles_faults();
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        CHECK_EQ(end_of_child(ways[i]), BY_SIGNAL + SIGSEGV);
    CHECK_EQ(end_of_child(crash_with_handler_before), REPORTED + 1);
}

/*
 * Two that call each other, because the program has put them so: ours is in between, and ends it.
 */
static void report_in_a_circle(int number, siginfo_t *info, void *context)
{
    if (++calls > 5)
        _exit(TOO_OFTEN);
    before.sa_sigaction(number, info, context);
}

static int save_ours(void)
{
    return sigaction(SIGSEGV, NULL, &before);
}
async_fn(save_ours);

static void crash_in_a_circle(void)
{
    struct sigaction action = {.sa_sigaction = report_in_a_circle,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK};
    CHECK_EQ(async_run(save_ours), 0);
    CHECK_EQ(sigaction(SIGSEGV, &action, NULL), 0);
    async_ignore(async_run(crash));
}

TEST(before_handlers_in_a_circle_end)
{
    skip_where_a_sanitizer_handles_faults();
    CHECK_EQ(end_of_child(crash_in_a_circle), BY_SIGNAL + SIGSEGV);
}

static sigjmp_buf recovery;

static void leave_by_jump(int number)
{
    (void)number;
    calls++;
    siglongjmp(recovery, 1);
}

/* A handler from before the run that never returns is called for every fault. */
static int crash_and_recover_often(void)
{
    for (volatile int i = 0; i < 5; i++)
        if (sigsetjmp(recovery, 1) == 0)
            crash();
    return calls;
}
async_fn(crash_and_recover_often);

static void recover_often(void)
{
    struct sigaction action = {.sa_handler = leave_by_jump, .sa_flags = SA_ONSTACK};
    CHECK_EQ(sigaction(SIGSEGV, &action, NULL), 0);
    CHECK_EQ(async_run(crash_and_recover_often), 5);
    CHECK(handles(SIGSEGV, leave_by_jump));
    _exit(REPORTED);
}

TEST(before_handler_that_jumps_is_called_for_every_fault)
{
    skip_where_a_sanitizer_handles_faults();
    CHECK_EQ(end_of_child(recover_often), REPORTED);
}

DEATH_TEST(before_reporter_that_chains_to_the_library_s_handler_reports_overflows,
           "'dig' |overflowed its stack of 64 KiB")
{
    skip_where_a_sanitizer_handles_faults();
    CHECK_EQ(async_run(install_reporter), 0);
    async_ignore(async_run(dig));
}

TEST(before_fault_handler_that_came_during_the_run_stays)
{
    skip_where_a_sanitizer_handles_faults();
    CHECK_EQ(async_run_with(test_options(), install, SIGBUS), 0);
    CHECK(handles(SIGBUS, ignore_it) && handles(SIGSEGV, SIG_DFL));
    CHECK_EQ(async_run_with(test_options(), nothing), 0);
    CHECK(handles(SIGBUS, ignore_it) && handles(SIGSEGV, SIG_DFL));
    signal(SIGBUS, SIG_DFL);
}

/* ---- where the kernel denies it ------------------------------------------------------------- */

static int deny_signal_stacks(void)
{
    deny_call(SYS_sigaltstack, EPERM);
    return 0;
}
async_fn(deny_signal_stacks);

/* The thread still uses this signal stack, so it must stay mapped: a handler would run on it. */
TEST(before_signal_stack_that_cannot_be_left_stays_mapped)
{
    if (test_is_emulated())
        test_skip("the filter would be qemu's");
    skip_where_a_sanitizer_handles_faults();
    pid_t child = fork_here();
    if (child == 0) {
        CHECK_EQ(set_signal_stack(NULL), 0);
        struct sigaction action = {.sa_handler = exit_with_calls, .sa_flags = SA_ONSTACK};
        CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
        CHECK_EQ(async_run(deny_signal_stacks), 0);
        raise(SIGUSR1);
        _exit(1);
    }
    CHECK_EQ(end_of(child), REPORTED);
}
