/*
 * words.c: each operation of the language on libasyncio. The counterpart on CPython is words.py;
 * both have one entry for each operation, and compare.py compares their traces.
 */
#include "player.h"
#include "../run/queues.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- tasks ---------------------------------------------------------------------------------- */

bool may_join(const struct frame *frame, const struct slot *slot)
{
    return slot->task != NULL && (slot->frame == NULL || slot->frame->sequence > frame->sequence);
}

void put_in_slot(struct slot *slot, async_task *task, const struct frame *frame)
{
    async_task *before = slot->task;
    *slot = (struct slot){task, frame};
    async_task_detach(before);
}

static int do_create(struct frame *frame, const struct operation *operation)
{
    struct frame *child = new_frame(frame, argument(operation, 1));
    if (child == NULL)
        return -EAGAIN;
    put_in_slot(slot_of(operation, 0), async_create_task(perform, child), child);
    return 0;
}

/* The first steps of the new task run before this operation ends. */
static int do_eager(struct frame *frame, const struct operation *operation)
{
    const async_task_options options = {.eager_start = true};
    struct frame *child = new_frame(frame, argument(operation, 1));
    if (child == NULL)
        return -EAGAIN;
    put_in_slot(slot_of(operation, 0), async_create_task_with(&options, perform, child), child);
    return 0;
}

static int do_await(struct frame *frame, const struct operation *operation)
{
    struct slot *slot = slot_of(operation, 0);
    if (!may_join(frame, slot))
        return -ESRCH;
    return async_await(async_task_ref(slot->task));
}

static int do_await_self(struct frame *frame, const struct operation *operation)
{
    (void)frame, (void)operation;
    return async_await(async_task_ref(async_current_task()));
}

static int gather(struct frame *frame, const struct operation *operation, async_gather_mode mode)
{
    async_task *tasks[MAX_ARGUMENTS] = {NULL};
    int results[MAX_ARGUMENTS];
    size_t count = 0;
    for (int i = 0; i < operation->count; i++)
        if (may_join(frame, slot_of(operation, i)))
            tasks[count++] = slot_of(operation, i)->task;
    for (size_t i = 0; i < count; i++) {
        bool twice = false;
        for (size_t j = 0; j < i; j++)
            twice = twice || tasks[i] == tasks[j];
        if (!twice) /* a handle that occurs twice is taken once */
            async_task_ref(tasks[i]);
    }
    int result = async_gather_n(tasks, count, results, mode);
    trace(frame, operation->line, result, results, count);
    return result;
}

static int do_gather(struct frame *frame, const struct operation *operation)
{
    return gather(frame, operation, ASYNC_FIRST_ERROR);
}

static int do_collect(struct frame *frame, const struct operation *operation)
{
    return gather(frame, operation, ASYNC_RETURN_EXCEPTIONS);
}

static int do_cancel(struct frame *frame, const struct operation *operation)
{
    (void)frame;
    return async_task_cancel(slot_of(operation, 0)->task);
}

static int do_cancel_self(struct frame *frame, const struct operation *operation)
{
    (void)frame, (void)operation;
    return async_task_cancel(async_current_task());
}

static int do_uncancel(struct frame *frame, const struct operation *operation)
{
    (void)frame, (void)operation;
    return async_task_uncancel(async_current_task());
}

static int do_cancelling(struct frame *frame, const struct operation *operation)
{
    (void)frame, (void)operation;
    return async_task_cancelling(async_current_task());
}

static int do_cancelling_of(struct frame *frame, const struct operation *operation)
{
    (void)frame;
    return async_task_cancelling(slot_of(operation, 0)->task);
}

static int do_detach(struct frame *frame, const struct operation *operation)
{
    (void)frame;
    put_in_slot(slot_of(operation, 0), NULL, NULL);
    return 0;
}

static int do_look(struct frame *frame, const struct operation *operation)
{
    const struct slot *slot = slot_of(operation, 0);
    int result = slot->task != NULL ? async_task_result(slot->task) : -ESRCH;
    trace(frame, operation->line, result, NULL, 0);
    return 0;
}

/* ---- time and scopes ------------------------------------------------------------------------ */

