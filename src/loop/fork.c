/*
 * loop/fork.c: the moment of a fork, as the child sees it, and what becomes there of the loop that
 * its thread had. The handler takes the same few steps however many tasks there are: most children
 * call exec, and would pay for pages that they touch. What it cannot do then is done when the child
 * first needs it.
 */
#include "sched/fork.h"
#include <pthread.h>

__thread struct async_loop *asyncp_inherited;

static _Atomic unsigned fork_generation; /* how many forks this process is from the first */

static const char child_sentence[] =
    "%s was called in a child of fork(), and %s is the parent's; run a loop of the child's own "
    "with async_run, replace the program with exec, or end the child with _exit";

/* Nothing is left for the loop to do: whatever runs returns to whoever runs it. */
static void inherit(struct async_loop *loop)
{
    loop->inherited = true;
    loop->inherited_before = asyncp_inherited;
    loop->turns_left = 0;
    atomic_fetch_or(&loop->attention, ATTENTION_INHERITED);
    if (loop->current != NULL)
        loop->current->request_round = ROUND_FORKED;
    asyncp_poller_inherit(&loop->poller);
    asyncp_inherited = loop;
    asyncp_current = NULL;
}

static unsigned count_inherited(void)
{
    unsigned count = 0;
    for (const struct async_loop *loop = asyncp_inherited; loop != NULL;
         loop = loop->inherited_before)
        count++;
    return count;
}

static void in_child(void)
{
    fork_generation++;
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

unsigned asyncp_fork_generation(void)
{
    return fork_generation;
}

/* ---- where a child stands ------------------------------------------------------------------- */

struct async_loop *asyncp_standing_loop(void)
{
    struct async_loop *loop = asyncp_inherited;
    while (loop != NULL && loop->current == NULL)
        loop = loop->inherited_before;
    return loop;
}

struct coroutine *asyncp_running_coroutine(void)
{
    const struct async_loop *loop = asyncp_current;
    if (loop == NULL || loop->current == NULL)
        loop = asyncp_standing_loop();
    return loop != NULL ? loop->current : NULL;
}

void asyncp_check_inherited(const char *call)
{
    if (asyncp_current == NULL && asyncp_inherited != NULL)
        asyncp_misuse(child_sentence, call, "the loop");
}

void asyncp_wrong_loop(const struct async_loop *loop, const char *call, const char *what)
{
    if (loop->inherited)
        asyncp_misuse(child_sentence, call, what);
    asyncp_misuse("%s: %s is another thread's", call, what);
}

struct async_loop *asyncp_loop_to_leave(const char *call)
{
    struct async_loop *loop = asyncp_standing_loop();
    if (loop == NULL || (asyncp_current != NULL && asyncp_current->iterating))
        asyncp_no_task(call);
    return loop;
}

void asyncp_release_inherited(struct async_loop *loop, const char *call, const char *what)
{
    if (!loop->inherited)
        asyncp_wrong_loop(loop, call, what);
    asyncp_current = loop;
}

/* ---- tasks that never run ------------------------------------------------------------------- */

void asyncp_wake_elsewhere(struct wait *wait, struct waiter *winner, int result)
{
    struct async_loop *loop = wait->coroutine->task->loop;
    if (!loop->inherited)
        asyncp_wrong_thread(wait); /* locks, queues and the like are their loop's thread's */
    loop_wake(loop, wait, winner, result);
}

bool asyncp_forsake(struct list *line)
{
    for (struct link *link = list_first(line), *next; link != NULL; link = next) {
        next = list_after(line, link);
        struct waiter *waiter = CONTAINER_OF(link, struct waiter, link);
        struct async_loop *loop = waiter->wait->coroutine->task->loop;
        if (loop->inherited)
            loop_wake(loop, waiter->wait, waiter, -ECANCELED);
    }
    return list_empty(line);
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
    for (struct async_loop *loop = asyncp_inherited; loop != NULL; loop = loop->inherited_before) {
        if (loop->out_of_lines)
            continue;
        loop->out_of_lines = true;
        for (struct async_task *task = NULL; (task = asyncp_task_next(loop, task)) != NULL;)
            if (task->coroutine->wait != NULL && !task->coroutine->wait->claimed)
                leave_lines(task->coroutine->wait);
    }
}

/* ---- the end -------------------------------------------------------------------------------- */

void asyncp_forked_end(struct coroutine *self)
{
    struct async_loop *loop = self->task->loop;
    loop->forked_task = self->task;
    loop->current = NULL;
    loop_switch(loop, &self->context, &loop->context);
    asyncp_misuse("a task that forked went on after its end");
}

int asyncp_forked_result(const struct async_loop *loop)
{
    return loop->forked_task != NULL ? loop->forked_task->result : 0;
}

void asyncp_forget_inherited(const struct async_loop *loop)
{
    struct async_loop **place = &asyncp_inherited;
    while (*place != NULL && *place != loop)
        place = &(*place)->inherited_before;
    if (*place != NULL)
        *place = loop->inherited_before;
}
