/*
 * core/cancel.c: requests to cancel, from the caller to whatever the task is stopped in.
 *
 * A join passes its request on to what it joins, which may be a join again, a million deep. So a request is not
 * delivered by recursion: coroutines it is on its way to stand in a list, and the first caller empties it. Those
 * that one of them passes it on to come next and in their order, as they would in a recursion. All of that is a
 * round; in one round a request reaches a coroutine once, however many ways lead there.
 *
 *      refused  =  from the innermost scope outwards, before any shelter: a timeout that has run out;
 *                  and if there is no shelter, a request of its own that is not answered
 */
#include "core/cancel.h"
#include "core/loop.h"
#include <asyncio/time.h>

static bool is_refused(const struct coroutine *coroutine)
{
    for (const struct scope *scope = coroutine->scopes; scope != NULL; scope = scope->outer) {
        if (scope->kind == SCOPE_SHIELD)
            return false;
        if (scope->expired)
            return true;
    }
    return coroutine->requests > 0;
}

/* Tells what the coroutine is stopped in, if it is and if that can be refused. */
static void deliver(struct coroutine *coroutine)
{
    struct wait *wait = coroutine->wait;
    if (wait != NULL && !wait->claimed && wait->refuse != NULL)
        wait->refuse(wait);
}

static void deliver_all(struct async_loop *loop)
{
    while (loop->refused != NULL) {
        struct coroutine *coroutine = loop->refused;
        loop->refused = coroutine->next_refused;
        loop->refused_place = &loop->refused;
        deliver(coroutine);
    }
    loop->delivering = false;
}

/* Begins a round; false inside one, whose beginner delivers. */
static bool begin_round(struct async_loop *loop)
{
    if (loop->delivering)
        return false;
    loop->delivering = true;
    loop->request_round++;
    loop->refused_place = &loop->refused;
    return true;
}

/* What is asked of the coroutine has changed; if it is refused now, what it is stopped in will hear of it. */
static void reach(struct async_loop *loop, struct coroutine *coroutine)
{
    coroutine->request_round = loop->request_round;
    coroutine->refused = is_refused(coroutine);
    if (!coroutine->refused)
        return;
    coroutine->next_refused = *loop->refused_place;
    *loop->refused_place = coroutine;
    loop->refused_place = &coroutine->next_refused;
}

static void request(struct async_loop *loop, struct async_task *task)
{
    if (task == NULL || task_done(task) || task->coroutine->request_round == loop->request_round)
        return;
    task->coroutine->requests++;
    task->coroutine->refusals = 0;
    reach(loop, task->coroutine);
}

void async__request(struct async_loop *loop, async_task *const tasks[], size_t count)
{
    bool first = begin_round(loop);
    for (size_t i = 0; i < count; i++)
        request(loop, tasks[i]);
    if (first)
        deliver_all(loop);
}

bool async_cancel(async_task *task)
{
    if (task == NULL)
        return false;
    task_check(task, "async_cancel", false);
    if (task_done(task))
        return false;
    async__request(task->loop, &task, 1);
    return true;
}

int async_uncancel(void)
{
    struct coroutine *self = loop_enter("async_uncancel")->current;
    if (self->requests > 0)
        self->requests--;
    self->refused = is_refused(self);
    return (int)self->requests;
}

int async_cancelling(void)
{
    return (int)loop_enter("async_cancelling")->current->requests;
}

int async_task_cancelling(const async_task *task)
{
    if (task == NULL)
        return 0;
    task_check(task, "async_task_cancelling", false);
    return task_done(task) ? 0 : (int)task->coroutine->requests;
}

void async__scope_enter(struct async_loop *loop, struct scope *scope, enum scope_kind kind)
{
    struct coroutine *self = loop->current;
    *scope = (struct scope){.outer = self->scopes, .coroutine = self, .kind = kind, .again = self};
    self->scopes = scope;
    if (kind == SCOPE_SHIELD)
        self->refused = false;
}

struct scope *async__scope_leave(struct async_loop *loop, struct scope *scope, enum scope_kind kind,
                                 const char *call)
{
    struct coroutine *self = loop->current;
    struct scope *innermost = self->scopes;
    ENSURE(innermost != NULL && (scope == NULL || scope == innermost) && innermost->kind == kind,
           "%s: this is not the innermost scope of %s; a block was left without the end of its "
           "scope",
           call, async__label(self->task).text);
    async__timer_clear(loop, &innermost->timer);
    innermost->again = NULL;
    self->scopes = innermost->outer;
    self->refused = is_refused(self);
    return innermost;
}

void async__scope_expire(struct scope *scope, int error)
{
    struct async_loop *loop = scope->coroutine->task->loop;
    scope->expired = true;
    scope->error = error;
    begin_round(loop);
    reach(loop, scope->coroutine);
    deliver_all(loop);
}
