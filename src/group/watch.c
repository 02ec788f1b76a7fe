/*
 * group/watch.c: see watch.h. Stands on listeners: what a task's end does here is a few stores, and one question to
 * whoever waits.
 */
#include "group/watch.h"

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
    note_end(watch, place, task->result);
    if (watch->wait != NULL && !watch->wait->claimed && watch->enough(watch))
        loop_wake(loop, watch->wait, NULL, 0);
}

void async__watch_add(struct watch *watch, struct async_task *task)
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

int async__watch_open(struct async_loop *loop, struct watch *watch, size_t capacity, struct watched few[],
                      size_t few_count)
{
    *watch = (struct watch){.capacity = capacity, .enough = async__watch_has_one, .places = few};
    if (capacity <= few_count)
        return 0;
    watch->owns_places = true;
    bool countable = capacity <= SIZE_MAX / sizeof *watch->places;
    watch->places = countable ? memory_resize(&loop->memory, NULL, 0, capacity * sizeof *watch->places)
                              : NULL;
    return watch->places != NULL ? 0 : -ENOMEM;
}

size_t async__watch_take(struct watch *watch)
{
    struct watched *place = watch->first;
    watch->first = place->next;
    return (size_t)(place - watch->places);
}

bool async__watch_has_one(struct watch *watch)
{
    return watch->first != NULL;
}

void async__watch_close(struct async_loop *loop, struct watch *watch)
{
    for (size_t i = 0; i < watch->count; i++)
        if (!watch->places[i].ended)
            list_remove(&watch->places[i].listener.link);
    if (watch->owns_places)
        memory_free(&loop->memory, watch->places, watch->capacity * sizeof *watch->places);
    *watch = (struct watch){0};
}

struct watch_wait {
    struct wait wait;   /* of who waits */
    struct timer timer; /* ends it */
};

static void time_is_up(struct timer *timer)
{
    async__wake(&CONTAINER_OF(timer, struct watch_wait, timer)->wait, NULL, -ETIMEDOUT);
}

int async__watch_park(struct async_loop *loop, struct watch *watch, const char *call, int64_t deadline_ns)
{
    struct watch_wait waiting;
    wait_init(&waiting.wait, call, NULL, async__refuse_wait);
    timer_init(&waiting.timer, time_is_up);
    if (deadline_ns != TIME_NEVER) {
        waiting.wait.timer = &waiting.timer;
        if (async__timer_set(loop, &waiting.timer, deadline_ns) < 0)
            return -ENOMEM;
    }
    watch->wait = &waiting.wait;
    int result = async__park(loop, &waiting.wait);
    watch->wait = NULL;
    return result;
}

int async__check_borrowed(const struct async_loop *loop, async_task *const tasks[], size_t count,
                          const char *call)
{
    bool is_among = false;
    for (size_t i = 0; i < count; i++) {
        if (tasks[i] == NULL)
            continue;
        task_check(tasks[i], call, false);
        is_among |= loop->current != NULL && tasks[i]->coroutine == loop->current;
    }
    return is_among ? async_fail(-EDEADLK, "task '%s' waits for itself", loop->current->task->name) : 0;
}
