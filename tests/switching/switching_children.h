/*
 * switching_children.h: shared by rows of switching calls that join or watch tasks: the children,
 * which wait for an item of the scene's queue, or sleep until its instant, and the counts of those
 * items.
 */
#ifndef TEST_SWITCHING_CHILDREN_H
#define TEST_SWITCHING_CHILDREN_H

#include "sched/task.h"
#include "switching_units.h"

ASYNC_UNUSED static double until_instant(const struct caller *caller)
{
    return caller->scene->instant - async_time();
}

ASYNC_UNUSED static int sleep_until_instant(struct caller *caller)
{
    return async_sleep(until_instant(caller));
}

/* Waits for an item, and obeys a request to cancel. */
ASYNC_UNUSED static int obey(struct caller *parent)
{
    int item;
    int result = async_queue_get(parent->scene->queue, &item);
    parent->scene->taken += result == 0;
    parent->running--;
    return result;
}
async_fn(obey, struct caller *);

/* Cleans up when it is cancelled, and succeeds nevertheless. */
ASYNC_UNUSED static int insist(struct caller *parent)
{
    int item;
    if (async_queue_get(parent->scene->queue, &item) == 0)
        parent->scene->taken++;
    else
        CHECK_EQ(async_no_cancel(async_sleep(0)), 0);
    parent->running--;
    return 0;
}
async_fn(insist, struct caller *);

ASYNC_UNUSED static int sleep_on(struct caller *parent)
{
    int result = sleep_until_instant(parent);
    parent->running--;
    return result;
}
async_fn(sleep_on, struct caller *);

ASYNC_UNUSED static int succeed(struct caller *parent)
{
    parent->running--;
    return 0;
}
async_fn(succeed, struct caller *);

typedef async_task *child_maker(struct caller *parent);

ASYNC_UNUSED static async_task *make_obedient(struct caller *parent)
{
    parent->running++;
    return async_create_task(obey, parent);
}

ASYNC_UNUSED static async_task *make_insistent(struct caller *parent)
{
    parent->running++;
    return async_create_task(insist, parent);
}

ASYNC_UNUSED static async_task *make_sleeper(struct caller *parent)
{
    parent->running++;
    return async_create_task(sleep_on, parent);
}

ASYNC_UNUSED static async_task *make_succeeding(struct caller *parent)
{
    parent->running++;
    return async_create_task(succeed, parent);
}

/* The children begin before the callers do. */
ASYNC_UNUSED static void set_children(struct scene *scene, child_maker *make_first,
                                      child_maker *make_second)
{
    scene->queue = new_queue(0, sizeof(int));
    for (int i = 0; i < scene->caller_count; i++) {
        struct caller *caller = &scene->callers[i];
        caller->children[0] = make_first(caller);
        caller->children[1] = make_second != NULL ? make_second(caller) : NULL;
    }
}

/*
 * The child that is there, or else a new one. It can be seen afterwards, by the reference that is
 * kept.
 */
ASYNC_UNUSED static async_task *take_child(struct caller *caller, int index, child_maker *make)
{
    async_task *child = caller->children[index] != NULL ? caller->children[index] : make(caller);
    caller->children[index] = NULL;
    CHECK(child != NULL);
    return async_task_ref(child);
}

/* It has ended, and of its two handles the call has taken one. */
ASYNC_UNUSED static void check_taken(async_task *child)
{
    CHECK(async_task_done(child));
    CHECK_EQ(child->references, 1);
    async_task_detach(child);
}

ASYNC_UNUSED static void set_obedient(struct scene *scene)
{
    set_children(scene, make_obedient, NULL);
}

ASYNC_UNUSED static void set_insistent(struct scene *scene)
{
    set_children(scene, make_insistent, NULL);
}

ASYNC_UNUSED static void set_sleepers(struct scene *scene)
{
    set_children(scene, make_sleeper, NULL);
}

ASYNC_UNUSED static void set_succeeding(struct scene *scene)
{
    set_children(scene, make_succeeding, NULL);
}

ASYNC_UNUSED static void set_obedient_pairs(struct scene *scene)
{
    set_children(scene, make_obedient, make_obedient);
}

ASYNC_UNUSED static void supply_pair(struct scene *scene)
{
    supply_item(scene);
    supply_item(scene);
}

#endif
