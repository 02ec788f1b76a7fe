/*
 * words_future.c: the operations on futures and task-local values. See words.c; the counterpart is
 * words_future.py.
 */
#include "player.h"

static int do_future(struct frame *frame, const struct operation *operation)
{
    (void)frame;
    put_in_slot(slot_of(operation, 0), async_future_new(), NULL);
    return 0;
}

static int do_set_result(struct frame *frame, const struct operation *operation)
{
    int result = async_future_set_result(slot_of(operation, 0)->task, argument(operation, 1));
    trace(frame, operation->line, result, NULL, 0);
    return 0;
}

static int do_set_exception(struct frame *frame, const struct operation *operation)
{
    int result = async_future_set_exception(slot_of(operation, 0)->task, -argument(operation, 1),
                                            "so it is said");
    trace(frame, operation->line, result, NULL, 0);
    return 0;
}

static async_local local;

static int do_local_set(struct frame *frame, const struct operation *operation)
{
    (void)frame;
    return async_local_set(&local, (void *)(intptr_t)argument(operation, 0));
}

static int do_local_get(struct frame *frame, const struct operation *operation)
{
    (void)frame, (void)operation;
    return (int)(intptr_t)async_local_get(&local);
}

const struct word future_words[] = {
    {"future", do_future, false, false},
    {"set_result", do_set_result, false, false},
    {"set_exception", do_set_exception, false, false},
    {"local_set", do_local_set, false, false},
    {"local_get", do_local_get, false, false},
    {NULL, NULL, false, false},
};