static int do_sleep(struct frame *frame, const struct operation *operation)
{
    (void)frame;
    return async_sleep(real_seconds(argument(operation, 0)));
}

static int do_timeout(struct frame *frame, const struct operation *operation)
{
    return async_timeout(real_seconds(argument(operation, 0)), perform_body(frame, operation));
}

static int do_shield(struct frame *frame, const struct operation *operation)
{
    return async_no_cancel(perform_body(frame, operation));
}

static int do_try(struct frame *frame, const struct operation *operation)
{
    int result = perform_body(frame, operation);
    int cleanup = operation->middle < operation->end
                      ? perform_block(frame, operation->middle + 1, operation->end)
                      : 0;
    return cleanup < 0 ? cleanup : result;
}

static int do_fail(struct frame *frame, const struct operation *operation)
{
    (void)frame;
    return -argument(operation, 0);
}

static int do_result(struct frame *frame, const struct operation *operation)
{
    return frame->result = argument(operation, 0);
}

static int do_log(struct frame *frame, const struct operation *operation)
{
    (void)frame;
    return argument(operation, 0);
}

/* ---- callbacks ------------------------------------------------------------------------------ */

/* A callback that performs the operations of this block. */
static struct callback *new_callback(const struct frame *frame, const struct operation *operation)
{
    if (play.callback_count == MAX_CALLBACKS)
        return NULL;
    struct callback *callback = &play.callbacks[play.callback_count++];
    *callback = (struct callback){.frame = *frame};
    callback->frame.children = 0;
    callback->frame.group = callback->frame.home = NULL;
    callback->frame.begin = (size_t)(operation - play.operations) + 1;
    callback->frame.end = operation->end;
    snprintf(callback->frame.name, NAME_SIZE, "%.50s!%d", frame->name, play.callback_count);
    return callback;
}

static void call(void *argument)
{
    struct callback *callback = argument;
    if (!play.over) /* otherwise the objects are freed already */
        perform(&callback->frame);
}

static void call_done(async_task *task, void *argument)
{
    (void)task;
    call(argument);
}

static int do_soon(struct frame *frame, const struct operation *operation)
{
    struct callback *callback = new_callback(frame, operation);
    if (callback == NULL)
        return -EAGAIN;
    callback->handle = async_call_soon(call, callback);
    return play.callback_count;
}

static int do_later(struct frame *frame, const struct operation *operation)
{
    struct callback *callback = new_callback(frame, operation);
    if (callback == NULL)
        return -EAGAIN;
    callback->handle = async_call_later(argument(operation, 0), call, callback);
    return play.callback_count;
}

static int do_callback(struct frame *frame, const struct operation *operation)
{
    struct slot *slot = slot_of(operation, 0);
    struct callback *callback = slot->task != NULL ? new_callback(frame, operation) : NULL;
    if (callback == NULL)
        return -EAGAIN;
    return async_task_add_done_callback(slot->task, call_done, callback);
}

/* Takes back the last callback but so many. */
static int do_take_back(struct frame *frame, const struct operation *operation)
{
    (void)frame;
    int number = play.callback_count - 1 - argument(operation, 0);
    return number >= 0 && async_handle_cancel(play.callbacks[number].handle);
}

/* ---- queues --------------------------------------------------------------------------------- */

static struct queue *queue_of(const struct operation *operation)
{
    return &play.queues[argument(operation, 0)];
}

/* In Redis a task reports its own items only. */
static int *taken_of(struct frame *frame, const struct operation *operation)
{
    return is_elsewhere() ? &frame->taken[argument(operation, 0)] : &queue_of(operation)->taken;
}

static async_queue *queue_of_kind(int number, int kind, size_t maxsize)
{
    if (is_elsewhere())
        return open_elsewhere(number, kind, maxsize);
    switch (kind) {
    case 0:
        return new_queue(maxsize, sizeof(int));
    case 1:
        return new_lifo_queue(maxsize, sizeof(int));
    default:
        return new_priority_queue(maxsize, sizeof(int), compare_ints);
    }
}

static int do_put(struct frame *frame, const struct operation *operation)
{
    (void)frame;
    return async_queue_put(queue_of(operation)->queue, &operation->arguments[1]);
}

