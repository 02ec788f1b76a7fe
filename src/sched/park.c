/*
 * sched/park.c: stopping and waking tasks. All waiting in the library ends in loop_stop(). The
 * frames between it and the call of the user are kept small: each frame with saved registers costs
 * a waiting task a cache line.
 */
#include "sched/current.h"
#include "sched/pace.h"
#include "sys/report.h"

/*
 * In debug mode, at each stop: the scopes of the task are intact. An overwritten scope lay in a
 * block that was left without the end of the scope; its timer would write into the frame of another
 * function. AddressSanitizer would report the read here with fewer details.
 */
__attribute__((no_sanitize_address)) static void check_scopes(const struct coroutine *self)
{
    for (const struct scope *scope = self->scopes; scope != NULL; scope = scope->outer)
        ENSURE(scope->coroutine == self && scope->again == self,
               "%s left a block without the end of the timeout or shield that it began there",
               asyncp_label(self->task).text);
}

/* What debug mode and a trace do at each stop. Returns the context to switch to. */
OUT_OF_LINE static struct context *watch_stop(struct async_loop *loop)
{
    if (loop->sched.ready.first != NULL && loop->sched.turns_left <= 0)
        (void)asyncp_burst_renew(loop);
    if (loop_is_debug(loop))
        check_scopes(loop->sched.current);
    if (loop_is_traced(loop))
        return asyncp_tracer_stop(loop);
    loop->sched.current = NULL;
    return &loop->sched.context;
}

/* The common case is the end of a burst with nothing else due. Otherwise the loop itself runs. */
struct context *asyncp_loop_next(struct async_loop *loop)
{
    if (unlikely(loop_watches_stops(loop)))
        return traced_loop_goes_on(loop) ? asyncp_tracer_go_on(loop) : watch_stop(loop);
    if (loop->sched.ready.first != NULL && loop->sched.turns_left <= 0 &&
        asyncp_burst_renew(loop) && loop->sched.ready.first->run == NULL)
        return loop_advance(loop);
    loop->sched.current = NULL;
    return &loop->sched.context;
}

void asyncp_switch_with_exceptions(struct exceptions *shared, struct context *from,
                                   struct context *to)
{
    struct exceptions kept = *shared;
    context_switch(from, to);
    *shared = kept;
}

void asyncp_stop_rarely(struct async_loop *loop, struct coroutine *self)
{
    struct context *next = asyncp_loop_next(loop);
    if (next != &self->context) /* the task may be the next one itself */
        loop_switch(loop, &self->context, next);
}

int asyncp_park(struct async_loop *loop, struct wait *wait)
{
    return loop_park(loop, wait);
}

int asyncp_wait_in_list(struct async_loop *loop, struct list *line, const char *call,
                        const void *object, void (*cancel)(struct wait *wait))
{
    struct wait wait;
    struct waiter waiter;
    wait_init(&wait, call, object, cancel);
    wait_on(&wait, &waiter, line);
    int result = loop_park(loop, &wait); /* the list may have been freed */
    return likely(result != -ECANCELED) ? result : asyncp_cancelled_by_free(&wait, result);
}

int asyncp_cancelled_by_free(const struct wait *wait, int result)
{
    return wait->winner != NULL ? async_fail(result, "%s: what it waits on was freed", wait->call)
                                : result;
}

OUT_OF_LINE static void report_dismissal(const struct list *list, const char *call)
{
    const struct wait *first = waiter_first(list)->wait;
    asyncp_report("%s: %s still waits in %s and gets -ECANCELED; declare the task "
                  "group after what its tasks wait on, so that they end first",
                  call, asyncp_label(first->coroutine->task).text, first->call);
}

void asyncp_cancel_waiters(struct list *list, const char *call)
{
    if (waiters_is_empty(list))
        return;
    if (asyncp_current != NULL && loop_is_debug(asyncp_current))
        report_dismissal(list, call);
    asyncp_wake_all(list, -ECANCELED);
}

void asyncp_wrong_thread(const struct wait *wait)
{
    asyncp_misuse(
        "%s waits in %s for something that another thread has changed; locks, queues and the like "
        "are for one loop's own thread: from others send a call there with "
        "async_call_soon_threadsafe",
        asyncp_label(wait->coroutine->task).text, wait->call);
}

void asyncp_memory_gone(const struct wait *wait)
{
    asyncp_misuse(
        "%s waits in %s for something that was freed, copied or overwritten; an event, a lock or a "
        "queue must outlive its waiters: declare it before the task group that they are in",
        asyncp_label(wait->coroutine->task).text, wait->call);
}

void asyncp_wake(struct wait *wait, struct waiter *winner, int result)
{
    loop_wake(asyncp_current, wait, winner, result);
}

/*
 * Walks the list from both ends at once: thousands of waiters have left the caches and the TLB, and
 * two independent memory accesses take the time of one. The tasks run in the order of the list.
 */
void asyncp_wake_all(struct list *list, int result)
{
    struct async_loop *loop = asyncp_current;
    struct ready *chain = NULL, *end = NULL; /* from the end of the list */
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
        ready_append(&loop->sched.ready, chain, end);
}

void asyncp_wake_elsewhere(struct wait *wait, struct waiter *winner, int result)
{
    struct async_loop *loop = wait->coroutine->task->loop;
    if (!loop_is_inherited(loop))
        asyncp_wrong_thread(wait); /* such objects belong to the thread of one loop */
    loop_wake(loop, wait, winner, result);
}

bool asyncp_drop_inherited(struct list *line)
{
    for (struct link *link = list_first(line), *next; link != NULL; link = next) {
        next = list_after(line, link);
        struct waiter *waiter = CONTAINER_OF(link, struct waiter, link);
        struct async_loop *loop = waiter->wait->coroutine->task->loop;
        if (loop_is_inherited(loop))
            loop_wake(loop, waiter->wait, waiter, -ECANCELED);
    }
    return list_empty(line);
}

void asyncp_cancel_wait(struct wait *wait)
{
    asyncp_wake(wait, NULL, -ECANCELED);
}

void asyncp_yield_once(struct async_loop *loop)
{
    struct coroutine *self = loop->sched.current;
    if (loop->sched.ready.first == NULL && loop_is_undisturbed(loop)) {
        loop->sched.turns_left--; /* nothing else is ready: this task runs on */
        return;
    }
    ready_push(&loop->sched.ready, &self->ready);
    loop_stop(loop, self); /* a tail call: leaves no frame on the stack meanwhile */
}

/*
 * In deterministic mode the burst is not cut short: everything ready at its beginning runs before
 * the poll.
 */
void asyncp_yield(struct async_loop *loop)
{
    if (!loop->clock.deterministic)
        loop_begin_burst(loop, 0);
    asyncp_yield_once(loop);
}

int asyncp_fail_cancelled(struct async_loop *loop)
{
    enum { MANY_REFUSALS = 100 };
    struct coroutine *self = loop->sched.current;
    if (++self->refusals == MANY_REFUSALS && loop_is_debug(loop))
        loop_note_refusals(loop, self->task->id);
    asyncp_yield_once(loop);
    return -ECANCELED;
}

void asyncp_forked_end(struct coroutine *self)
{
    struct async_loop *loop = self->task->loop;
    loop->inheritance.forked_task = self->task;
    loop->sched.current = NULL;
    loop_switch(loop, &self->context, &loop->sched.context);
    asyncp_misuse("a task that forked was resumed after its end");
}
