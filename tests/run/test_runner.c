/*
 * test_runner.c: tests of the runner. Each test runs the suite again with a filter that names cases
 * made for it, most of which must fail, and checks the output. Nothing here knows how the runner
 * decides.
 */
#include "sys/tools.h"
#include "run/capture.h"
#include "run/runner.h"
#include "sys/map.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- running the suite inside a test -------------------------------------------------------- */

/* The result of a run of the suite. */
struct run {
    int status;      /* its exit status; -1: it was killed */
    char text[8192]; /* its output, both streams, cut off at the end */
};

static _Noreturn void become_suite(const char *filter, const char *option, const char *value,
                                   int output)
{
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    setenv("ASYNCIO_BACKEND", "epoll", 1);
    setenv("TEST_WRAPPER", test_wrapper(), 1);
    execl("/bin/sh", "sh", "-c", "exec $TEST_WRAPPER \"$0\" \"$@\"", TEST_BUILD_DIR "/suite",
          filter, option, value, (char *)NULL);
    _exit(127);
}

static void read_all(int input, char *text, size_t size)
{
    size_t length = 0;
    ssize_t count;
    do {
        count = read(input, text + length, size - 1 - length);
        length += count > 0 ? (size_t)count : 0;
    } while (count > 0);
    text[length] = '\0';
}

