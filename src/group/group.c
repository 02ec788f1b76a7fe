/*
 * group/group.c: task groups. A group is a scope of the declaring task, and expires when a child
 * fails. It is the maker of its children and a listener of the end of each. Beyond a plain
 * task, a child costs its entry in two lists, which needs no memory besides its control block.
 *
 * Invariants: `children` holds the children not yet ended, `live` in number. `running` of them were
 * given to the scheduler; the others are in `queued`, which is empty while running < limit. The
 * records of ended children are kept in the order of their ends in a list from `first_ended` to
 * `last_ended`; async_group_next has returned those before `next_result`.
 */
#include "base/options.h"
#include "sched/current.h"
#include "sched/pace.h"
#include <asyncio/group.h>

struct group {
    struct asyncp_maker maker; /* its address is that of the group: inspect/graph.c */
    struct scope scope;        /* expires when a child fails */
    struct list children;      /* of struct member */
    size_t live;
    size_t running;
    size_t limit; /* of running; SIZE_MAX: none */
    struct ready_queue queued;
    struct async_task *first_ended; /* NULL: no records */
    struct async_task *last_ended;  /* undefined without records */
    struct async_task *next_result; /* NULL: all were returned */
    struct wait *wait;              /* of the owner in a call of the group; NULL: none */
    /* the source of the group's error; NULL: none, or no memory for a child */
    struct async_task *first_failed;
    uint64_t passed_on;  /* the latest request round of the owner received by the children */
    int error;           /* the first failure; 0: none */
    bool discard;        /* records of ended children are not kept */
    bool wants_next;     /* wait ends with the next child, else with the last */
    bool some_cancelled; /* a child ended with -ECANCELED */
    bool closing;        /* rejects new children */
    bool waited;         /* async_group_wait has returned and has removed the scope */
};

_Static_assert(offsetof(struct group, maker) == 0, "a child points to the maker of its group");
_Static_assert(sizeof(async_task_group) >= sizeof(struct group) &&
                   _Alignof(async_task_group) >= _Alignof(struct group),
               "async_task_group must have room for struct group");

static struct group *group_of(async_task_group *group, const char *call)
{
    ENSURE(group != NULL, "%s: the group is NULL", call);
    struct group *inside = (struct group *)group;
    ENSURE(inside->scope.coroutine != NULL,
           "%s: the group was not declared by ASYNC_TASK_GROUP, or its block has been left", call);
    const struct async_loop *loop = inside->scope.coroutine->task->loop;
    if (unlikely(loop != asyncp_current))
        asyncp_wrong_loop(loop, call, "the task group");
    return inside;
}

/* The group, for a call reserved for its owner, before async_group_wait has returned. */
static struct group *owned_group(const struct async_loop *loop, async_task_group *public_group,
                                 const char *call)
{
    struct group *group = group_of(public_group, call);
    ENSURE(group->scope.coroutine == loop_running(loop),
           "%s: the task group belongs to %s, but was used by %s", call,
           asyncp_label(group->scope.coroutine->task).text,
           asyncp_label(loop_running(loop)->task).text);
    ENSURE(!group->waited,
           "%s: the task group was waited for already; that is done once, and ends it", call);
    return group;
}

static void request_children(struct async_loop *loop, struct group *group)
{
    LIST_EACH (link, &group->children) {
        struct member *member = CONTAINER_OF(link, struct member, sibling);
        asyncp_round_ask(loop, CONTAINER_OF(member, struct coroutine, member)->task);
    }
}

static void cancel_children(struct async_loop *loop, struct group *group,
                            const struct error_message *reason)
{
    bool is_new = asyncp_round_begin(loop, reason);
    request_children(loop, group);
    asyncp_round_end(loop, is_new);
}

/* The first failure cancels the other children, and then expires the group's scope. */
OUT_OF_LINE static void fail_group(struct async_loop *loop, struct group *group, int error,
                                   struct async_task *task)
{
    if (group->error != 0)
        return;
    group->error = error;
    group->first_failed = task;
    if (group->closing)
        return;
    group->closing = true;
    bool is_new = asyncp_round_begin(loop, asyncp_reason(REASON_SIBLING));
    request_children(loop, group);
    asyncp_scope_expire(&group->scope, error, REASON_SIBLING);
    group->passed_on = group->scope.coroutine->request_round;
    asyncp_round_end(loop, is_new);
}

