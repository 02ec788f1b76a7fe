/*
 * sched/record.c: the records behind handles: names, error messages, iteration, and the misuse
 * messages for handles. (A record is allocated in future.h.) In debug mode free records stay in
 * quarantine as long as possible, so stale handles are noticed.
 */
#include "sched/current.h"
#include <stdio.h>

const struct coroutine asyncp_future;

_Atomic(asyncp_open_function *) asyncp_is_open_hook;

struct shown_name asyncp_shown_name(const struct async_task *task)
{
    struct shown_name name;
    async_printable(name.text, sizeof name.text, task->name, strlen(task->name));
    return name;
}

struct label asyncp_label(const struct async_task *task)
{
    struct label label;
    snprintf(label.text, sizeof label.text, "task #%llu '%s' (created at %s)",
             (unsigned long long)task->id, asyncp_shown_name(task).text, task->where);
    return label;
}

static void free_name(struct async_task *task)
{
    if (task->owns_name)
        memory_free(&task->loop->memory, (char *)(uintptr_t)task->name, strlen(task->name) + 1);
    task->owns_name = false;
}

/* Of an ended task. */
static bool has_unread_error(const struct async_task *task)
{
    return task->result < 0 && task->result != -ECANCELED && !task->seen;
}

static void report_unread_result(struct async_task *task)
{
    if (!has_unread_error(task))
        return;
    char meaning[MAX_ERROR_MESSAGE_BYTES + 32];
    asyncp_error_describe(meaning, sizeof meaning, task->result, task->message);
    asyncp_report_error(task->loop, task, task->result,
                        "%s failed and its result was never retrieved: %s", asyncp_label(task).text,
                        meaning);
}

void asyncp_task_free_words(struct async_task *task)
{
    report_unread_result(task);
    if (task->message != NULL)
        asyncp_error_message_free(&task->loop->memory, task->message);
    task->message = NULL;
    if (task->owns_name) {
        free_name(task);
        task->name = "(name freed)";
    }
}

struct async_task *asyncp_task_next(struct async_loop *loop, const struct async_task *task)
{
    struct async_task *next = asyncp_pool_next(&loop->tasks.records, task);
    while (next != NULL && (task_done(next) || task_is_future(next)))
        next = asyncp_pool_next(&loop->tasks.records, next);
    return next;
}

struct async_task *asyncp_task_next_failed(struct async_loop *loop, const struct async_task *task)
{
    struct async_task *next = asyncp_pool_next(&loop->tasks.records, task);
    while (next != NULL && (next->references == 0 || !task_done(next) || task_is_future(next) ||
                            !has_unread_error(next)))
        next = asyncp_pool_next(&loop->tasks.records, next);
    return next;
}

bool asyncp_is_future_awaited(struct async_loop *loop)
{
    const struct async_task *next = NULL;
    while (loop->tasks.futures > 0 && (next = asyncp_pool_next(&loop->tasks.records, next)) != NULL)
        if (task_is_future(next) && !list_empty(&next->waiters))
            return true;
    return false;
}

struct async_task *asyncp_task_find(struct async_loop *loop, uint64_t id)
{
    struct async_task *task = NULL;
    while ((task = asyncp_task_next(loop, task)) != NULL && task->id != id)
        continue;
    return task;
}

/* ", by task #1 'amain'": the taker of the last handle of a free record; "" if unknown. */
static struct label taker_of(const struct async_task *task)
{
    struct label taker = {""};
    if (!task_done(task) || task->taken_by == 0)
        return taker;
    snprintf(taker.text, sizeof taker.text, ", by task #%llu", (unsigned long long)task->taken_by);
    struct async_task *other = NULL;
    while ((other = asyncp_pool_next(&task->loop->tasks.records, other)) != NULL)
        if (other->id == task->taken_by)
            snprintf(taker.text, sizeof taker.text, ", by task #%llu '%s'",
                     (unsigned long long)other->id, asyncp_shown_name(other).text);
    return taker;
}

void asyncp_task_check(const struct async_task *task, const char *call, bool taking)
{
    asyncp_open_function *is_open = atomic_load(&asyncp_is_open_hook);
    ENSURE(
        task->loop == asyncp_current || is_open == NULL || is_open(task->loop),
        "%s: the run of this task is over, and its loop closed; await, detach or read tasks before "
        "the run ends",
        call);
    if (loop_is_inherited(task->loop))
        asyncp_wrong_loop(task->loop, call, "the task");
    ENSURE(task->loop == asyncp_current,
           "%s: %s belongs to another thread's loop; send work there with "
           "async_call_soon_threadsafe",
           call, asyncp_label(task).text);
    if ((task->references & ~TASK_BORROWED) > 0 || (!taking && task->references != 0))
        return;
    ENSURE(task->references == 0,
           "%s: %s is only borrowed here, from its group or in a done callback; async_task_ref "
           "returns a handle that you own",
           call, asyncp_label(task).text);
    asyncp_misuse(
        "%s: the handle of %s was taken before%s: a handle is awaited, gathered or detached once; "
        "async_task_wait waits without taking it",
        call, asyncp_label(task).text, taker_of(task).text);
}

void asyncp_task_reserve(struct async_task *task, const char *call)
{
    asyncp_task_check(task, call, true);
    if (task_handles(task) == task->reserved)
        task->references++;
}

int asyncp_task_rename(struct async_task *task, const char *name)
{
    size_t size = strlen(name) + 1;
    char *copy = memory_resize(&task->loop->memory, NULL, 0, size);
    if (copy == NULL)
        return -ENOMEM;
    memcpy(copy, name, size);
    free_name(task);
    task->name = copy;
    task->owns_name = true;
    return 0;
}

async_task *async_task_ref(async_task *task)
{
    if (task == NULL)
        return NULL;
    task_check(task, "async_task_ref", false);
    task->references++;
    return task;
}
