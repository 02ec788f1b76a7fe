/*
 * core/park.c: stopping and waking. All waiting in the library ends up in the one switch at the end of
 * stop(): one call site, so that the return predictor of whoever goes on is in step.
 */
#include "core/loop.h"

/*
 * In debug mode, at every stop: a scope that is in force was not written over. If it was, its block was left without
 * its end, its frame is another function's by now, and its timer would fire into that.
 */
static void check_scopes(const struct coroutine *self)
{
    for (const struct scope *scope = self->scopes; scope != NULL; scope = scope->outer)
        ENSURE(scope->coroutine == self && scope->again == self,
               "%s left a block without the end of the timeout or shelter that it began there",
               async__label(self->task).text);
}

/* The next ready task, if nothing rare is due; else the loop's own stack. */
struct context *async__next_context(struct async_loop *loop)
{
    struct ready *next = loop->ready.first;
    bool straight_on = next != NULL && next->run == NULL && loop->turns_left > 0 &&
                       atomic_load_explicit(&loop->attention, memory_order_relaxed) == 0;
    if (unlikely(!straight_on)) {
        if (loop->debug)
            check_scopes(loop->current);
        loop->current = NULL;
        return &loop->context;
    }
    loop->turns_left--;
    loop->current = coroutine_of_ready(ready_pop(&loop->ready));
    return &loop->current->context;
}

__attribute__((noinline)) static void stop(struct async_loop *loop)
{
    struct coroutine *self = loop->current;
    struct context *next = async__next_context(loop);
    if (next != &self->context) /* it may be its own successor */
        loop_switch(loop, &self->context, next);
    ASSERT(loop->current == self);
}

int async__park(struct async_loop *loop, struct wait *wait)
{
    struct coroutine *self = loop->current;
    ASSERT(!wait->claimed && self->wait == NULL);
    wait->coroutine = self;
    wait->since_ns = loop->now_ns;
    self->wait = wait;
    stop(loop);
    ASSERT(wait->claimed);
    self->wait = NULL;
    return wait->result;
}

void async__wake(struct wait *wait, struct waiter *winner, int result)
{
    ASSERT(!wait->claimed && wait->coroutine->wait == wait);
    struct async_loop *loop = wait->coroutine->task->loop;
    ASSERT(loop == async__current); /* queues and the like are their loop's thread's */
    wait->claimed = true;
    wait->winner = winner;
    wait->result = result;
    for (struct waiter *waiter = wait->waiters; waiter != NULL; waiter = waiter->sibling)
        list_remove(&waiter->link);
    if (wait->timer != NULL)
        async__timer_clear(loop, wait->timer);
    ready_push(&loop->ready, &wait->coroutine->ready);
}

void async__wake_all(struct list *list, int result)
{
    for (struct waiter *waiter; (waiter = waiter_first(list)) != NULL;)
        async__wake(waiter->wait, waiter, result);
}

void async__refuse_wait(struct wait *wait)
{
    async__wake(wait, NULL, -ECANCELED);
}

void async__turn(struct async_loop *loop)
{
    ready_push(&loop->ready, &loop->current->ready);
    stop(loop);
}

int async__refused(struct async_loop *loop)
{
    enum { IGNORED_OFTEN = 100 };
    struct coroutine *self = loop->current;
    if (++self->refusals == IGNORED_OFTEN && loop->debug)
        async__report("%s ignores its cancellation: %d calls were refused with "
                      "-ECANCELED; return the error, or answer with async_uncancel()",
                      async__label(self->task).text, IGNORED_OFTEN);
    async__turn(loop);
    return -ECANCELED;
}
