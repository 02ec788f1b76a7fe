/*
 * sched/callback.c: call_soon, call_later, call_at and done callbacks. A ready callback cannot be
 * removed from the ready queue: when it is cancelled, it stays there with id 0, is not called, and
 * is freed at its turn.
 */
#include "base/values.h"
#include "sched/callback.h"
#include "sched/current.h"

static void callback_free(struct callback *callback)
{
    if (unlikely(callback->locals != NULL))
        asyncp_locals_release(callback->loop, callback->locals);
    callback->locals = NULL;
    callback->id = 0; /* invalidates the handle */
    pool_give(&callback->loop->callbacks.records, callback);
}

/*
 * The callback borrows the task (TASK_BORROWED): it cannot take the reference held for it.
 */
static void call_done_callback(const struct callback *called)
{
    struct async_task *task = called->task;
    uint32_t kept = task->references & TASK_BORROWED;
    task->references = (task->references - 1) | TASK_BORROWED;
    task_unreserve(task);
    called->done(task, called->argument);
    task->references = (task->references & ~TASK_BORROWED) | kept;
    task_release(task);
}

static void run_callback(struct ready *ready)
{
    struct callback *callback = CONTAINER_OF(ready, struct callback, ready);
    struct callback called = *callback;
    struct async_loop *loop = called.loop;
    callback->locals = NULL;
    callback_free(callback); /* before the call, which may need a record */
    asyncp_locals_of_callback(loop, called.locals);
    loop_set_in_callback(loop, true);
    if (called.task != NULL)
        call_done_callback(&called);
    else if (called.id != 0)
        called.function(called.argument);
    loop_set_in_callback(loop, false);
    asyncp_locals_of_callback(loop, NULL);
    if (unlikely(called.locals != NULL))
        asyncp_locals_release(loop, called.locals);
}

static void callback_expire(struct timer *timer)
{
    struct callback *callback = CONTAINER_OF(timer, struct callback, timer);
    loop_push(callback->loop, &callback->ready);
}

static struct callback *callback_new(struct async_loop *loop, void *argument)
{
    struct callback *callback = pool_take(&loop->callbacks.records);
    if (callback == NULL)
        return NULL;
    *callback = (struct callback){
        .ready.run = run_callback,
        .timer.expire = callback_expire,
        .argument = argument,
        .id = ++loop->callbacks.created,
        .loop = loop,
        .locals = locals_inherit(loop),
    };
    return callback;
}

static struct async_loop *loop_for_callback(const char *call, const void *function)
{
    struct async_loop *loop = asyncp_current;
    asyncp_check_inherited(call);
    ENSURE(loop != NULL,
           "%s: this thread has no loop; from another thread use async_call_soon_threadsafe", call);
    ENSURE(function != NULL, "%s: the function is NULL", call);
    loop_check_handler(loop, call);
    return loop;
}

static async_handle callback_handle(struct callback *callback)
{
    return (async_handle){
        .id = callback->id, .loop = callback->loop->callbacks.loop_number, .callback = callback};
}

async_handle async_call_soon(void (*function)(void *argument), void *argument)
{
    struct async_loop *loop = loop_for_callback("async_call_soon",
                                                (const void *)(uintptr_t)function);
    struct callback *callback = callback_new(loop, argument);
    if (callback == NULL)
        return (async_handle){0};
    callback->function = function;
    loop_push(loop, &callback->ready);
    return callback_handle(callback);
}

static async_handle schedule_at(struct async_loop *loop, int64_t when_ns,
                                void (*function)(void *argument), void *argument)
{
    struct callback *callback = callback_new(loop, argument);
    if (callback == NULL)
        return (async_handle){0};
    callback->function = function;
    if (asyncp_timer_set(loop, &callback->timer, when_ns) < 0) {
        callback_free(callback);
        return (async_handle){0};
    }
    return callback_handle(callback);
}

async_handle async_call_later(double seconds, void (*function)(void *argument), void *argument)
{
    struct async_loop *loop = loop_for_callback("async_call_later",
                                                (const void *)(uintptr_t)function);
    if (is_not_a_number(seconds))
        return (async_handle){0};
    return schedule_at(loop, asyncp_deadline(loop, seconds), function, argument);
}

async_handle async_call_at(double when, void (*function)(void *argument), void *argument)
{
    struct async_loop *loop = loop_for_callback("async_call_at", (const void *)(uintptr_t)function);
    if (is_not_a_number(when))
        return (async_handle){0};
    return schedule_at(loop, asyncp_nanoseconds(when), function, argument);
}

bool async_handle_cancel(async_handle handle)
{
    struct async_loop *loop = asyncp_current;
    struct callback *callback = handle.callback;
    if (handle.id == 0 ||
        (loop == NULL && asyncp_inherited != NULL)) /* of the parent: never called here */
        return false;
    ENSURE(loop != NULL, "async_handle_cancel: this thread has no loop, or it was closed");
    if (handle.loop != loop->callbacks.loop_number) /* the record was freed with its loop */
        return false;
    if (callback->id != handle.id)
        return false;
    callback->id = 0;
    if (callback->timer.set) {
        asyncp_timer_clear(loop, &callback->timer);
        callback_free(callback);
    }
    return true;
}

/* Keeps the task's record until the callback was called. */
static void push_done_callback(struct async_loop *loop, struct async_task *task,
                               struct callback *callback)
{
    task_hold(task);
    loop_push(loop, &callback->ready);
}

static void schedule_done_callback(struct async_loop *loop, struct waiter *listener,
                                   struct async_task *task)
{
    push_done_callback(loop, task, CONTAINER_OF(listener, struct callback, waiter));
}

int async_task_add_done_callback(async_task *task,
                                 void (*function)(async_task *task, void *argument), void *argument)
{
    if (task == NULL || function == NULL)
        return async_fail(-EINVAL,
                          "async_task_add_done_callback: the task or the function is NULL");
    task_check(task, "async_task_add_done_callback", false);
    struct callback *callback = callback_new(task->loop, argument);
    if (callback == NULL)
        return -ENOMEM;
    callback->done = function;
    callback->task = task;
    if (task_done(task))
        push_done_callback(task->loop, task, callback);
    else
        listen_on(&callback->waiter, schedule_done_callback, &task->waiters);
    return 0;
}

size_t async_task_remove_done_callback(async_task *task,
                                       void (*function)(async_task *task, void *argument),
                                       void *argument)
{
    size_t removed = 0;
    if (task == NULL)
        return 0;
    task_check(task, "async_task_remove_done_callback", false);
    for (struct link *link = list_first(&task->waiters), *next; link != NULL; link = next) {
        next = list_after(&task->waiters, link);
        struct waiter *waiter = CONTAINER_OF(link, struct waiter, link);
        struct callback *callback = CONTAINER_OF(waiter, struct callback, waiter);
        bool done_callback = waiter->wait == NULL && waiter->tell == schedule_done_callback;
        if (!done_callback || callback->done != function || callback->argument != argument)
            continue;
        list_remove(link);
        callback_free(callback);
        removed++;
    }
    return removed;
}

void asyncp_callbacks_open(struct async_loop *loop)
{
    static _Atomic uint64_t loops_created;
    loop->callbacks.loop_number = ++loops_created;
    asyncp_pool_open(&loop->callbacks.records, sizeof(struct callback),
                     offsetof(struct callback, free), 0, loop->memory);
}

void asyncp_callbacks_close(struct async_loop *loop)
{
    asyncp_pool_close(&loop->callbacks.records);
}
