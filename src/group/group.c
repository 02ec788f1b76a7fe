/*
 * group/group.c: task groups. A group is a scope of the task that declared it, and expires when a
 * child fails; it is the starter of its children, and a listener of each one's end. So what a child
 * costs beyond a task is being put into two lists and taken out again, all of it in its own control
 * block.
 *
 * Invariants: `children` are those that have not ended, `live` of them; of these `running` were
 * given to the loop, and the others stand in `queued`, which is empty while there is room. The
 * group keeps the records of all that ended, from `first_ended` on in the order of their ends; from
 * `ungiven` on async_group_next has not given them.
 */
#include "base/options.h"
#include "sched/fork.h"
#include "sched/pace.h"
#include <asyncio/group.h>

struct group {
    struct scope scope;             /* of its task; expired when a child has failed */
    struct asyncp_maker maker;      /* of its children */
    struct list children;           /* that have not ended, as members */
    size_t live;                    /* how many */
    size_t running;                 /* of those, how many may run */
    size_t limit;                   /* how many may at a time; SIZE_MAX: all */
    struct ready_queue queued;      /* those that wait until they may */
    struct async_task *first_ended; /* of the records it keeps; NULL: none */
    struct async_task *last_ended;  /* meaningless when there is none */
    struct async_task *ungiven;     /* the next to be given; NULL: none */
    struct wait *wait;              /* its task waits for it; NULL: it does not */
    /* whose error is the group's; NULL: none, or that of no task */
    struct async_task *first_failed;
    uint64_t passed_on;  /* the last round of requests to its task that the children were told of */
    int error;           /* that it failed with; 0: it has not */
    bool discard;        /* records of children that ended are not kept */
    bool wants_next;     /* its task waits for the end of one child, else of all */
    bool some_cancelled; /* a child ended with -ECANCELED */
    bool closing;        /* no more children */
    bool waited;         /* async_group_wait has returned, and the scope is gone */
};

_Static_assert(sizeof(async_task_group) >= sizeof(struct group),
               "the public struct holds the group");
_Static_assert(_Alignof(async_task_group) >= _Alignof(struct group), "and is aligned for it");

static struct group *group_of(async_task_group *group, const char *call)
{
    ENSURE(group != NULL, "%s: the group is NULL", call);
    struct group *inside = (struct group *)group;
    ENSURE(inside->scope.coroutine != NULL,
           "%s: ASYNC_TASK_GROUP did not declare this group, or its block was left", call);
    const struct async_loop *loop = inside->scope.coroutine->task->loop;
    if (unlikely(loop != asyncp_current))
        asyncp_wrong_loop(loop, call, "the task group");
    return inside;
}

/* The group, for a call that only its own task may make, and before it has waited for it. */
static struct group *own_group(const struct async_loop *loop, async_task_group *public_group,
                               const char *call)
{
    struct group *group = group_of(public_group, call);
    ENSURE(group->scope.coroutine == loop_running(loop),
           "%s: the task group belongs to %s, and this is %s", call,
           asyncp_label(group->scope.coroutine->task).text,
           asyncp_label(loop_running(loop)->task).text);
    ENSURE(!group->waited, "%s: the task group has been waited for already", call);
    return group;
}

static void ask_children(struct async_loop *loop, struct group *group)
{
    LIST_EACH (link, &group->children) {
        struct member *member = CONTAINER_OF(link, struct member, sibling);
        asyncp_round_ask(loop, CONTAINER_OF(member, struct coroutine, member)->task);
    }
}

static void cancel_children(struct async_loop *loop, struct group *group,
                            const struct sentence *reason)
{
    bool is_new = asyncp_round_begin(loop, reason);
    ask_children(loop, group);
    asyncp_round_end(loop, is_new);
}

/*
 * The first failure: the siblings are asked to end, and then the task that declared the group is
 * refused.
 */
