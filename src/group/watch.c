/*
 * group/watch.c: see watch.h. The end of a task costs a few stores and one call of `enough`.
 */
#include "group/watch.h"
#include "group/mark.h"

/* Wakes one waiter for each end in the list. Fails the others if no end is left for them. */
static void wake_for_each_end(struct async_loop *loop, struct watch *watch)
{
    struct waiter *first;
    while ((first = waiter_first(&watch->waiters)) != NULL && watch->first != NULL)
        loop_wake(loop, first->wait, first, (int)asyncp_watch_take(watch));
    if (watch->taken == watch_task_count(watch))
        asyncp_wake_all(&watch->waiters, -ENODATA);
}

static void append_ended(struct watch *watch, struct watched_task *entry, int result)
{
    entry->ended = true;
    entry->next = NULL;
    if (watch->first == NULL)
        watch->first = entry;
    else
        watch->last->next = entry;
    watch->last = entry;
    watch->ended++;
    watch->failed += result < 0 && result != -ECANCELED;
}

static void watched_task_ended(struct async_loop *loop, struct waiter *listener,
                               struct async_task *task)
{
    struct watched_task *entry = CONTAINER_OF(listener, struct watched_task, listener);
    struct watch *watch = entry->watch;
    ENSURE((size_t)(entry - watch->tasks) < watch->count,
           "an async_completion was freed or overwritten before %s ended; call "
           "async_completion_end first, or declare it as async_auto_completion",
           asyncp_label(task).text);
    append_ended(watch, entry, task->result);
    struct waiter *first = waiter_first(&watch->waiters);
    if (watch->one_end_each)
        wake_for_each_end(loop, watch);
    else if (first != NULL && watch->enough(watch))
        loop_wake(loop, first->wait, first, 0);
}

void asyncp_watch_add(struct watch *watch, struct async_task *task)
{
    ASSERT(watch->count < watch->capacity);
    struct watched_task *entry = &watch->tasks[watch->count++];
    entry->watch = watch;
    entry->ended = false;
    if (task == NULL || task_done(task))
        append_ended(watch, entry, task != NULL ? task->result : -ENOMEM);
    else
        listen_on(&entry->listener, watched_task_ended, &task->waiters);
}

/* Adds another entry for a task. It is marked as ended and never in the list. */
static void add_repeated(struct watch *watch)
{
    struct watched_task *entry = &watch->tasks[watch->count++];
    *entry = (struct watched_task){.watch = watch, .ended = true};
    watch->repeated++;
}

void asyncp_watch_add_all(struct watch *watch, async_task *const tasks[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (tasks[i] == NULL || mark_task(tasks[i]))
            asyncp_watch_add(watch, tasks[i]);
        else
            add_repeated(watch);
    unmark_tasks(tasks, count);
}

int asyncp_watch_open(struct async_loop *loop, struct watch *watch, size_t capacity,
                      struct watched_task few[], size_t few_count)
{
    *watch = (struct watch){.capacity = capacity, .enough = asyncp_watch_has_one, .tasks = few};
    if (capacity <= few_count)
        return 0;
    watch->tasks_allocated = true;
    bool countable = capacity <= SIZE_MAX / sizeof *watch->tasks;
    watch->tasks = countable
                       ? memory_resize(&loop->memory, NULL, 0, capacity * sizeof *watch->tasks)
                       : NULL;
    return watch->tasks != NULL ? 0 : -ENOMEM;
}

size_t asyncp_watch_take(struct watch *watch)
{
    struct watched_task *entry = watch->first;
    watch->first = entry->next;
    watch->taken++;
    return (size_t)(entry - watch->tasks);
}

bool asyncp_watch_has_one(struct watch *watch)
{
    return watch->first != NULL;
}

void asyncp_watch_close(struct async_loop *loop, struct watch *watch)
{
    asyncp_cancel_waiters(&watch->waiters, "async_completion_end");
    for (size_t i = 0; i < watch->count; i++)
        if (!watch->tasks[i].ended)
            list_remove(&watch->tasks[i].listener.link);
    if (watch->tasks_allocated)
        memory_free(&loop->memory, watch->tasks, watch->capacity * sizeof *watch->tasks);
    *watch = (struct watch){0};
}

struct watch_wait {
    struct wait wait;
    struct waiter waiter;
    struct timer timer;
};

static void watch_timed_out(struct timer *timer)
{
    asyncp_wake(&CONTAINER_OF(timer, struct watch_wait, timer)->wait, NULL, -ETIMEDOUT);
}

int asyncp_watch_park(struct async_loop *loop, struct watch *watch, const char *call,
                      int64_t deadline_ns)
{
    struct watch_wait waiting;
    wait_init(&waiting.wait, call, watch, asyncp_cancel_wait);
    timer_init(&waiting.timer, watch_timed_out);
    if (deadline_ns != TIME_NEVER) {
        waiting.wait.timer = &waiting.timer;
        if (asyncp_timer_set(loop, &waiting.timer, deadline_ns) < 0)
            return -ENOMEM;
    }
    wait_on(&waiting.wait, &waiting.waiter, &watch->waiters);
    int result = asyncp_park(loop, &waiting.wait);
    return likely(result != -ECANCELED) ? result : asyncp_cancelled_by_free(&waiting.wait, result);
}

int asyncp_check_borrowed(const struct async_loop *loop, async_task *const tasks[], size_t count,
                          const char *call)
{
    bool is_self = false;
    for (size_t i = 0; i < count; i++) {
        if (tasks[i] == NULL)
            continue;
        task_check(tasks[i], call, false);
        is_self |= loop_running(loop) != NULL && tasks[i]->coroutine == loop_running(loop);
    }
    return is_self
               ? async_fail(-EDEADLK, "task '%s' waits for itself", loop_running(loop)->task->name)
               : 0;
}
