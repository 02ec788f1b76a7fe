/*
 * switching_thread.c: the rows of calls that wait for a worker thread. What a worker has begun is
 * not ended by a request, so what it does passes a gate that the row opens, at the end of the loop
 * at the latest; what no worker has begun is taken back.
 */
#include "run/latch.h"
#include "switching.h"

#include <math.h>

static struct gate gate;
static async_executor *executor;

/* Opens the gate wide enough for everybody. */
static void supply_gate(struct scene *scene)
{
    (void)scene;
    for (int i = 0; i < 2 * MOST_CALLERS; i++)
        gate_open(&gate);
}

static int open_at_the_end(void)
{
    async_ignore(async_sleep(INFINITY));
    supply_gate(NULL);
    return 0;
}
async_fn(open_at_the_end);

static void set_gate(struct scene *scene)
{
    (void)scene;
    gate_init(&gate);
    async_task_detach(async_create_task(open_at_the_end));
}

static int pass_in_thread(struct caller *caller)
{
    (void)caller;
    return async_to_thread(pass_gate, &gate, 5);
}

static void check_thread(struct scene *scene)
{
    supply_gate(scene);
    CHECK_EQ(async_to_thread(pass_gate, &gate, 5), 5);
}

SWITCHING_CALL(to_thread_of_what_has_begun, async_to_thread, .kind = DEPENDS, .gives = 5,
               .set = set_gate, .make = pass_in_thread, .supply = supply_gate,
               .check = check_thread);

/* An executor of one thread, which is held by another function: all that comes later is queued. */
static void set_held_executor(struct scene *scene)
{
    set_gate(scene);
    executor = new_executor(1);
    async_task_options there = {.executor = executor};
    async_task_detach(async_create_task_with(&there, pass_gate, &gate, 0));
}

static int pass_in_executor(struct caller *caller)
{
    (void)caller;
    return async_run_in_executor(executor, pass_gate, &gate, 5);
}

static void check_executor(struct scene *scene)
{
    supply_gate(scene);
    CHECK_EQ(async_run_in_executor(executor, pass_gate, &gate, 5), 5);
    async_executor_free_wait(executor);
}

SWITCHING_CALL(run_in_executor_in_the_queue, async_run_in_executor, .kind = DEPENDS, .gives = 5,
               .set = set_held_executor, .make = pass_in_executor, .supply = supply_gate,
               .check = check_executor);
