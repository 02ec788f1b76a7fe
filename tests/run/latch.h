/*
 * latch.h: holds a function on a worker thread without a clock: the function waits at a latch that
 * the test opens, and the test can wait until it has arrived. A test may have several latches.
 */
#ifndef TEST_LATCH_H
#define TEST_LATCH_H

#include "run/runner.h"

#include <sched.h>
#include <semaphore.h>

struct latch {
    sem_t arrived; /* posted by a function that arrives */
    sem_t open;    /* posted for each function that may pass */
};

static inline void latch_wait(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0)
        CHECK_EQ(errno, EINTR);
}

static inline void latch_init(struct latch *latch)
{
    CHECK_EQ(sem_init(&latch->arrived, 0, 0), 0);
    CHECK_EQ(sem_init(&latch->open, 0, 0), 0);
}

/* On the worker's thread. */
ASYNC_UNUSED static int pass_latch(struct latch *latch, int result)
{
    sem_post(&latch->arrived);
    latch_wait(&latch->open);
    return result;
}
async_fn(pass_latch, struct latch *, int);

/*
 * In the test: waits until the function that the task has submitted arrives. If that cannot happen
 * any more, the task has ended.
 */
static inline void latch_await_arrival(struct latch *latch, const async_task *task)
{
    while (sem_trywait(&latch->arrived) != 0) {
        CHECK(errno == EAGAIN || errno == EINTR);
        CHECK(!async_task_done(task));
        CHECK_EQ(async_sleep(0), 0);
        sched_yield();
    }
}

/* Creates an executor for functions that wait at latches. */
static inline async_executor *new_executor(size_t threads)
{
    async_executor *executor;
    CHECK_EQ(async_executor_new(&executor, threads), 0);
    return executor;
}

static inline void latch_open(struct latch *latch)
{
    sem_post(&latch->open);
}

ASYNC_UNUSED static int pass_latch_in_executor(async_executor *executor, struct latch *latch,
                                               int result)
{
    return async_run_in_executor(executor, pass_latch, latch, result);
}
async_fn(pass_latch_in_executor, async_executor *, struct latch *, int);

#endif