OUT_OF_LINE static void fail(struct async_loop *loop, struct group *group, int error,
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
    ask_children(loop, group);
    asyncp_scope_expire(&group->scope, error, REASON_SIBLING);
    group->passed_on = group->scope.coroutine->request_round;
    asyncp_round_end(loop, is_new);
}

/* ---- the life of a child -------------------------------------------------------------------- */

/* Keeps the record of a child that has ended. */
static void keep(struct group *group, struct async_task *task)
{
    task->next_ended = NULL;
    if (group->first_ended == NULL)
        group->first_ended = task;
    else
        group->last_ended->next_ended = task;
    group->last_ended = task;
    if (group->ungiven == NULL)
        group->ungiven = task;
}

/* A failure is the group's, and its record is kept in any case. */
OUT_OF_LINE static void child_failed(struct async_loop *loop, struct group *group,
                                     struct async_task *task)
{
    if (task->result == -ECANCELED) {
        group->some_cancelled = true;
        return;
    }
    task->seen = group->error != 0; /* one is enough */
    if (group->discard && group->error == 0) {
        task->references |= TASK_KEPT;
        keep(group, task);
    }
    fail(loop, group, task->result, task);
}

static void start_queued(struct async_loop *loop, struct group *group)
{
    if (group->queued.first == NULL) {
        group->running--;
        return;
    }
    struct ready *next = ready_pop(&group->queued);
    coroutine_of_ready(next)->held_back = false;
    loop_push(loop, next);
}

/* The listener of a child. Whoever waits for this one child is told before a failure refuses it. */
static void child_ended(struct async_loop *loop, struct waiter *listener, struct async_task *task)
{
    struct member *member = CONTAINER_OF(listener, struct member, listener);
    struct group *group = CONTAINER_OF(member->group, struct group, maker);
    ENSURE(list_is_linked(&member->sibling),
           "%s is the child of a task group whose memory is gone or was written over; a block was "
           "left, perhaps by longjmp, without the end of its group",
           asyncp_label(task).text);
    list_remove(&member->sibling);
    group->live--;
    if (group->discard)
        task->references &= ~TASK_KEPT;
    else
        keep(group, task);
    start_queued(loop, group);
    bool awaited = group->wait != NULL && !group->wait->claimed;
    if (awaited && (group->live == 0 || group->wants_next))
        loop_wake(loop, group->wait, NULL, 0);
    if (unlikely(task->result < 0))
        child_failed(loop, group, task);
}

