/*
 * test_process_loops.c: processes of several loops: one after the other, on several threads, in a
 * child of fork().
 */
#include "run/forks.h"
#include "shell.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static const async_process_options outliving = {.outlives = true};

static int run_some(void)
{
    for (int i = 0; i < 5; i++)
        ASYNC_TRY(async_run_process(NULL, NULL, "true"));
    return 0;
}
async_fn(run_some);

static void *run_loop(void *result)
{
    *(int *)result = async_run_with(test_options(), run_some);
    return NULL;
}

TEST_EACH_BACKEND(process_starts_of_several_loops_take_turns)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    int results[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, run_loop, &results[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
        CHECK_EQ(results[i], 0);
    }
}

LOOP_TEST(process_can_be_started_in_a_child_forked_by_a_task)
{
    int status;
    skip_where_threads_and_fork_do_not_mix();
    CHECK_EQ(async_run_process(NULL, NULL, "true"), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(async_run_with(test_options(), run_some) == 0 ? 0 : 1);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    return async_run_process(NULL, NULL, "true");
}

static int start_outliving(pid_t *pid)
{
    async_auto_wait_process *process = start_shell(&outliving, "exec sleep 1000");
    *pid = async_process_pid(process);
    return 0;
}
async_fn(start_outliving, pid_t *);

TEST_EACH_BACKEND(process_that_outlives_its_loop_is_reaped_by_a_later_start)
{
    pid_t pid;
    siginfo_t info;
    CHECK_EQ(async_run_with(test_options(), start_outliving, &pid), 0);
    CHECK_EQ(kill(pid, 0), 0);
    CHECK_EQ(kill(pid, SIGKILL), 0);
    CHECK_EQ(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0); /* it is a zombie */
    CHECK_EQ(async_run_with(test_options(), run_some), 0);
    CHECK_EQ(kill(pid, 0), -1);
}

/* ---- handles that are freed while they are used ---------------------------------------------- */

static int communicate(async_process *process)
{
    async_auto_output output = {0};
    return async_process_communicate(process, "x", 1, &output);
}
async_fn(communicate, async_process *);

/* For each number of turns before it is freed. */
static void free_during_communicate(const async_process_options *options, const char *command)
{
    for (int turns = 0; turns < 12; turns++) {
        async_process *process = start_shell(options, command);
        async_task *task = async_create_task(communicate, process);
        CHECK_EQ(async_sleep(0), 0);
        for (int i = 0; i < turns; i++)
            CHECK_EQ(async_sleep(turns > 6 ? 0.001 : 0), 0);
        async_process_free_wait(process);
        CHECK(async_task_done(task) || async_await(async_task_ref(task)) != -EINVAL);
        async_task_detach(task);
    }
}

LOOP_TEST(process_may_be_freed_while_a_task_communicates)
{
    free_during_communicate(&all_pipes, "echo text; exec sleep 1000");
    return 0;
}

LOOP_TEST(process_that_ends_may_be_freed_while_a_task_communicates)
{
    free_during_communicate(&all_pipes, "echo text");
    const async_process_options lingers = {
        .in = ASYNC_PIPE, .out = ASYNC_PIPE, .linger = 0.001, .own_group = true};
    free_during_communicate(&lingers, "sleep 1000 & echo text");
    return 0;
}
