/*
 * switching_units.h: what rows of switching calls wait for, said once: items and room of the
 * scene's queue, and bytes at the scene's ends. set_… makes it as it is before the callers begin,
 * supply_… gives one caller what it needs, …_left counts the units that no caller took.
 *
 * The programs of faults/ and of conformance/ make the same calls wait, but cannot use these rows.
 * A row controls both sides and demands that each supply succeeds; a program of faults/ has its
 * other side in tasks, whose calls may fail as well, and it checks promises, not turns (the rows
 * themselves run under faults, too: faults.py draws from all cases). The player of conformance/
 * sees the public headers only and takes each single call from the text of a program. All three
 * share the constructors in run/queues.h and run/sockets.h.
 */
#ifndef TEST_SWITCHING_UNITS_H
#define TEST_SWITCHING_UNITS_H

#include "run/queues.h"
#include "run/sockets.h"
#include "switching.h"

/* ---- items ---------------------------------------------------------------------------------- */

ASYNC_UNUSED static void set_queue(struct scene *scene)
{
    scene->queue = new_queue(0, sizeof(int));
}

ASYNC_UNUSED static void supply_item(struct scene *scene)
{
    scene->supplied++;
    CHECK_EQ(async_queue_put_nowait(scene->queue, &scene->supplied), 0);
}

/* One for each caller. */
ASYNC_UNUSED static void set_queue_with_items(struct scene *scene)
{
    set_queue(scene);
    for (int i = 0; i < scene->caller_count; i++)
        supply_item(scene);
}

ASYNC_UNUSED static int items_left(const struct scene *scene)
{
    return (int)async_queue_qsize(scene->queue);
}

/* Empties the queue; every item that was supplied is reported done, and none before. */
ASYNC_UNUSED static void check_queue(struct scene *scene)
{
    async_queue *queue = scene->queue;
    int item = 77;
    while (async_queue_get_nowait(queue, &item) == 0)
        continue;
    for (int i = 0; i < scene->supplied; i++) {
        CHECK_EQ(async_timeout(0, async_queue_join(queue)), -ETIMEDOUT);
        async_queue_task_done(queue);
    }
    CHECK_EQ(async_queue_join(queue), 0);
    CHECK_EQ(async_queue_put(queue, &item), 0);
    CHECK_EQ(async_queue_get(queue, &item), 0);
}

/* ---- room: places for items in a queue ------------------------------------------------------ */

ASYNC_UNUSED static void set_full_queue(struct scene *scene)
{
    scene->queue = new_queue(1, sizeof(int));
    CHECK_EQ(async_queue_put_nowait(scene->queue, &(int){0}), 0);
}

/* Takes an item, and writes down which. */
ASYNC_UNUSED static void supply_room(struct scene *scene)
{
    if (async_queue_get_nowait(scene->queue, &scene->handed[scene->handed_count]) < 0)
        return; /* there is room already */
    scene->handed_count++;
    scene->supplied++;
}

ASYNC_UNUSED static int room_left(const struct scene *scene)
{
    return (int)(async_queue_maxsize(scene->queue) - async_queue_qsize(scene->queue));
}

/* ---- bytes ---------------------------------------------------------------------------------- */

ASYNC_UNUSED static void set_socket(struct scene *scene)
{
    struct sockets pair = unix_sockets(SOCK_STREAM);
    scene->ends[0] = pair.here;
    scene->ends[1] = pair.there;
}

ASYNC_UNUSED static void supply_byte(struct scene *scene)
{
    scene->supplied++;
    CHECK_EQ(send(scene->ends[1], "x", 1, 0), 1);
}

/* One for each caller. */
ASYNC_UNUSED static void set_socket_with_bytes(struct scene *scene)
{
    set_socket(scene);
    for (int i = 0; i < scene->caller_count; i++)
        supply_byte(scene);
}

ASYNC_UNUSED static int bytes_left(const struct scene *scene)
{
    return bytes_to_receive(scene->ends[0]);
}

#endif