static int start(struct async_loop *loop, struct asyncp_maker *maker, struct coroutine *coroutine)
{
    struct group *group = CONTAINER_OF(maker, struct group, maker);
    if (unlikely(coroutine == NULL && !group->closing))
        fail(loop, group, -ENOMEM, NULL);
    if (unlikely(group->closing))
        return -ECANCELED;
    struct member *member = &coroutine->member;
    member->group = maker;
    listen_on(&member->listener, child_ended, &coroutine->task->waiters);
    list_append(&group->children, &member->sibling);
    coroutine->task->references = TASK_KEPT;
    group->live++;
    bool room = group->running < group->limit;
    group->running += room;
    if (!room) {
        coroutine->held_back = true;
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

/* ---- beginning and end ---------------------------------------------------------------------- */

void asyncp_group_begin(async_task_group *public_group, const async_group_options *options)
{
    struct async_loop *loop = loop_enter("ASYNC_TASK_GROUP");
    OPTIONS_CHECK(options, "ASYNC_TASK_GROUP_WITH");
    struct group *group = (struct group *)public_group;
    *group = (struct group){.maker.start = start, .limit = SIZE_MAX};
    if (options != NULL && options->limit != 0)
        group->limit = options->limit;
    group->discard = options != NULL && options->discard;
    asyncp_scope_enter(loop, &group->scope, SCOPE_GROUP, "ASYNC_TASK_GROUP");
}

/*
 * Passes on what is asked of the group's task; from now on nobody begins what would be cancelled at
 * once.
 */
static void pass_on_to_children(struct async_loop *loop, struct group *group)
{
    group->passed_on = asyncp_round_pass_on(loop, group->scope.coroutine);
    group->closing = true;
    const struct sentence *reason = group->scope.coroutine->reason;
    cancel_children(loop, group, reason != NULL ? reason : asyncp_reason(REASON_LEFT));
}

/* How a group is found from its wait. */
struct group_wait {
    struct wait wait;    /* of its task */
    struct group *group; /* it */
};

static void pass_on(struct wait *wait)
{
    pass_on_to_children(wait->coroutine->task->loop,
                        CONTAINER_OF(wait, struct group_wait, wait)->group);
}

/* Children may create others, so the last one may not have been. */
static void wait_for_children(struct async_loop *loop, struct group *group, const char *call)
{
    struct group_wait waiting;
    waiting.group = group;
    while (group->live > 0) {
        if (loop_running(loop)->refused && group->passed_on != loop_running(loop)->request_round)
            pass_on_to_children(loop, group);
        wait_init(&waiting.wait, call, group, pass_on);
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
    struct group *group = own_group(loop, public_group, "async_group_wait");
    asyncp_scope_place(loop, &group->scope, "async_group_wait");
    if (unlikely(loop_running(loop)->refused)) {
        if (group->passed_on != loop_running(loop)->request_round)
            pass_on_to_children(loop, group);
        asyncp_refused(loop);
    }
    wait_for_children(loop, group, "async_group_wait");
    async_ignore(paced(loop, PACE_STEP, 0));
    asyncp_scope_remove(loop, asyncp_scope_place(loop, &group->scope, "async_group_wait"));
    group->waited = true;
    if (group->first_failed != NULL)
        return async_task_result(group->first_failed);
    if (group->error != 0)
        return group->error;
    return group->some_cancelled && loop_running(loop)->refused ? -ECANCELED : 0;
}

/*
 * Nobody sees these records through the group any more; nor need anybody look at failures that it
 * has answered for.
 */
static void give_back(struct group *group)
{
    for (struct async_task *task = group->first_ended, *next; task != NULL; task = next) {
        next = task->next_ended;
        task->references &= ~TASK_KEPT;
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
            pass_on_to_children(loop, group);
        if (!loop_is_inherited(loop)) /* else they are the parent's, and never end here */
            wait_for_children(loop, group, "the end of a task group");
        asyncp_scope_leave(loop, &group->scope, SCOPE_GROUP, "the end of a task group");
    }
    if (!loop_is_inherited(loop))
        give_back(group);
    group->scope.coroutine = NULL;
}

/* ---- meanwhile ------------------------------------------------------------------------------ */

void async_group_cancel(async_task_group *public_group)
{
    struct group *group = group_of(public_group, "async_group_cancel");
    cancel_children(asyncp_current, group, asyncp_reason(REASON_LEFT));
}

/* Waits until a child has ended that was not given. 0 or -ECANCELED. */
static int wait_for_next(struct async_loop *loop, struct group *group)
{
    struct wait wait;
    wait_init(&wait, "async_group_next", group, asyncp_refuse_wait);
    group->wants_next = true;
    group->wait = &wait;
    int result = asyncp_park(loop, &wait);
    group->wait = NULL;
    return result;
}

int async_group_next(async_task_group *public_group, async_task **ended)
{
    struct async_loop *loop = loop_enter("async_group_next");
    struct group *group = own_group(loop, public_group, "async_group_next");
    async_task *nowhere;
    ended = ended != NULL ? ended : &nowhere;
    *ended = NULL;
    if (loop_running(loop)->refused)
        return asyncp_refused(loop);
    if (group->discard)
        return -EINVAL;
    if (group->ungiven == NULL && group->live == 0)
        return -ENODATA;
    int result = group->ungiven == NULL ? wait_for_next(loop, group) : 0;
    if (result < 0)
        return result;
    *ended = group->ungiven;
    group->ungiven = group->ungiven->next_ended;
    return paced(loop, PACE_STEP, async_task_result(*ended));
}
