/*
 * words_group.c: the operations on several tasks, and limits that are blocks. See words.c; the
 * counterpart is words_group.py.
 */
#include "player.h"

#include <errno.h>

/* ---- waiting without joining ---------------------------------------------------------------- */

static double seconds_of(const struct operation *operation, int number)
{
    return argument(operation, number) >= 0 ? argument(operation, number) : ASYNC_FOREVER;
}

/* How many of its tasks have ended; then which. */
static int do_wait(struct frame *frame, const struct operation *operation)
{
    async_task *tasks[MAX_ARGUMENTS] = {NULL};
    int ended[MAX_ARGUMENTS];
    size_t count = 0;
    for (int i = 2; i < operation->count; i++)
        if (slot_of(operation, i)->task != NULL &&
            slot_of(operation, i)->task != async_current_task())
            tasks[count++] = async_task_ref(slot_of(operation, i)->task);
    int result = async_wait(tasks, count, (async_return_when)argument(operation, 0),
                            seconds_of(operation, 1));
    for (size_t i = 0; i < count; i++)
        ended[i] = async_task_done(tasks[i]);
    trace(frame, operation->line, result, ended, count);
    for (size_t i = 0; i < count; i++)
        async_task_detach(tasks[i]);
    return result;
}

/* Writes down the result of each task as it ends. */
static int do_as_completed(struct frame *frame, const struct operation *operation)
{
    async_task *tasks[MAX_ARGUMENTS] = {NULL};
    size_t count = 0;
    for (int i = 1; i < operation->count; i++) {
        async_task *task = slot_of(operation, i)->task;
        bool wanted = task != NULL && task != async_current_task();
        for (size_t j = 0; j < count; j++)
            wanted = wanted && tasks[j] != task;
        if (wanted)
            tasks[count++] = async_task_ref(task);
    }
    async_completion completion;
    int next = async_as_completed(&completion, tasks, count, seconds_of(operation, 0));
    while (next >= 0 && (next = async_completion_next(&completion)) >= 0)
        trace(frame, operation->line, async_task_result(tasks[next]), NULL, 0);
    async_completion_end(&completion);
    for (size_t i = 0; i < count; i++)
        async_task_detach(tasks[i]);
    return next == -ENODATA ? 0 : next;
}

static int do_wait_for(struct frame *frame, const struct operation *operation)
{
    struct slot *slot = slot_of(operation, 0);
    if (!may_join(frame, slot))
        return -ESRCH;
    return async_wait_for(async_task_ref(slot->task), argument(operation, 1));
}

static int do_shield_task(struct frame *frame, const struct operation *operation)
{
    struct slot *slot = slot_of(operation, 0);
    (void)frame;
    if (slot->task == NULL)
        return -ESRCH;
    return async_shield(async_task_ref(slot->task));
}

/* ---- limits as blocks ----------------------------------------------------------------------- */

struct limit {
    async_timeout_scope scope; /* the limit */
    struct limit *outer;       /* the one around it, of the same task */
};

static int under_limit(struct frame *frame, const struct operation *operation, struct limit *limit)
{
    limit->outer = frame->limit;
    frame->limit = limit;
    int result = perform_body(frame, operation);
    frame->limit = limit->outer;
    double when = async_timeout_when(&limit->scope);
    int about[] = {async_timeout_expired(&limit->scope), when < 1e9 ? (int)when : -1};
    trace(frame, operation->line, result, about, 2);
    return async_timeout_end(&limit->scope, result);
}

static int do_limit(struct frame *frame, const struct operation *operation)
{
    struct limit limit;
    async_timeout_begin(&limit.scope, seconds_of(operation, 0));
    return under_limit(frame, operation, &limit);
}

static int do_limit_at(struct frame *frame, const struct operation *operation)
{
    struct limit limit;
    async_timeout_at_begin(&limit.scope, argument(operation, 0));
    return under_limit(frame, operation, &limit);
}

/*
 * Moves the innermost limit to another time; -EALREADY if it has run out, -ESRCH without a limit.
 */
static int do_reschedule(struct frame *frame, const struct operation *operation)
{
    int result = frame->limit != NULL
                     ? async_timeout_reschedule(&frame->limit->scope, seconds_of(operation, 0))
                     : -ESRCH;
    trace(frame, operation->line, result, NULL, 0);
    return 0;
}

/* ---- groups --------------------------------------------------------------------------------- */

static int do_group(struct frame *frame, const struct operation *operation)
{
    ASYNC_TASK_GROUP(group);
    async_task_group *outer = frame->group;
    frame->group = &group;
    int result = perform_body(frame, operation);
    frame->group = outer;
    return result < 0 ? result : async_group_wait(&group);
}

/* A child of the group, in a slot. */
static int spawn(struct frame *frame, const struct operation *operation, async_task_group *group)
{
    struct frame *child = group != NULL ? new_frame(frame, argument(operation, 1)) : NULL;
    if (child == NULL)
        return group != NULL ? -EAGAIN : -ESRCH;
    child->home = group;
    async_task *task = async_group_create_task(group, perform, child);
    if (task == NULL) {
        play.frame_count--;
        frame->children--;
        return -EPERM;
    }
    put_in_slot(slot_of(operation, 0), async_task_ref(task), child);
    return 0;
}

static int do_spawn(struct frame *frame, const struct operation *operation)
{
    trace(frame, operation->line, spawn(frame, operation, frame->group), NULL, 0);
    return 0;
}

static int do_spawn_sibling(struct frame *frame, const struct operation *operation)
{
    trace(frame, operation->line, spawn(frame, operation, frame->home), NULL, 0);
    return 0;
}

static int do_group_cancel(struct frame *frame, const struct operation *operation)
{
    (void)operation;
    if (frame->group != NULL)
        async_group_cancel(frame->group);
    return 0;
}

const struct word group_words[] = {
    {"group", do_group, true, false},
    {"spawn", do_spawn, false, false},
    {"spawn_sibling", do_spawn_sibling, false, false},
    {"group_cancel", do_group_cancel, false, false},
    {"wait", do_wait, false, false},
    {"as_completed", do_as_completed, false, false},
    {"wait_for", do_wait_for, false, false},
    {"shield_task", do_shield_task, false, false},
    {"limit", do_limit, true, false},
    {"limit_at", do_limit_at, true, false},
    {"reschedule", do_reschedule, false, false},
    {NULL, NULL, false, false},
};