static int do_put_nowait(struct frame *frame, const struct operation *operation)
{
    int result = async_queue_put_nowait(queue_of(operation)->queue, &operation->arguments[1]);
    trace(frame, operation->line, result, NULL, 0);
    return 0;
}

static int do_get(struct frame *frame, const struct operation *operation)
{
    int item, result = async_queue_get(queue_of(operation)->queue, &item);
    if (result < 0)
        return result;
    ++*taken_of(frame, operation);
    return item;
}

static int do_get_nowait(struct frame *frame, const struct operation *operation)
{
    int item, result = async_queue_get_nowait(queue_of(operation)->queue, &item);
    if (result == 0)
        ++*taken_of(frame, operation);
    trace(frame, operation->line, result < 0 ? result : item, NULL, 0);
    return 0;
}

static int do_task_done(struct frame *frame, const struct operation *operation)
{
    int *taken = taken_of(frame, operation);
    if (*taken == 0)
        return 0;
    --*taken;
    async_queue_task_done(queue_of(operation)->queue);
    return 1;
}

static int do_join(struct frame *frame, const struct operation *operation)
{
    (void)frame;
    return async_queue_join(queue_of(operation)->queue);
}

static int do_shutdown(struct frame *frame, const struct operation *operation)
{
    (void)frame;
    async_queue_shutdown(queue_of(operation)->queue, argument(operation, 1) != 0);
    return 0;
}

static int do_qsize(struct frame *frame, const struct operation *operation)
{
    const async_queue *queue = queue_of(operation)->queue;
    int flags[] = {async_queue_empty(queue), async_queue_full(queue)};
    trace(frame, operation->line, (int)async_queue_qsize(queue), flags, 2);
    return 0;
}

/* ---- the table ------------------------------------------------------------------------------ */

const struct word words[] = {
    {"coroutine", do_nothing, false, false},
    {"queue", do_nothing, false, false},
    {"end", NULL, false, false},
    {"finally", NULL, false, false},
    {"create", do_create, false, false},
    {"eager", do_eager, false, false},
    {"await", do_await, false, false},
    {"await_self", do_await_self, false, false},
    {"gather", do_gather, false, false},
    {"collect", do_collect, false, false},
    {"cancel", do_cancel, false, false},
    {"cancel_self", do_cancel_self, false, false},
    {"uncancel", do_uncancel, false, false},
    {"cancelling", do_cancelling, false, false},
    {"cancelling_of", do_cancelling_of, false, false},
    {"detach", do_detach, false, false},
    {"look", do_look, false, false},
    {"sleep", do_sleep, false, false},
    {"timeout", do_timeout, true, false},
    {"shield", do_shield, true, false},
    {"try", do_try, true, false},
    {"catch", perform_body, true, true},
    {"fail", do_fail, false, false},
    {"result", do_result, false, false},
    {"log", do_log, false, false},
    {"soon", do_soon, true, false},
    {"later", do_later, true, false},
    {"callback", do_callback, true, false},
    {"take_back", do_take_back, false, false},
    {"put", do_put, false, false},
    {"put_nowait", do_put_nowait, false, false},
    {"get", do_get, false, false},
    {"get_nowait", do_get_nowait, false, false},
    {"task_done", do_task_done, false, false},
    {"join", do_join, false, false},
    {"shutdown", do_shutdown, false, false},
    {"qsize", do_qsize, false, false},
    {NULL, NULL, false, false},
};

void declare_all(void)
{
    declare_sync();
    for (size_t i = 0; i < play.operation_count; i++) {
        const struct operation *operation = &play.operations[i];
        if (strcmp(operation->word->name, "queue") == 0)
            queue_of(operation)->queue = queue_of_kind(
                argument(operation, 0), argument(operation, 1), (size_t)argument(operation, 2));
    }
}

void free_all(void)
{
    for (size_t i = 0; i < MAX_SLOTS; i++)
        put_in_slot(&play.slots[i], NULL, NULL);
    for (size_t i = 0; i < MAX_OBJECTS; i++)
        async_queue_free(play.queues[i].queue);
}
