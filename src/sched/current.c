/*
 * sched/current.c: the loop and the task in which a call is made, and the misuse messages for calls
 * outside a loop or a task. In a child of fork() the loop of the thread is *inherited*: see
 * current.h.
 */
#include "sched/current.h"
#include "sched/worker.h"

__thread struct async_loop *asyncp_current;
__thread struct async_loop *asyncp_inherited;
__thread struct worker_context *asyncp_worker;
__thread int asyncp_run_error;

static _Atomic unsigned fork_generation; /* forks since the program began */

static const char child_message[] =
    "%s was called in a child of fork(), and %s is the parent's; run a loop of the child's own "
    "with async_run, replace the program with exec, or end the child with _exit";

unsigned asyncp_fork_generation(void)
{
    return fork_generation;
}

void asyncp_inheritance_open(struct async_loop *loop)
{
    loop->inheritance.generation = fork_generation;
}

void asyncp_fork_count(void)
{
    fork_generation++;
}

/* ---- a child of fork() ----------------------------------------------------------------------- */

struct async_loop *asyncp_standing_loop(void)
{
    struct async_loop *loop = asyncp_inherited;
    while (loop != NULL && loop->sched.current == NULL)
        loop = loop->inheritance.before;
    return loop;
}

struct coroutine *asyncp_running_coroutine(void)
{
    const struct async_loop *loop = asyncp_current;
    if (loop == NULL || loop->sched.current == NULL)
        loop = asyncp_standing_loop();
    return loop != NULL ? loop->sched.current : NULL;
}

void asyncp_check_inherited(const char *call)
{
    if (asyncp_current == NULL && asyncp_inherited != NULL)
        asyncp_misuse(child_message, call, "the loop");
}

void asyncp_wrong_loop(const struct async_loop *loop, const char *call, const char *what)
{
    if (loop->inheritance.inherited)
        asyncp_misuse(child_message, call, what);
    asyncp_misuse("%s: %s is another thread's", call, what);
}

/* ---- calls outside a task -------------------------------------------------------------------- */

_Noreturn void asyncp_no_task(const char *call)
{
    asyncp_check_inherited(call);
    ENSURE(asyncp_current != NULL || asyncp_worker == NULL,
           "%s was called on a worker thread of an executor, which runs blocking functions and no "
           "tasks; send a call or a coroutine to the loop, with async_call_soon_threadsafe or "
           "async_run_coroutine_threadsafe",
           call);
    ENSURE(asyncp_current == NULL || !asyncp_current->sched.iterating,
           "%s was called in a callback; callbacks run on the loop itself and cannot wait: create "
           "a task there",
           call);
    asyncp_misuse("%s was called outside a task; run your coroutine with async_main or async_run",
                  call);
}

void asyncp_run_expect(const char *call, const char *argument, const char *where)
{
    if (asyncp_run_error == 0)
        asyncp_check_inherited(call);
    ENSURE(asyncp_run_error != 0,
           "%s(%s) was called at %s on a thread without a loop; start one with async_main or "
           "async_run",
           call, argument, where);
}

struct async_loop *asyncp_loop_to_leave(const char *call)
{
    struct async_loop *loop = asyncp_standing_loop();
    if (loop == NULL || (asyncp_current != NULL && asyncp_current->sched.iterating))
        asyncp_no_task(call);
    return loop;
}

void asyncp_release_inherited(struct async_loop *loop, const char *call, const char *what)
{
    if (!loop->inheritance.inherited)
        asyncp_wrong_loop(loop, call, what);
    asyncp_current = loop;
}
