/*
 * core/park.c: stopping and waking. All waiting in the library ends up in loop_stop(). What lies between it and the
 * user's call is kept thin: a stack that waits costs a cache line for every frame that pushes registers.
 */
#include "core/fork.h"
#include "core/lifetime.h"

/*
 * In debug mode, at every stop: a scope that is in force was not written over. If it was, its block was left without
 * its end, its frame is another function's by now, and its timer would fire into that. AddressSanitizer would end the
 * program at the look, with less to say.
 */
__attribute__((no_sanitize_address)) static void check_scopes(const struct coroutine *self)
{
    for (const struct scope *scope = self->scopes; scope != NULL; scope = scope->outer)
        ENSURE(scope->coroutine == self && scope->again == self,
               "%s left a block without the end of the timeout or shelter that it began there",
               async__label(self->task).text);
}

/* Mostly a burst is over and nothing else is due; else it is the loop's own stack that goes on. */
struct context *async__loop_next(struct async_loop *loop)
{
    if (loop->ready.first != NULL && async__burst_renew(loop) && loop_goes_on(loop))
        return loop_advance(loop);
    if (loop->debug) {
        check_scopes(loop->current);
        async__check_waits(loop);
    }
    loop->current = NULL;
    return &loop->context;
}

void async__switch_with_exceptions(struct exceptions *shared, struct context *from, struct context *to)
{
    struct exceptions kept = *shared;
    context_switch(from, to);
    *shared = kept;
}

void async__stop_rarely(struct async_loop *loop, struct coroutine *self)
{
    struct context *next = async__loop_next(loop);
    if (next != &self->context) /* it may be its own successor */
        loop_switch(loop, &self->context, next);
}

int async__park(struct async_loop *loop, struct wait *wait)
{
    return loop_park(loop, wait);
}

int async__stand_in_line(struct async_loop *loop, struct list *line, const char *call, const void *object,
                         void (*refuse)(struct wait *wait))
{
    struct wait wait;
    struct waiter waiter;
    wait_init(&wait, call, object, refuse);
    wait_on(&wait, &waiter, line);
    int result = loop_park(loop, &wait); /* what the list is part of may be gone by then */
    return likely(result != -ECANCELED) ? result : async__dismissed(&wait, result);
}

int async__dismissed(const struct wait *wait, int result)
{
    return wait->winner != NULL ? async_fail(result, "%s: what it waits on was freed", wait->call) : result;
}

OUT_OF_LINE static void report_dismissal(const struct list *list, const char *call)
{
    const struct wait *first = waiter_first(list)->wait;
    async__report(
        "%s: %s still waits in %s and gets -ECANCELED; a task group ends its tasks before what they "
        "wait on is freed: declare it after that",
        call, async__label(first->coroutine->task).text, first->call);
}

void async__dismiss(struct list *list, const char *call)
{
    if (line_is_empty(list))
        return;
    if (async__current != NULL && async__current->debug)
        report_dismissal(list, call);
    async__wake_all(list, -ECANCELED);
}

void async__wrong_thread(const struct wait *wait)
{
    async__misuse(
        "%s waits in %s for something that another thread has changed; locks, queues and the like are for "
        "one loop's own thread: from others send a call there with async_call_soon_threadsafe",
        async__label(wait->coroutine->task).text, wait->call);
}

void async__memory_gone(const struct wait *wait)
{
    async__misuse("%s waits in %s for something whose memory is gone, was copied or was written over; an "
                  "event, a lock or a "
                  "queue must outlive its waiters: declare it before the task group that they are in",
                  async__label(wait->coroutine->task).text, wait->call);
}

void async__wake(struct wait *wait, struct waiter *winner, int result)
{
    loop_wake(async__current, wait, winner, result);
}

/*
 * From both ends of the list at once, because what thousands wait in has left the caches and the page tables' too, and
 * two memory accesses that do not depend on each other take the time of one. They run in the order of the list.
 */
void async__wake_all(struct list *list, int result)
{
    struct async_loop *loop = async__current;
    struct ready *chain = NULL, *end = NULL; /* those from behind */
    for (struct waiter *waiter; (waiter = waiter_first(list)) != NULL;) {
        loop_wake(loop, waiter->wait, waiter, result);
        if (loop == NULL) /* in a child of fork() */
            continue;
        if ((waiter = waiter_last(list)) == NULL)
            break;
        struct ready *node = loop_claim(loop, waiter->wait, waiter, result);
        node->next = chain;
        chain = node;
        if (end == NULL)
            end = node;
    }
    if (chain != NULL)
        ready_append(&loop->ready, chain, end);
}

void async__refuse_wait(struct wait *wait)
{
    async__wake(wait, NULL, -ECANCELED);
}

void async__turn(struct async_loop *loop)
{
    struct coroutine *self = loop->current;
    if (loop->ready.first == NULL && loop_is_undisturbed(loop)) {
        loop->turns_left--; /* nobody else is ready: the next turn is this task's again */
        return;
    }
    ready_push(&loop->ready, &self->ready);
    loop_stop(loop, self); /* last, so that nothing of this function is on the stack meanwhile */
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