/* Keeps the record of an ended child. */
static void keep_record(struct group *group, struct async_task *task)
{
    task->next_ended = NULL;
    if (group->first_ended == NULL)
        group->first_ended = task;
    else
        group->last_ended->next_ended = task;
    group->last_ended = task;
    if (group->next_result == NULL)
        group->next_result = task;
}

/* The record of the first failure is kept even with `discard`. */
OUT_OF_LINE static void child_failed(struct async_loop *loop, struct group *group,
                                     struct async_task *task)
{
    if (task->result == -ECANCELED) {
        group->some_cancelled = true;
        return;
    }
    task->seen = group->error != 0; /* the group returns only the first */
    if (group->discard && group->error == 0) {
        task->references |= TASK_BORROWED;
        keep_record(group, task);
    }
    fail_group(loop, group, task->result, task);
}

static void start_queued(struct async_loop *loop, struct group *group)
{
    if (group->queued.first == NULL) {
        group->running--;
        return;
    }
    struct ready *next = ready_pop(&group->queued);
    coroutine_of_ready(next)->throttled = false;
    loop_push(loop, next);
}

/* The listener of a child. A wait of the owner is woken before a failure can cancel it. */
static void child_ended(struct async_loop *loop, struct waiter *listener, struct async_task *task)
{
    struct member *member = CONTAINER_OF(listener, struct member, listener);
    struct group *group = CONTAINER_OF(member->group, struct group, maker);
    ENSURE(list_is_linked(&member->sibling),
           "%s: its task group was freed or overwritten; the group's block was left without ending "
           "the group, perhaps by longjmp",
           asyncp_label(task).text);
    list_remove(&member->sibling);
    group->live--;
    if (group->discard)
        task->references &= ~TASK_BORROWED;
    else
        keep_record(group, task);
    start_queued(loop, group);
    bool awaited = group->wait != NULL && !group->wait->claimed;
    if (awaited && (group->live == 0 || group->wants_next))
        loop_wake(loop, group->wait, NULL, 0);
    if (unlikely(task->result < 0))
        child_failed(loop, group, task);
}

static int start_child(struct async_loop *loop, struct asyncp_maker *maker,
                       struct coroutine *coroutine)
{
    struct group *group = CONTAINER_OF(maker, struct group, maker);
    if (unlikely(coroutine == NULL && !group->closing))
        fail_group(loop, group, -ENOMEM, NULL);
    if (unlikely(group->closing))
        return -ECANCELED;
    struct member *member = &coroutine->member;
    member->group = maker;
    listen_on(&member->listener, child_ended, &coroutine->task->waiters);
    list_append(&group->children, &member->sibling);
    coroutine->task->references = TASK_BORROWED;
    group->live++;
    bool room = group->running < group->limit;
    group->running += room;
    if (!room) {
        coroutine->throttled = true;
        ready_push(&group->queued, &coroutine->ready);
    }
    return room;
}

const async_task_options *asyncp_group_options(async_task_group *public_group,
                                               const async_task_options *options,
                                               async_task_options *storage)
{
    struct group *group = group_of(public_group, "async_group_create_task");
    if (options != NULL)
        *storage = *options;
    storage->asyncp_maker = &group->maker;
    return storage;
}

void asyncp_group_begin(async_task_group *public_group, const async_group_options *options)
{
    struct async_loop *loop = loop_enter("ASYNC_TASK_GROUP");
    OPTIONS_CHECK(options, "ASYNC_TASK_GROUP_WITH");
    struct group *group = (struct group *)public_group;
    *group = (struct group){.maker.start = start_child, .limit = SIZE_MAX};
    if (options != NULL && options->limit != 0)
        group->limit = options->limit;
    group->discard = options != NULL && options->discard;
    asyncp_scope_enter(loop, &group->scope, SCOPE_GROUP, "ASYNC_TASK_GROUP");
}

/* Passes the owner's cancel request on. A child started now would be cancelled at once. */
static void pass_request_to_children(struct async_loop *loop, struct group *group)
{
    group->passed_on = asyncp_round_pass_on(loop, group->scope.coroutine);
    group->closing = true;
    const struct error_message *reason = group->scope.coroutine->reason;
    cancel_children(loop, group, reason != NULL ? reason : asyncp_reason(REASON_LEFT));
}

struct group_wait {
    struct wait wait;
    struct group *group;
};

