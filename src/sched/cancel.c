/*
 * sched/cancel.c: requests to cancel: how they reach tasks, and which tasks they apply to.
 *
 * A join forwards its request to the awaited tasks, which may be joins again, a million deep.
 * Delivery therefore does not recurse: coroutines to be notified form a queue, which the outermost
 * caller empties. If one of them forwards the request, its targets are inserted next, in the order
 * of a depth-first recursion. All of this is one round. In a round a request reaches each coroutine
 * at most once, however many joins lead to it.
 *
 * A coroutine is `cancel_pending` while a cancellation is pending for it. This is so if a scope
 * inside the innermost shield is an expired timeout or a failed group, or if no shield is in force
 * and the task has unanswered requests. Calls that switch then fail with -ECANCELED.
 */
#include "sched/cancel.h"
#include "sched/sched.h"
#include <asyncio/time.h>

/* A constant struct error_message with its text. */
struct reason_text {
    int code;
    size_t size; /* 0: a constant */
    char text[40];
};

_Static_assert(offsetof(struct reason_text, text) == offsetof(struct error_message, text),
               "struct reason_text begins as struct error_message");

const struct error_message *asyncp_reason(enum reason reason)
{
    static const struct reason_text reasons[] = {
        [REASON_LIMIT] = {-ECANCELED, 0, "a time limit ran out"},
        [REASON_SIBLING] = {-ECANCELED, 0, "a task of its group failed"},
        [REASON_LEFT] = {-ECANCELED, 0, "its group was left or cancelled"},
        [REASON_RACE] = {-ECANCELED, 0, "another attempt succeeded first"},
        [REASON_SIGINT] = {-ECANCELED, 0, "interrupted by SIGINT"},
        [REASON_SIGTERM] = {-ECANCELED, 0, "interrupted by SIGTERM"},
        [REASON_END] = {-ECANCELED, 0, "the run has ended"},
        [REASON_DEADLOCK] = {-ECANCELED, 0, "a deadlock: nothing could wake it"},
    };
    return (const struct error_message *)(const void *)&reasons[reason];
}

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

/* Cancels the wait of the coroutine, if there is one and it can be cancelled. */
static void deliver_request(struct coroutine *coroutine)
{
    struct wait *wait = coroutine->wait;
    if (wait != NULL && !wait->claimed && wait->cancel != NULL)
        wait->cancel(wait);
}

static void deliver_round(struct async_loop *loop)
{
    while (loop->cancel.first != NULL) {
        struct coroutine *coroutine = loop->cancel.first;
        loop->cancel.first = coroutine->next_refused;
        loop->cancel.place = &loop->cancel.first;
        deliver_request(coroutine);
    }
    loop->cancel.delivering = false;
}

/* A nested call adds to the current round; the outermost call delivers. */
bool asyncp_round_begin(struct async_loop *loop, const struct error_message *reason)
{
    if (loop->cancel.delivering)
        return false;
    loop->cancel.delivering = true;
    loop->cancel.round++;
    loop->cancel.reason = reason;
    loop->cancel.place = &loop->cancel.first;
    return true;
}

void asyncp_round_end(struct async_loop *loop, bool is_new)
{
    if (is_new)
        deliver_round(loop);
}

uint64_t asyncp_round_pass_on(struct async_loop *loop, struct coroutine *self)
{
    self->request_round = loop->cancel.round + (loop->cancel.delivering ? 0 : 1);
    return self->request_round;
}

/* Copies the reason. If memory is out, the coroutine has none. */
static void replace_reason(struct async_loop *loop, struct coroutine *coroutine,
                           const struct error_message *reason)
{
    const struct error_message *old = coroutine->reason;
    coroutine->reason = reason != NULL ? asyncp_error_message_copy(&loop->memory, reason) : NULL;
    asyncp_error_message_free(&loop->memory, error_message_unconst(old));
}

/* The message of an earlier -ECANCELED would hide the reason of this one. */
static void drop_old_cancellation(struct async_loop *loop, struct coroutine *coroutine)
{
    if (coroutine->message == NULL || coroutine->message->code != -ECANCELED)
        return;
    asyncp_error_message_free(&loop->memory, coroutine->message);
    coroutine->message = NULL;
}

/* Whether a request is pending, even if a shield masks it. The reason is kept as long. */
static bool has_request(const struct coroutine *coroutine)
{
    return coroutine->requests > 0 || coroutine->cancel_pending;
}

/*
 * Recomputes `cancel_pending`; if it is set, the coroutine joins the delivery queue of this round.
 */
static void apply_request(struct async_loop *loop, struct coroutine *coroutine)
{
    coroutine->request_round = loop->cancel.round;
    coroutine->cancel_pending = is_refused(coroutine);
    if (!coroutine->cancel_pending)
        return;
    coroutine->next_refused = *loop->cancel.place;
    *loop->cancel.place = coroutine;
    loop->cancel.place = &coroutine->next_refused;
}

void asyncp_round_ask(struct async_loop *loop, struct async_task *task)
{
    if (task == NULL || task_done(task))
        return;
    if (task_is_future(task)) {
        if (loop->cancel.reason != NULL)
            task->message = asyncp_error_message_copy(&loop->memory, loop->cancel.reason);
        asyncp_future_settle(task, -ECANCELED);
        return;
    }
    if (task->coroutine->request_round == loop->cancel.round)
        return;
    if (loop->cancel.reason != NULL || !has_request(task->coroutine))
        replace_reason(loop, task->coroutine, loop->cancel.reason);
    drop_old_cancellation(loop, task->coroutine);
    task->coroutine->requests++;
    task->coroutine->refusals = 0;
    apply_request(loop, task->coroutine);
}

