/*
 * sched/cancel.c: requests to cancel, from the caller to whatever the task is stopped in.
 *
 * A join passes its request on to what it joins, which may be a join again, a million deep. So a
 * request is not delivered by recursion: coroutines it is on its way to stand in a list, and the
 * first caller empties it. Those that one of them passes it on to come next and in their order, as
 * they would in a recursion. All of that is a round; in one round a request reaches a coroutine
 * once, however many ways lead there.
 *
 * A coroutine is refused if, from the innermost scope outwards and before any shield, there is a
 * timeout that has expired or a group that has failed; or if no shield is in force and a request to
 * cancel the task is not answered.
 */
#include "sched/cancel.h"
#include "sched/sched.h"
#include <asyncio/time.h>

/* As struct sentence, with room for the words. */
struct reason_text {
    int code;      /* -ECANCELED */
    size_t size;   /* 0 */
    char text[40]; /* why */
};

_Static_assert(offsetof(struct reason_text, text) == offsetof(struct sentence, text),
               "it is a sentence");

const struct sentence *asyncp_reason(enum reason reason)
{
    static const struct reason_text reasons[] = {
        [REASON_LIMIT] = {-ECANCELED, 0, "a time limit ran out"},
        [REASON_SIBLING] = {-ECANCELED, 0, "a task of its group failed"},
        [REASON_LEFT] = {-ECANCELED, 0, "its group was left or cancelled"},
        [REASON_RACE] = {-ECANCELED, 0, "another attempt succeeded first"},
        [REASON_SIGINT] = {-ECANCELED, 0, "interrupted by SIGINT"},
        [REASON_END] = {-ECANCELED, 0, "the run has ended"},
    };
    return (const struct sentence *)(const void *)&reasons[reason];
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

/* Tells what the coroutine is stopped in, if it is and if that can be refused. */
static void deliver(struct coroutine *coroutine)
{
    struct wait *wait = coroutine->wait;
    if (wait != NULL && !wait->claimed && wait->refuse != NULL)
        wait->refuse(wait);
}

static void deliver_all(struct async_loop *loop)
{
    while (loop->cancel.first != NULL) {
        struct coroutine *coroutine = loop->cancel.first;
        loop->cancel.first = coroutine->next_refused;
        loop->cancel.place = &loop->cancel.first;
        deliver(coroutine);
    }
    loop->cancel.delivering = false;
}

/* Inside a round it is that round's beginner who delivers. */
bool asyncp_round_begin(struct async_loop *loop, const struct sentence *reason)
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
        deliver_all(loop);
}

uint64_t asyncp_round_pass_on(struct async_loop *loop, struct coroutine *self)
{
    self->request_round = loop->cancel.round + (loop->cancel.delivering ? 0 : 1);
    return self->request_round;
}

/* Gives the coroutine a copy; one that memory is out for is as if nobody had said why. */
static void replace_reason(struct async_loop *loop, struct coroutine *coroutine,
                           const struct sentence *reason)
{
    const struct sentence *old = coroutine->reason;
    coroutine->reason = reason != NULL ? asyncp_sentence_copy(&loop->memory, reason) : NULL;
    asyncp_sentence_free(&loop->memory, sentence_handed_on(old));
}

/*
 * Whether anything is asked of it and not answered, though a shelter may withhold that; what it was
 * asked for holds.
 */
static bool is_asked(const struct coroutine *coroutine)
{
    return coroutine->requests > 0 || coroutine->refused;
}

/*
 * What is asked of the coroutine has changed; if it is refused now, what it is stopped in will hear
 * of it.
 */
static void reach(struct async_loop *loop, struct coroutine *coroutine)
{
    coroutine->request_round = loop->cancel.round;
    coroutine->refused = is_refused(coroutine);
    if (!coroutine->refused)
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
            task->sentence = asyncp_sentence_copy(&loop->memory, loop->cancel.reason);
        asyncp_future_settle(task, -ECANCELED);
        return;
    }
    if (task->coroutine->request_round == loop->cancel.round)
        return;
    if (loop->cancel.reason != NULL || !is_asked(task->coroutine))
        replace_reason(loop, task->coroutine, loop->cancel.reason);
    task->coroutine->requests++;
    task->coroutine->refusals = 0;
    reach(loop, task->coroutine);
}

void asyncp_request(struct async_loop *loop, async_task *const tasks[], size_t count,
                    const struct sentence *reason)
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
    struct sentence *reason = format != NULL ? asyncp_sentence_new(&task->loop->memory, -ECANCELED,
                                                                   format, arguments)
                                             : NULL;
    va_end(arguments);
    asyncp_request(task->loop, &task, 1, reason);
    asyncp_sentence_free(&task->loop->memory, reason);
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
    self->refused = is_refused(self);
    if (!is_asked(self) && self->reason != NULL)
        replace_reason(self->task->loop, self, NULL); /* it was answered */
    return (int)self->requests;
}

int async_task_cancelling(const async_task *task)
{
    if (task == NULL)
        return 0;
    task_check(task, "async_task_cancelling", false);
    return task_done(task) ? 0 : (int)task->coroutine->requests;
}

/*
 * One that is in force would become its own outer scope, and whoever walks them would walk for
 * ever.
 */
static void check_new(const struct coroutine *self, const struct scope *scope, const char *call)
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
    check_new(self, scope, call);
    *scope = (struct scope){.outer = self->scopes, .coroutine = self, .kind = kind, .again = self};
    self->scopes = scope;
    if (kind == SCOPE_SHIELD)
        self->refused = false;
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
    self->refused = is_refused(self);
    bool ran_out = kind == SCOPE_TIMEOUT &&
                   innermost->expired; /* that of a group may leave the block with -ECANCELED */
    if (unlikely(ran_out) && !is_asked(self) && self->reason != NULL)
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
    loop_running(loop)->refused = is_refused(loop_running(loop));
}

void asyncp_scope_expire(struct scope *scope, int error, enum reason reason)
{
    struct async_loop *loop = scope->coroutine->task->loop;
    scope->expired = true;
    scope->error = error;
    bool is_new = asyncp_round_begin(loop, asyncp_reason(reason));
    if (scope->coroutine->requests == 0) /* what a request was made for outlives the scope */
        replace_reason(loop, scope->coroutine, loop->cancel.reason);
    reach(loop, scope->coroutine);
    asyncp_round_end(loop, is_new);
}
