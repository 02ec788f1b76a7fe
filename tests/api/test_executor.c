/*
 * test_executor.c: executors: the default one, how they end, the loops and the processes that share
 * one.
 */
#include "run/latch.h"
#include "run/coroutines.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static int add(int a, int b)
{
    return a + b;
}
async_fn(add, int, int);

LOOP_TEST(default_executor_can_be_set_once_and_before_it_is_used)
{
    async_executor *executor = new_executor(1);
    async_auto_wait_executor *late = new_executor(1);
    CHECK_EQ(async_set_default_executor(executor), 0);
    CHECK_EQ(async_set_default_executor(late), -EBUSY);
    CHECK_EQ(async_set_default_executor(NULL), -EINVAL);
    CHECK_EQ(async_to_thread(add, 1, 2), 3);
    return 0;
}

LOOP_TEST(default_executor_cannot_be_set_after_its_use)
{
    async_auto_wait_executor *late = new_executor(1);
    CHECK_EQ(async_to_thread(nothing), 0);
    CHECK_EQ(async_set_default_executor(late), -EBUSY);
    return 0;
}

TEST(executor_of_too_many_threads_is_enomem)
{
    async_executor *executor;
    CHECK_EQ(async_executor_new(&executor, SIZE_MAX), -ENOMEM);
    CHECK_EQ(async_executor_new(&executor, SIZE_MAX / 8), -ENOMEM);
    CHECK(executor == NULL);
    CHECK_EQ(async_executor_new(NULL, 1), -EINVAL);
    async_executor_free_wait(NULL);
}

DEATH_TEST(executor_free_of_the_default_one,
           "async_executor_free_wait: the default executor is the loop's")
{
    async_executor_free_wait(ASYNC_DEFAULT_EXECUTOR);
}

/* The job runs, although the loop cannot see its result yet. */
LOOP_TEST(executor_free_waits_for_submitted_jobs)
{
    struct latch latch;
    latch_init(&latch);
    async_executor *executor = new_executor(1);
    async_task *tasks[3];
    for (int i = 0; i < 3; i++) {
        tasks[i] = async_create_task(pass_latch_in_executor, executor, &latch, i);
        latch_open(&latch);
    }
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_sleep(0), 0);
    async_executor_free_wait(executor);
    async_task_cancel(tasks[1]); /* too late */
    for (int i = 0; i < 3; i++)
        CHECK_EQ(async_await(tasks[i]), i);
    return 0;
}

static int many_sums(async_executor *executor)
{
    for (int i = 0; i < 200; i++)
        if (async_run_in_executor(executor, add, i, 1) != i + 1)
            return -EPROTO;
    return 0;
}
async_fn(many_sums, async_executor *);

static void *run_many_sums(void *executor)
{
    return (void *)(intptr_t)async_run(many_sums, executor);
}

/*
 * A worker that has sent its last message may be late with the wake, when the loop is over already.
 */
TEST(executor_serves_loops_that_come_and_go)
{
    async_auto_wait_executor *executor = new_executor(2);
    for (int round = 0; round < 10; round++) {
        pthread_t threads[2];
        void *result;
        for (int i = 0; i < 2; i++)
            CHECK_EQ(pthread_create(&threads[i], NULL, run_many_sums, executor), 0);
        for (int i = 0; i < 2; i++) {
            CHECK_EQ(pthread_join(threads[i], &result), 0);
            CHECK(result == NULL);
        }
    }
}

LOOP_TEST(executor_in_a_forked_child_is_only_freed)
{
    async_executor *executor = new_executor(1);
    CHECK_EQ(async_run_in_executor(executor, nothing), 0);
    pid_t child = fork();
    if (child == 0) {
        async_executor_free_wait(executor);
        _exit(0);
    }
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    async_executor_free_wait(executor);
    return 0;
}

static int use_in_child(async_executor *executor)
{
    return async_run_in_executor(executor, nothing);
}
async_fn(use_in_child, async_executor *);

DEATH_TEST(executor_used_in_a_forked_child, "an executor was made before fork")
{
    async_executor *executor = new_executor(1);
    pid_t child = fork();
    int status;
    if (child == 0)
        async_run(use_in_child, executor);
    waitpid(child, &status, 0);
    _exit(WIFSIGNALED(status) ? 1 : 0);
}
