/*
 * core/fork.c: the moment of a fork, as the child sees it, and what becomes there of the loop that its thread had. The
 * handler takes the same few steps however many tasks there are: most children call exec, and would pay for pages that
 * they touch. What it cannot do then is done when the child first needs it.
 */
#include "core/fork.h"
#include <pthread.h>

__thread struct async_loop *async__inherited;

static _Atomic unsigned fork_generation; /* how many forks this process is from the first */

static const char child_sentence[] = "%s was called in a child of fork(), and %s is the parent's; run a loop "
                                     "of the child's own with async_run, "
                                     "replace the program with exec, or end the child with _exit";

/* Nothing is left for the loop to do: whatever runs returns to whoever runs it. */
static void inherit(struct async_loop *loop)
{
    loop->inherited = true;
    loop->inherited_before = async__inherited;
    loop->turns_left = 0;
    atomic_fetch_or(&loop->attention, ATTENTION_INHERITED);
    if (loop->current != NULL)
        loop->current->request_round = ROUND_FORKED;
    async__poller_inherit(&loop->poller);
    async__inherited = loop;
    async__current = NULL;
}

static unsigned count_inherited(void)
{
    unsigned count = 0;
    for (const struct async_loop *loop = async__inherited; loop != NULL; loop = loop->inherited_before)
        count++;
    return count;
}

static void in_child(void)
{
    fork_generation++;
    async__sigint_fork();
    if (async__current != NULL)
        inherit(async__current);
    async__overflow_forked(count_inherited());
}

/* As the program begins: pthread_once would want a system call that a filter may forbid. */
__attribute__((constructor)) static void watch_forks(void)
{
    pthread_atfork(async__overflow_before_fork, async__overflow_after_fork, in_child);
}

unsigned async__fork_generation(void)
{
    return fork_generation;
}

/* ---- where a child stands ------------------------------------------------------------------------------------ */

struct async_loop *async__standing_loop(void)
{
    struct async_loop *loop = async__inherited;
    while (loop != NULL && loop->current == NULL)
        loop = loop->inherited_before;
    return loop;
}

struct coroutine *async__running_coroutine(void)
{
    const struct async_loop *loop = async__current;
    if (loop == NULL || loop->current == NULL)
        loop = async__standing_loop();
    return loop != NULL ? loop->current : NULL;
}

void async__check_inherited(const char *call)
{
    if (async__current == NULL && async__inherited != NULL)
        async__misuse(child_sentence, call, "the loop");
}

void async__wrong_loop(const struct async_loop *loop, const char *call, const char *what)
{
    if (loop->inherited)
        async__misuse(child_sentence, call, what);
    async__misuse("%s: %s is another thread's", call, what);
}

struct async_loop *async__loop_to_leave(const char *call)
{
    struct async_loop *loop = async__standing_loop();
    if (loop == NULL || (async__current != NULL && async__current->iterating))
        async__no_task(call);
    return loop;
}

void async__release_inherited(struct async_loop *loop, const char *call, const char *what)
{
    if (!loop->inherited)
        async__wrong_loop(loop, call, what);
    async__current = loop;
}

/* ---- tasks that never run ------------------------------------------------------------------------------------ */

void async__wake_elsewhere(struct wait *wait, struct waiter *winner, int result)
{
    struct async_loop *loop = wait->coroutine->task->loop;
    if (!loop->inherited)
        async__wrong_thread(wait); /* locks, queues and the like are their loop's thread's */
    loop_wake(loop, wait, winner, result);
}

bool async__forsake(struct list *line)
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
void async__leave_all_lines(void)
{
    for (struct async_loop *loop = async__inherited; loop != NULL; loop = loop->inherited_before) {
        if (loop->out_of_lines)
            continue;
        loop->out_of_lines = true;
        for (struct async_task *task = NULL; (task = async__task_next(loop, task)) != NULL;)
            if (task->coroutine->wait != NULL && !task->coroutine->wait->claimed)
                leave_lines(task->coroutine->wait);
    }
}

/* ---- the end ------------------------------------------------------------------------------------------------- */

void async__forked_end(struct coroutine *self)
{
    struct async_loop *loop = self->task->loop;
    loop->forked_task = self->task;
    loop->current = NULL;
    loop_switch(loop, &self->context, &loop->context);
    async__misuse("a task that forked went on after its end");
}

int async__forked_result(const struct async_loop *loop)
{
    return loop->forked_task != NULL ? loop->forked_task->result : 0;
}

void async__forget_inherited(const struct async_loop *loop)
{
    struct async_loop **place = &async__inherited;
    while (*place != NULL && *place != loop)
        place = &(*place)->inherited_before;
    if (*place != NULL)
        *place = loop->inherited_before;
}