static void refuse_group_wait(struct wait *wait)
{
    pass_request_to_children(wait->coroutine->task->loop,
                             CONTAINER_OF(wait, struct group_wait, wait)->group);
}

/* Waits repeatedly, because children may create more children until they have ended. */
static void wait_for_children(struct async_loop *loop, struct group *group, const char *call)
{
    struct group_wait waiting;
    waiting.group = group;
    while (group->live > 0) {
        if (loop_running(loop)->cancel_pending &&
            group->passed_on != loop_running(loop)->request_round)
            pass_request_to_children(loop, group);
        wait_init(&waiting.wait, call, group, refuse_group_wait);
        group->wants_next = false;
        group->wait = &waiting.wait;
        asyncp_park(loop, &waiting.wait);
        group->wait = NULL;
    }
    group->closing = true;
}

int async_group_wait(async_task_group *public_group)
{
    struct async_loop *loop = loop_enter("async_group_wait");
    struct group *group = owned_group(loop, public_group, "async_group_wait");
    asyncp_scope_place(loop, &group->scope, "async_group_wait");
    if (unlikely(loop_running(loop)->cancel_pending)) {
        if (group->passed_on != loop_running(loop)->request_round)
            pass_request_to_children(loop, group);
        asyncp_fail_cancelled(loop);
    }
    wait_for_children(loop, group, "async_group_wait");
    async_ignore(paced(loop, PACE_STEP, 0));
    asyncp_scope_remove(loop, asyncp_scope_place(loop, &group->scope, "async_group_wait"));
    group->waited = true;
    if (group->first_failed != NULL)
        return async_task_result(group->first_failed);
    if (group->error != 0)
        return group->error;
    return group->some_cancelled && loop_running(loop)->cancel_pending ? -ECANCELED : 0;
}

/* Releases the kept records. After async_group_wait, failures count as seen. */
static void release_records(struct group *group)
{
    for (struct async_task *task = group->first_ended, *next; task != NULL; task = next) {
        next = task->next_ended;
        task->references &= ~TASK_BORROWED;
        task->taken_by = 0;
        task->seen = task->seen || group->waited;
        task_release(task);
    }
}

void asyncp_group_leave(async_task_group *public_group)
{
    struct group *group = (struct group *)public_group;
    struct async_loop *loop = loop_leave("the end of a task group");
    if (!group->waited) {
        if (!group->closing && group->live > 0 && !loop_is_inherited(loop))
            pass_request_to_children(loop, group);
        if (!loop_is_inherited(loop)) /* in a child of fork() no child of the group ends */
            wait_for_children(loop, group, "the end of a task group");
        asyncp_scope_leave(loop, &group->scope, SCOPE_GROUP, "the end of a task group");
    }
    if (!loop_is_inherited(loop))
        release_records(group);
    group->scope.coroutine = NULL;
}

void async_group_cancel(async_task_group *public_group)
{
    struct group *group = group_of(public_group, "async_group_cancel");
    cancel_children(asyncp_current, group, asyncp_reason(REASON_LEFT));
}

/* Waits until a child ends. 0 or -ECANCELED. */
static int wait_for_next_child(struct async_loop *loop, struct group *group)
{
    struct wait wait;
    wait_init(&wait, "async_group_next", group, asyncp_cancel_wait);
    group->wants_next = true;
    group->wait = &wait;
    int result = asyncp_park(loop, &wait);
    group->wait = NULL;
    return result;
}

int async_group_next(async_task_group *public_group, async_task **ended)
{
    struct async_loop *loop = loop_enter("async_group_next");
    struct group *group = owned_group(loop, public_group, "async_group_next");
    async_task *nowhere;
    ended = ended != NULL ? ended : &nowhere;
    *ended = NULL;
    if (loop_running(loop)->cancel_pending)
        return asyncp_fail_cancelled(loop);
    if (group->discard)
        return async_fail(
            -EINVAL,
            "async_group_next: the group was begun with discard, so no child can be returned");
    if (group->next_result == NULL && group->live == 0)
        return -ENODATA;
    int result = group->next_result == NULL ? wait_for_next_child(loop, group) : 0;
    if (result < 0)
        return result;
    *ended = group->next_result;
    group->next_result = group->next_result->next_ended;
    return paced(loop, PACE_STEP, async_task_result(*ended));
}
