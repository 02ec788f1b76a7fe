/*
 * loop/fork.c: the moment of a fork, as the child sees it, and what becomes there of the loop that
 * its thread had. The handler takes the same few steps however many tasks there are: most children
 * call exec, and would pay for pages that they touch. What it cannot do then is done when the child
 * first needs it.
 */
#include "loop/loop.h"
#include "sched/fork.h"
#include <pthread.h>

/* Nothing is left for the loop to do: whatever runs returns to whoever runs it. */
static void inherit(struct async_loop *loop)
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

static void in_child(void)
{
    asyncp_fork_count();
    asyncp_sigint_fork();
    if (asyncp_current != NULL)
        inherit(asyncp_current);
    asyncp_overflow_forked(count_inherited());
}

/* As the program begins: pthread_once would want a system call that a filter may forbid. */
__attribute__((constructor)) static void watch_forks(void)
{
    pthread_atfork(asyncp_overflow_before_fork, asyncp_overflow_after_fork, in_child);
}

static void leave_lines(struct wait *wait)
{
    for (struct waiter *waiter = wait->waiters; waiter != NULL; waiter = waiter->sibling)
        list_remove(&waiter->link);
    wait->waiters = NULL;
}

/* The waits are still what streams and joins point to, so they are not claimed. */
void asyncp_leave_all_lines(void)
{
    for (struct async_loop *loop = asyncp_inherited; loop != NULL;
         loop = loop->inheritance.before) {
        if (loop->inheritance.out_of_lines)
            continue;
        loop->inheritance.out_of_lines = true;
        for (struct async_task *task = NULL; (task = asyncp_task_next(loop, task)) != NULL;)
            if (task->coroutine->wait != NULL && !task->coroutine->wait->claimed)
                leave_lines(task->coroutine->wait);
    }
}

/* ---- the end -------------------------------------------------------------------------------- */

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
