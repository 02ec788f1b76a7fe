/*
 * switching_thread.c: the rows (switching.h) of calls that wait for a worker thread. A request does
 * not end a job that a worker has begun, so the job waits at a latch that the row opens, at the end
 * of the loop at the latest; a job that no worker has begun is taken back.
 */
#include "run/latch.h"
#include "switching.h"

#include <math.h>

static struct latch latch;
static async_executor *executor;

/* Opens the latch for all callers. */
static void supply_latch(struct scene *scene)
{
    (void)scene;
    for (int i = 0; i < 2 * MAX_CALLERS; i++)
        latch_open(&latch);
}

static int open_at_the_end(void)
{
    async_ignore(async_sleep(INFINITY));
    supply_latch(NULL);
    return 0;
}
async_fn(open_at_the_end);

static void set_latch(struct scene *scene)
{
    (void)scene;
    latch_init(&latch);
    async_task_detach(async_create_task(open_at_the_end));
}

static int pass_in_thread(struct caller *caller)
{
    (void)caller;
    return async_to_thread(pass_latch, &latch, 5);
}

static void check_thread(struct scene *scene)
{
    supply_latch(scene);
    CHECK_EQ(async_to_thread(pass_latch, &latch, 5), 5);
}

SWITCHING_CALL(to_thread_of_a_job_that_has_begun, async_to_thread, .kind = DEPENDS, .gives = 5,
               .set = set_latch, .make = pass_in_thread, .supply = supply_latch,
               .check = check_thread);

/* An executor of one thread, which is held by another function: all that comes later is queued. */
static void set_held_executor(struct scene *scene)
{
    set_latch(scene);
    executor = new_executor(1);
    async_task_options there = {.executor = executor};
    async_task_detach(async_create_task_with(&there, pass_latch, &latch, 0));
}

static int pass_in_executor(struct caller *caller)
{
    (void)caller;
    return async_run_in_executor(executor, pass_latch, &latch, 5);
}

static void check_executor(struct scene *scene)
{
    supply_latch(scene);
    CHECK_EQ(async_run_in_executor(executor, pass_latch, &latch, 5), 5);
    async_executor_free_wait(executor);
}

SWITCHING_CALL(run_in_executor_of_a_queued_job, async_run_in_executor, .kind = DEPENDS, .gives = 5,
               .set = set_held_executor, .make = pass_in_executor, .supply = supply_latch,
               .check = check_executor);
