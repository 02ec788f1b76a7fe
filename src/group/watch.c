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

static void watch_task(struct watch *watch, struct watched *place, struct async_task *task)
{
    place->watch = watch;
    place->ended = false;
    if (task == NULL || task_done(task))
        note_end(watch, place, task != NULL ? task->result : -ENOMEM);
    else
        listen_on(&place->listener, task_ended, &task->waiters);
}

int async__watch_open(struct async_loop *loop, struct watch *watch, async_task *const tasks[], size_t count)
{
    watch->count = count;
    watch->ended = watch->failed = 0;
    watch->first = NULL;
    watch->wait = NULL;
    watch->places = watch->few;
    if (count > SIZE_MAX / sizeof *watch->places)
        return -ENOMEM;
    if (count > WATCH_FEW)
        watch->places = memory_resize(&loop->memory, NULL, 0, count * sizeof *watch->places);
    if (watch->places == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        watch_task(watch, &watch->places[i], tasks[i]);
    return 0;
}

void async__watch_close(struct async_loop *loop, struct watch *watch)
{
    for (size_t i = 0; i < watch->count; i++)
        if (!watch->places[i].ended)
            list_remove(&watch->places[i].listener.link);
    if (watch->places != watch->few)
        memory_free(&loop->memory, watch->places, watch->count * sizeof *watch->places);
    watch->places = NULL;
    watch->count = 0;
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

void async__check_borrowed(async_task *const tasks[], size_t count, const char *call)
{
    for (size_t i = 0; i < count; i++)
        if (tasks[i] != NULL)
            task_check(tasks[i], call, false);
}
