/*
 * loop/fork.c: fork() as the child sees it: the loop of the forking thread becomes an inherited one
 * (see sched/current.h). The atfork handler takes a few steps, however many tasks there are: most
 * children call exec, and each touched page would be copied. Everything else is done when the child
 * first needs it.
 */
#include "loop/loop.h"
#include "loop/loops.h"
#include "loop/tracing.h"
#include "sched/current.h"
#include "sys/thread.h"
#include <pthread.h>

/* Stops the loop: the running task or callback returns to the loop, which returns to its caller. */
static void inherit_loop(struct async_loop *loop)
{
    loop->inheritance.inherited = true;
    loop->inheritance.before = asyncp_inherited;
    loop->sched.turns_left = 0;
    loop_set_attention(loop, ATTENTION_INHERITED);
    if (loop->sched.current != NULL)
        loop->sched.current->request_round = ROUND_FORKED;
    asyncp_poller_inherit(&loop->poller);
    asyncp_inherited = loop;
    asyncp_current = NULL;
}

static unsigned count_inherited(void)
{
    unsigned count = 0;
    for (const struct async_loop *loop = asyncp_inherited; loop != NULL;
         loop = loop->inheritance.before)
        count++;
    return count;
}

static void handle_fork_in_child(void)
{
    asyncp_fork_count();
    asyncp_sys_threads_fork();
    asyncp_loops_fork();
    asyncp_tracing_fork();
    asyncp_catches_fork();
    if (asyncp_current != NULL)
        inherit_loop(asyncp_current);
    asyncp_overflow_forked(count_inherited());
}

/* At program start: pthread_once may need a system call forbidden by a filter. */
__attribute__((constructor)) static void install_fork_handlers(void)
{
    pthread_atfork(asyncp_overflow_before_fork, asyncp_overflow_after_fork, handle_fork_in_child);
}

static void unlink_waiters(struct wait *wait)
{
    for (struct waiter *waiter = wait->waiters; waiter != NULL; waiter = waiter->sibling)
        list_remove(&waiter->link);
    wait->waiters = NULL;
}

/* The waits stay unclaimed: streams and joins point to them. */
void asyncp_leave_waiter_lists(void)
{
    for (struct async_loop *loop = asyncp_inherited; loop != NULL;
         loop = loop->inheritance.before) {
        if (loop->inheritance.out_of_lists)
            continue;
        loop->inheritance.out_of_lists = true;
        for (struct async_task *task = NULL; (task = asyncp_task_next(loop, task)) != NULL;)
            if (task->coroutine->wait != NULL && !task->coroutine->wait->claimed)
                unlink_waiters(task->coroutine->wait);
    }
}

struct async_task *asyncp_forked_task(const struct async_loop *loop)
{
    return loop->inheritance.forked_task;
}

int asyncp_forked_result(const struct async_loop *loop)
{
    return loop->inheritance.forked_task != NULL ? loop->inheritance.forked_task->result : 0;
}

void asyncp_forget_inherited(const struct async_loop *loop)
{
    struct async_loop **place = &asyncp_inherited;
    while (*place != NULL && *place != loop)
        place = &(*place)->inheritance.before;
    if (*place != NULL)
        *place = loop->inheritance.before;
}
