/*
 * test_faults_thread.c: programs for tests/scripts/faults.py (see test_faults.c) that wait for
 * worker threads: a thread that cannot be created, no memory for a job, a wake-up that is
 * interrupted.
 */
#include "fault_test.h"

#include <math.h>

static int keep(int number)
{
    kept[number]++;
    return number;
}
async_fn(keep, int);

/* -EAGAIN says that there is no thread at all, which is an answer. */
static int answer_of_thread(int result)
{
    return result == -EAGAIN ? answer(-EPERM) : answer(result);
}

FAULTS_TEST(each_function_that_a_thread_took_is_run_once)
{
    async_task *tasks[ACCOUNTS];
    int results[ACCOUNTS];
    async_task_options there = {.executor = ASYNC_DEFAULT_EXECUTOR};
    for (int i = 0; i < ACCOUNTS; i++)
        answer((tasks[i] = async_create_task_with(&there, keep, i)) != NULL ? 0 : -ENOMEM);
    answer_of_thread(async_gather_n(tasks, ACCOUNTS, results, ASYNC_FIRST_ERROR));
    for (int i = 0; i < ACCOUNTS; i++)
        promised[i] = answer_of_thread(results[i]) == i;
    return 0;
}

static int wait_in_thread(async_executor *executor, int number)
{
    return async_run_in_executor(executor, keep, number);
}
async_fn(wait_in_thread, async_executor *, int);

FAULTS_TEST(a_function_that_is_taken_back_is_not_run)
{
    async_task *tasks[ACCOUNTS];
    int results[ACCOUNTS];
    async_executor *executor;
    async_ignore(async_executor_new(&executor, 2));
    if (answer(executor != NULL ? 0 : -ENOMEM) < 0)
        return 0;
    for (int i = 0; i < ACCOUNTS; i++)
        answer((tasks[i] = async_create_task(wait_in_thread, executor, i)) != NULL ? 0 : -ENOMEM);
    async_ignore(async_sleep(0));
    async_ignore(async_sleep(0));
    for (int i = 0; i < ACCOUNTS; i++)
        async_task_cancel(tasks[i]);
    CHECK_EQ(async_gather_n(tasks, ACCOUNTS, results, ASYNC_RETURN_EXCEPTIONS), 0);
    for (int i = 0; i < ACCOUNTS; i++)
        promised[i] = (results[i] == -ECANCELED ? results[i] : answer_of_thread(results[i])) == i;
    async_executor_free_wait(executor);
    return 0;
}

static int keep_in_task(int number)
{
    kept[number]++;
    return answer(async_sleep(0));
}
async_fn(keep_in_task, int);

/* On a thread: a submitted coroutine runs once, unless the loop lacks memory for its task. */
static int send_coroutines(async_loop *loop)
{
    for (int i = 0; i < ACCOUNTS; i++) {
        async_concurrent_future *future = async_run_coroutine_threadsafe(loop, keep_in_task, i);
        int result = answer(async_concurrent_future_result(future, INFINITY));
        promised[i] = future != NULL && (result != -ENOMEM || kept[i] > 0);
        async_concurrent_future_free(future);
    }
    return 0;
}
async_fn(send_coroutines, async_loop *);

FAULTS_TEST(each_coroutine_that_was_sent_is_run_once)
{
    answer_of_thread(async_to_thread(send_coroutines, async_get_loop()));
    return 0;
}
