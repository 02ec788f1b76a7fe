/*
 * group/watch.c: see watch.h. Stands on listeners: what a task's end does here is a few stores, and
 * one question to whoever waits.
 */
#include "group/watch.h"

/*
 * Nobody waits for what will not come. Only where ends are given: elsewhere all of them are one
 * waiter's business.
 */
static void give_ends(struct async_loop *loop, struct watch *watch)
{
    struct waiter *first;
    while ((first = waiter_first(&watch->waiters)) != NULL && watch->first != NULL)
        loop_wake(loop, first->wait, first, (int)asyncp_watch_take(watch));
    if (watch->taken == watch_tasks(watch))
        asyncp_wake_all(&watch->waiters, -ENODATA);
}

static void note_end(struct watch *watch, struct watched *place, int result)
{
    place->ended = true;
    place->next = NULL;
    if (watch->first == NULL)
        watch->first = place;
    else
        watch->last->next = place;
    watch->last = place;
    watch->ended++;
    watch->failed += result < 0 && result != -ECANCELED;
}

static void task_ended(struct async_loop *loop, struct waiter *listener, struct async_task *task)
{
    struct watched *place = CONTAINER_OF(listener, struct watched, listener);
    struct watch *watch = place->watch;
    ENSURE((size_t)(place - watch->places) < watch->count,
           "the memory of an async_completion is gone or was written over before %s ended; end it "
           "with async_completion_end, or declare it as async_auto_completion",
           asyncp_label(task).text);
    note_end(watch, place, task->result);
    struct waiter *first = waiter_first(&watch->waiters);
    if (watch->gives_ends)
        give_ends(loop, watch);
    else if (first != NULL && watch->enough(watch))
        loop_wake(loop, first->wait, first, 0);
}

void asyncp_watch_add(struct watch *watch, struct async_task *task)
{
    ASSERT(watch->count < watch->capacity);
    struct watched *place = &watch->places[watch->count++];
    place->watch = watch;
    place->ended = false;
    if (task == NULL || task_done(task))
        note_end(watch, place, task != NULL ? task->result : -ENOMEM);
    else
        listen_on(&place->listener, task_ended, &task->waiters);
}

/* A place for a task that has one already: it is over, and never in the list. */
static void repeat(struct watch *watch)
{
    struct watched *place = &watch->places[watch->count++];
    *place = (struct watched){.watch = watch, .ended = true};
    watch->repeated++;
}

void asyncp_watch_add_all(struct watch *watch, async_task *const tasks[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (tasks[i] != NULL && tasks[i]->marked) {
            repeat(watch);
            continue;
        }
        asyncp_watch_add(watch, tasks[i]);
        if (tasks[i] != NULL)
            tasks[i]->marked = true;
    }
    for (size_t i = count; i-- > 0;)
        if (tasks[i] != NULL)
            tasks[i]->marked = false;
}

int asyncp_watch_open(struct async_loop *loop, struct watch *watch, size_t capacity,
                      struct watched few[], size_t few_count)
{
    *watch = (struct watch){.capacity = capacity, .enough = asyncp_watch_has_one, .places = few};
    if (capacity <= few_count)
        return 0;
    watch->owns_places = true;
    bool countable = capacity <= SIZE_MAX / sizeof *watch->places;
    watch->places = countable
                        ? memory_resize(&loop->memory, NULL, 0, capacity * sizeof *watch->places)
                        : NULL;
    return watch->places != NULL ? 0 : -ENOMEM;
}

size_t asyncp_watch_take(struct watch *watch)
{
    struct watched *place = watch->first;
    watch->first = place->next;
    watch->taken++;
    return (size_t)(place - watch->places);
}

bool asyncp_watch_has_one(struct watch *watch)
{
    return watch->first != NULL;
}

void asyncp_watch_close(struct async_loop *loop, struct watch *watch)
{
    asyncp_dismiss(&watch->waiters, "async_completion_end");
    for (size_t i = 0; i < watch->count; i++)
        if (!watch->places[i].ended)
            list_remove(&watch->places[i].listener.link);
    if (watch->owns_places)
        memory_free(&loop->memory, watch->places, watch->capacity * sizeof *watch->places);
    *watch = (struct watch){0};
}

struct watch_wait {
    struct wait wait;     /* of the task */
    struct waiter waiter; /* its place among those that wait */
    struct timer timer;   /* ends it */
};

static void time_is_up(struct timer *timer)
{
    asyncp_wake(&CONTAINER_OF(timer, struct watch_wait, timer)->wait, NULL, -ETIMEDOUT);
}

int asyncp_watch_park(struct async_loop *loop, struct watch *watch, const char *call,
                      int64_t deadline_ns)
{
    struct watch_wait waiting;
    wait_init(&waiting.wait, call, NULL, asyncp_refuse_wait);
    timer_init(&waiting.timer, time_is_up);
    if (deadline_ns != TIME_NEVER) {
        waiting.wait.timer = &waiting.timer;
        if (asyncp_timer_set(loop, &waiting.timer, deadline_ns) < 0)
            return -ENOMEM;
    }
    wait_on(&waiting.wait, &waiting.waiter, &watch->waiters);
    int result = asyncp_park(loop, &waiting.wait);
    return likely(result != -ECANCELED) ? result : asyncp_dismissed(&waiting.wait, result);
}

int asyncp_check_borrowed(const struct async_loop *loop, async_task *const tasks[], size_t count,
                          const char *call)
{
    bool is_among = false;
    for (size_t i = 0; i < count; i++) {
        if (tasks[i] == NULL)
            continue;
        task_check(tasks[i], call, false);
        is_among |= loop_running(loop) != NULL && tasks[i]->coroutine == loop_running(loop);
    }
    return is_among
               ? async_fail(-EDEADLK, "task '%s' waits for itself", loop_running(loop)->task->name)
               : 0;
}