void asyncp_request(struct async_loop *loop, async_task *const tasks[], size_t count,
                    const struct error_message *reason)
{
    bool is_new = asyncp_round_begin(loop, reason);
    for (size_t i = 0; i < count; i++)
        asyncp_round_ask(loop, tasks[i]);
    asyncp_round_end(loop, is_new);
}

bool async_task_cancel(async_task *task)
{
    if (task == NULL)
        return false;
    task_check(task, "async_task_cancel", false);
    loop_check_handler(task->loop, "async_task_cancel");
    if (task_done(task))
        return false;
    asyncp_request(task->loop, &task, 1, NULL);
    return true;
}

bool async_task_cancel_because(async_task *task, const char *format, ...)
{
    if (task == NULL)
        return false;
    task_check(task, "async_task_cancel_because", false);
    loop_check_handler(task->loop, "async_task_cancel_because");
    if (task_done(task))
        return false;
    va_list arguments;
    va_start(arguments, format);
    struct error_message *reason = format != NULL
                                       ? asyncp_error_message_new(&task->loop->memory, -ECANCELED,
                                                                  format, arguments)
                                       : NULL;
    va_end(arguments);
    asyncp_request(task->loop, &task, 1, reason);
    asyncp_error_message_free(&task->loop->memory, reason);
    return true;
}

int async_task_uncancel(async_task *task)
{
    if (task == NULL)
        return 0;
    task_check(task, "async_task_uncancel", false);
    if (task_done(task) || task_is_future(task))
        return 0;
    struct coroutine *self = task->coroutine;
    if (self->requests > 0)
        self->requests--;
    self->cancel_pending = is_refused(self);
    if (!has_request(self) && self->reason != NULL)
        replace_reason(self->task->loop, self, NULL);
    return (int)self->requests;
}

int async_task_cancelling(const async_task *task)
{
    if (task == NULL)
        return 0;
    task_check(task, "async_task_cancelling", false);
    return task_done(task) ? 0 : (int)task->coroutine->requests;
}

/* Beginning a scope twice would make it its own outer scope: an endless list. */
static void check_scope_is_new(const struct coroutine *self, const struct scope *scope,
                               const char *call)
{
    ENSURE(scope != NULL, "%s: the scope is NULL", call);
    for (const struct scope *other = self->scopes; other != NULL; other = other->outer)
        ENSURE(other != scope,
               "%s: %s begins a scope that it has not ended; end the scope on every way out of the "
               "block",
               call, asyncp_label(self->task).text);
}

void asyncp_scope_enter(struct async_loop *loop, struct scope *scope, enum scope_kind kind,
                        const char *call)
{
    struct coroutine *self = loop_running(loop);
    check_scope_is_new(self, scope, call);
    *scope = (struct scope){.outer = self->scopes, .coroutine = self, .kind = kind, .again = self};
    self->scopes = scope;
    if (kind == SCOPE_SHIELD)
        self->cancel_pending = false;
}

struct scope *asyncp_scope_leave(struct async_loop *loop, struct scope *scope, enum scope_kind kind,
                                 const char *call)
{
    struct coroutine *self = loop_running(loop);
    struct scope *innermost = self->scopes;
    ENSURE(innermost != NULL && (scope == NULL || scope == innermost) && innermost->kind == kind,
           "%s: this is not the innermost scope of %s; a block was left without the end of its "
           "scope",
           call, asyncp_label(self->task).text);
    asyncp_timer_clear(loop, &innermost->timer);
    innermost->again = NULL;
    self->scopes = innermost->outer;
    self->cancel_pending = is_refused(self);
    bool timed_out = kind == SCOPE_TIMEOUT && innermost->expired; /* a group keeps the reason */
    if (unlikely(timed_out) && !has_request(self) && self->reason != NULL)
        replace_reason(loop, self, NULL);
    return innermost;
}

struct scope **asyncp_scope_place(struct async_loop *loop, const struct scope *scope,
                                  const char *call)
{
    struct coroutine *self = loop_running(loop);
    struct scope **place = &self->scopes;
    while (*place != NULL && *place != scope && (*place)->kind != SCOPE_GROUP)
        place = &(*place)->outer;
    ENSURE(*place == scope,
           "%s: this is not the innermost task group of %s; one that was declared later is left or "
           "waited for first",
           call, asyncp_label(self->task).text);
    return place;
}

void asyncp_scope_remove(struct async_loop *loop, struct scope **place)
{
    (*place)->again = NULL;
    *place = (*place)->outer;
    loop_running(loop)->cancel_pending = is_refused(loop_running(loop));
}

void asyncp_scope_expire(struct scope *scope, int error, enum reason reason)
{
    struct async_loop *loop = scope->coroutine->task->loop;
    scope->expired = true;
    scope->error = error;
    scope->coroutine->refusals = 0; /* of earlier requests */
    bool is_new = asyncp_round_begin(loop, asyncp_reason(reason));
    if (scope->coroutine->requests == 0) /* the reason of a request outlives the scope */
        replace_reason(loop, scope->coroutine, loop->cancel.reason);
    apply_request(loop, scope->coroutine);
    asyncp_round_end(loop, is_new);
}