/* On one backend. option and value may be NULL. */
static struct run run_suite(const char *filter, const char *option, const char *value)
{
    struct run run;
    int pipe_ends[2], status;
    if (tools_under_valgrind())
        test_skip("under valgrind a program cannot run itself again");
    CHECK_EQ(pipe(pipe_ends), 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        become_suite(filter, option, value, pipe_ends[1]);
    close(pipe_ends[1]);
    read_all(pipe_ends[0], run.text, sizeof run.text);
    close(pipe_ends[0]);
    CHECK_EQ(waitpid(child, &status, 0), child);
    run.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return run;
}

static void expect_text(const struct run *run, const char *expected)
{
    if (strstr(run->text, expected) == NULL)
        test_fail(__FILE__, __LINE__, "\"%s\" is missing from:\n%s", expected, run->text);
}

static void expect_closing_line(const struct run *run, const char *line)
{
    size_t length = strlen(line), all = strlen(run->text);
    CHECK(all >= length);
    CHECK_STR(run->text + all - length, line);
    CHECK(all == length || run->text[all - length - 1] == '\n');
}

/* Checks that the case fails alone, and that the runner prints these words about it. */
static void expect_failure(const char *name, const char *words)
{
    struct run run = run_suite(name, NULL, NULL);
    CHECK_EQ(run.status, 1);
    expect_text(&run, name);
    expect_text(&run, words);
    expect_closing_line(&run, "0 passed, 1 failed\n");
}

/* ---- leaks ----------------------------------------------------------------------------------- */

TEST(selftest_leaves_a_descriptor)
{
    CHECK(dup(STDIN_FILENO) >= 0);
}

TEST(runner_reports_a_descriptor_left_open)
{
    expect_failure("selftest_leaves_a_descriptor", "leak: descriptor 3 is open (/dev/null)");
}

TEST(selftest_closes_standard_input)
{
    close(STDIN_FILENO);
}

TEST(runner_reports_a_descriptor_that_was_not_the_tests)
{
    expect_failure("selftest_closes_standard_input", "descriptor 0 was closed");
}

static void *reallocate(void *block, size_t old_size, size_t new_size)
{
    const async_allocator *allocator = &test_options()->allocator;
    return allocator->reallocate(allocator->context, block, old_size, new_size);
}

TEST(selftest_leaves_bytes)
{
    CHECK(reallocate(NULL, 0, 30) != NULL);
    CHECK(reallocate(NULL, 0, 12) != NULL);
}

TEST(runner_reports_bytes_left_allocated)
{
    expect_failure("selftest_leaves_bytes", "leak: 42 bytes of the loop's allocator, in 2 blocks");
}

TEST(selftest_lies_about_a_size)
{
    (void)reallocate(reallocate(NULL, 0, 30), 29, 0);
}

TEST(runner_reports_a_wrong_old_size)
{
    expect_failure("selftest_lies_about_a_size", "a block of 30 bytes was given back as one of 29");
}

TEST(selftest_leaves_a_mapping)
{
    asyncp_mapped_bytes += 4096;
}

TEST(runner_reports_bytes_left_mapped)
{
    expect_failure("selftest_leaves_a_mapping", "leak: 4096 mapped bytes");
}

TEST(selftest_leaves_malloced_bytes)
{
    char *volatile block = malloc(77);
    CHECK(block != NULL);
    block = NULL;
}

extern int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

TEST(runner_reports_bytes_left_from_malloc)
{
    if (__lsan_do_recoverable_leak_check == NULL)
        test_skip("only AddressSanitizer finds leaks of malloc");
    expect_failure("selftest_leaves_malloced_bytes", "leak of 77 byte(s)");
}

/* ---- the allocator itself ------------------------------------------------------------------- */

TEST(runner_allocator_keeps_contents_and_counts_to_zero)
{
    char *text = reallocate(NULL, 0, 4);
    CHECK(text != NULL);
    strcpy(text, "abc");
    text = reallocate(text, 4, 100000);
    CHECK_STR(text, "abc");
    CHECK(text[99999] != 0);
    CHECK_EQ((uintptr_t)text % _Alignof(max_align_t), 0);
    CHECK(reallocate(text, 100000, 0) == NULL);
}

TEST(runner_allocator_runs_out_when_told)
{
    test_allow_allocations(1);
    void *block = reallocate(NULL, 0, 1);
    CHECK(block != NULL);
    CHECK(reallocate(NULL, 0, 1) == NULL);
    CHECK(reallocate(block, 1, 2) == NULL);
    test_allow_allocations(-1);
    CHECK(reallocate(block, 1, 0) == NULL);
}

/* ---- checks and verdicts -------------------------------------------------------------------- */

TEST(selftest_checks_a_condition)
{
    CHECK(1 > 2);
}

TEST(selftest_checks_numbers)
{
    CHECK_EQ(40 + 3, 42);
}

TEST(selftest_checks_texts)
{
    CHECK_STR("one", NULL);
}

TEST(runner_reports_failing_checks)
{
    expect_failure("selftest_checks_a_condition", "check failed: 1 > 2");
    expect_failure("selftest_checks_a_condition", "test_runner.c:");
    expect_failure("selftest_checks_numbers", "check failed: 40 + 3 == 42: 43 != 42");
    expect_failure("selftest_checks_texts", ": \"one\" != \"(NULL)\"");
}

LOOP_TEST(selftest_returns_an_error)
{
    return -EINVAL;
}

TEST(runner_reports_a_coroutine_that_failed)
{
    expect_failure("selftest_returns_an_error", "the coroutine returned -22, not 0");
}

TEST(selftest_is_killed)
{
    raise(SIGKILL);
}

TEST(runner_reports_a_signal)
{
    expect_failure("selftest_is_killed", "signal 9");
}

TEST(selftest_hangs)
{
    pause();
}

TEST(runner_ends_what_takes_too_long)
{
    setenv("TEST_TIME_LIMIT", "1", 1);
    expect_failure("selftest_hangs", "time limit\n");
}

TEST(selftest_does_not_listen)
{
    signal(SIGALRM, SIG_IGN);
    for (;;)
        pause();
}

TEST(runner_ends_what_ignores_its_time_limit)
{
    setenv("TEST_TIME_LIMIT", "1", 1);
    expect_failure("selftest_does_not_listen", "time limit of 1 s");
}

SCRIPT_TEST(selftest_script_hangs, "-c", "import time; time.sleep(9)");

TEST(runner_ends_a_script_that_takes_too_long)
{
    test_needs_python();
    setenv("TEST_TIME_LIMIT", "1", 1);
    expect_failure("selftest_script_hangs", "time limit of 5 s");
}

DEATH_TEST(selftest_survives, "anything")
{
    fputs("anything", stderr);
}

DEATH_TEST(selftest_dies_in_silence, "famous|words\n")
{
    puts("words");
    fputs("famous", stderr);
    abort();
}

TEST(runner_reports_a_death_test_with_other_words)
{
    expect_failure("selftest_survives", "did not end the process");
    expect_failure("selftest_dies_in_silence", "ended without printing \"words\"");
}

DEATH_TEST(runner_accepts_a_death_by_signal, "famous|words")
{
    fputs("words that are famous", stderr);
    abort();
}

DEATH_TEST(runner_accepts_a_death_by_status, "famous")
{
    fputs("famous", stderr);
    exit(3);
}

SCRIPT_TEST(selftest_script_fails, "-c", "raise SystemExit('as it should')");

TEST(runner_reports_a_script_that_failed)
{
    test_needs_python();
    expect_failure("selftest_script_fails", "as it should");
}

SCRIPT_TEST(
    runner_passes_the_build_folder_to_scripts, "-c",
    "import os; open('tests/run/runner.h'); os.listdir(os.environ['BUILD_DIR']); os.environ['CC']");

TEST_EACH_BACKEND(runner_names_the_backend)
{
    CHECK(test_backend() != NULL);
    CHECK_STR(test_backend(), test_options()->backend);
}

/* ---- which cases run, and the closing line -------------------------------------------------- */

TEST(selftest_calm_passes) {}

TEST(selftest_calm_skips)
{
    test_skip("there is no moon tonight");
}

TEST(runner_counts_what_passed_and_what_was_skipped)
{
    struct run run = run_suite("selftest_calm", "-v", NULL);
    CHECK_EQ(run.status, 0);
    expect_text(&run, "ok   selftest_calm_passes");
    expect_closing_line(&run, "1 passed, 0 failed, 1 skipped\n");
}

TEST(runner_lists_skipped_cases_by_reason)
{
    struct run run = run_suite("selftest_calm", "--repeat", "8");
    expect_text(&run, "skipped: there is no moon tonight (8)\n"
                      "    selftest_calm_skips\n8 passed, 0 failed, 8 skipped\n");
}

/* ---- the capture ----------------------------------------------------------------------------- */

enum { WRITERS = 4, LINES = 100 };

static void *write_lines(void *barrier)
{
    pthread_barrier_wait(barrier);
    for (int i = 0; i < LINES; i++)
        (void)!write(STDERR_FILENO, "a line\n", 7);
    return NULL;
}

static void write_lines_from_several_threads(void)
{
    pthread_barrier_t barrier;
    pthread_t threads[WRITERS];
    CHECK_EQ(pthread_barrier_init(&barrier, NULL, WRITERS), 0);
    for (int i = 0; i < WRITERS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, write_lines, &barrier), 0);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&barrier);
}

TEST(runner_captures_the_lines_of_all_threads)
{
    for (int i = 0; i < 50; i++) {
        capture_begin();
        write_lines_from_several_threads();
        CHECK_EQ((int)strlen(capture_end()), WRITERS * LINES * 7);
    }
}

TEST(runner_repeats)
{
    struct run run = run_suite("selftest_calm_passes", "--repeat", "3");
    CHECK_EQ(run.status, 0);
    expect_closing_line(&run, "3 passed, 0 failed\n");
}

TEST(runner_fails_when_nothing_ran)
{
    struct run run = run_suite("selftest_that_is_not_there", NULL, NULL);
    CHECK_EQ(run.status, 1);
    expect_text(&run, "0 passed, 0 failed\n");
}

TEST(runner_hides_its_own_cases)
{
    struct run run = run_suite("passes", "--list", NULL);
    CHECK(strstr(run.text, "selftest_calm_passes") == NULL);
}

TEST(runner_refuses_arguments_it_does_not_know)
{
    struct run run = run_suite("selftest_calm", "--nonsense", NULL);
    CHECK_EQ(run.status, 2);
    expect_text(&run, "usage: suite");
}
