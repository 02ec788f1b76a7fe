/*
 * switching_select.c: the rows (switching.h) of async_select: cases with a line of waiters, cases
 * of the kernel, and cases that are ready.
 */
#include "switching_units.h"

static async_event never; /* never set; no task is left on it when a scene ends */

/* ---- queues --------------------------------------------------------------------------------- */

/* Nor is a task left on the queue. */
static void check_selected_queue(struct scene *scene)
{
    int item;
    while (async_queue_get_nowait(scene->queue, &item) == 0)
        continue;
    CHECK_EQ(async_select(async_on_get(scene->queue, &item), async_on_timeout(0)), 1);
    async_queue_shutdown(scene->queue, false);
}

static int select_get(struct caller *caller)
{
    int result = async_select(async_on_get(caller->scene->queue, &caller->value),
                              async_on_event(&never), async_on_timeout(1000));
    caller->scene->taken += result == 0;
    return result;
}

/* As often as it fits on no stack. */
static int select_get_of_many(struct caller *caller)
{
    async_case cases[20];
    int result;
    for (int i = 0; i < 20; i++)
        cases[i] = async_on_get(caller->scene->queue, &caller->value);
    int index = async_select_n(cases, 20, &result);
    caller->scene->taken += index == 0 && result == 0;
    return index;
}

SWITCHING_CALL(select_of_a_get_when_empty, async_select, .kind = WAITS, .in_line = true,
               .in_order = true, .set = set_queue, .make = select_get, .supply = supply_item,
               .left = items_left, .check = check_selected_queue);
SWITCHING_CALL(select_n_of_many_gets_when_empty, async_select_n, .kind = WAITS, .in_line = true,
               .in_order = true, .set = set_queue, .make = select_get_of_many,
               .supply = supply_item, .left = items_left, .check = check_selected_queue);
SWITCHING_CALL(select_of_a_get_when_available, async_select, .kind = NEED_NOT_WAIT,
               .in_order = true, .set = set_queue_with_items, .make = select_get,
               .left = items_left, .check = check_selected_queue);

static int select_put(struct caller *caller)
{
    caller->value = caller->number;
    int result = async_select(async_on_put(caller->scene->queue, &caller->value),
                              async_on_event(&never));
    caller->scene->taken += result == 0;
    return result;
}

SWITCHING_CALL(select_of_a_put_when_full, async_select, .kind = WAITS, .in_line = true,
               .in_order = true, .set = set_full_queue, .make = select_put, .supply = supply_room,
               .left = room_left);

/* ---- time ----------------------------------------------------------------------------------- */

static int select_until_instant(struct caller *caller)
{
    return async_select(async_on_timeout(caller->scene->instant - async_time()),
                        async_on_event(&never));
}

SWITCHING_CALL(select_of_a_timeout, async_select, .kind = SLEEPS, .make = select_until_instant);

/* ---- descriptors ---------------------------------------------------------------------------- */

static int select_readable(struct caller *caller)
{
    return async_select(async_on_readable(caller->scene->ends[0]), async_on_event(&never));
}

static void check_socket(struct scene *scene)
{
    supply_byte(scene);
    CHECK_EQ(async_wait_readable(scene->ends[0]), 0);
}

SWITCHING_CALL(select_of_a_descriptor, async_select, .kind = ASKS_KERNEL, .set = set_socket,
               .make = select_readable, .supply = supply_byte, .check = check_socket);
SWITCHING_CALL(select_of_a_descriptor_that_is_ready, async_select, .kind = NEED_NOT_WAIT,
               .set = set_socket_with_bytes, .make = select_readable, .check = check_socket);

/* ---- a stream ------------------------------------------------------------------------------- */

static async_stream *selected; /* of the scene; its peer is the other end */

static void set_stream(struct scene *scene)
{
    set_socket(scene);
    CHECK_EQ(async_stream_new(&selected, scene->ends[0]), 0);
    scene->ends[0] = -1; /* the stream's */
}

static void set_stream_with_bytes(struct scene *scene)
{
    set_stream(scene);
    supply_byte(scene);
}

static int select_stream(struct caller *caller)
{
    (void)caller;
    return async_select(async_on_stream(selected), async_on_event(&never));
}

static void check_stream(struct scene *scene)
{
    char byte;
    if (scene->cut_off)
        return; /* it went with its loop */
    supply_byte(scene);
    CHECK_EQ(async_stream_read(selected, &byte, 1), 1);
    CHECK_EQ(close(scene->ends[1]), 0); /* else the close would wait for the peer's end */
    scene->ends[1] = -1;
    async_stream_close(selected);
}

SWITCHING_CALL(select_of_a_stream, async_select, .kind = DEPENDS, .set = set_stream,
               .make = select_stream, .supply = supply_byte, .check = check_stream);
SWITCHING_CALL(select_of_a_stream_that_is_ready, async_select, .kind = NEED_NOT_WAIT,
               .set = set_stream_with_bytes, .make = select_stream, .check = check_stream);

/*
 * An item comes while the kernel has the descriptor: it is had, though the kernel must answer
 * first.
 */
static int select_get_or_readable(struct caller *caller)
{
    int result = async_select(async_on_get(caller->scene->queue, &caller->value),
                              async_on_readable(caller->scene->ends[0]));
    caller->scene->taken += result == 0;
    return result;
}

static void set_queue_and_socket(struct scene *scene)
{
    set_queue(scene);
    set_socket(scene);
}

SWITCHING_CALL(select_of_a_get_beside_a_descriptor, async_select, .kind = ASKS_KERNEL,
               .in_line = true, .set = set_queue_and_socket, .make = select_get_or_readable,
               .supply = supply_item, .left = items_left, .check = check_socket);
