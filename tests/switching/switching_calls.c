/*
 * switching_calls.c: the rows of the table of switching calls (switching.h), by topic: queues,
 * time, joins, descriptors. A new call that switches gets a row here, or in another file beside
 * this.
 */
#include "run/coroutines.h"
#include "switching_children.h"
#include "run/queues.h"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- queues --------------------------------------------------------------------------------- */

static void set_lifo_queue(struct scene *scene)
{
    scene->queue = new_lifo_queue(0, sizeof(int));
}

static void set_priority_queue(struct scene *scene)
{
    scene->queue = new_priority_queue(0, sizeof(int), compare_ints);
}

static int get(struct caller *caller)
{
    int result = async_queue_get(caller->scene->queue, &caller->value);
    caller->scene->taken += result == 0;
    return result;
}

SWITCHING_CALL(queue_get_when_empty, async_queue_get, .kind = WAITS, .in_line = true,
               .in_order = true, .set = set_queue, .make = get, .supply = supply_item,
               .left = items_left, .check = check_queue);
SWITCHING_CALL(queue_get_when_empty_newest_first, async_queue_get, .kind = WAITS, .in_line = true,
               .in_order = true, .set = set_lifo_queue, .make = get, .supply = supply_item,
               .left = items_left, .check = check_queue);
SWITCHING_CALL(queue_get_when_empty_least_first, async_queue_get, .kind = WAITS, .in_line = true,
               .in_order = true, .set = set_priority_queue, .make = get, .supply = supply_item,
               .left = items_left, .check = check_queue);
SWITCHING_CALL(queue_get_when_available, async_queue_get, .kind = NEED_NOT_WAIT, .in_order = true,
               .set = set_queue_with_items, .make = get, .left = items_left, .check = check_queue);

static void shut_down(struct scene *scene)
{
    async_queue_shutdown(scene->queue, false);
}

static void set_queue_shut_down(struct scene *scene)
{
    set_queue(scene);
    shut_down(scene);
}

SWITCHING_CALL(queue_get_until_shutdown, async_queue_get, .kind = WAITS, .gives = -ESHUTDOWN,
               .in_line = true, .set = set_queue, .make = get, .supply = shut_down,
               .left = items_left);
SWITCHING_CALL(queue_get_after_shutdown, async_queue_get, .kind = NEED_NOT_WAIT,
               .gives = -ESHUTDOWN, .set = set_queue_shut_down, .make = get, .left = items_left);

static void set_queue_with_room(struct scene *scene)
{
    scene->queue = new_queue(MAX_CALLERS, sizeof(int));
    scene->supplied = MAX_CALLERS;
}

static int put(struct caller *caller)
{
    caller->value = caller->number;
    int result = async_queue_put(caller->scene->queue, &caller->value);
    caller->scene->taken += result == 0;
    return result;
}

static void check_put_queue(struct scene *scene)
{
    while (!async_queue_empty(scene->queue))
        supply_room(scene);
    for (int i = 0; i < scene->handed_count; i++) {
        CHECK_EQ(async_timeout(0, async_queue_join(scene->queue)), -ETIMEDOUT);
        async_queue_task_done(scene->queue);
    }
    CHECK_EQ(async_queue_join(scene->queue), 0);
}

SWITCHING_CALL(queue_put_when_full, async_queue_put, .kind = WAITS, .in_line = true,
               .in_order = true, .set = set_full_queue, .make = put, .supply = supply_room,
               .left = room_left, .check = check_put_queue);
SWITCHING_CALL(queue_put_where_there_is_room, async_queue_put, .kind = NEED_NOT_WAIT,
               .in_order = true, .set = set_queue_with_room, .make = put, .left = room_left,
               .check = check_put_queue);
SWITCHING_CALL(queue_put_until_shutdown, async_queue_put, .kind = WAITS, .gives = -ESHUTDOWN,
               .in_line = true, .set = set_full_queue, .make = put, .supply = shut_down,
               .left = room_left);

static void set_unfinished_queue(struct scene *scene)
{
    int item;
    set_full_queue(scene);
    CHECK_EQ(async_queue_get_nowait(scene->queue, &item), 0);
}

static void finish_queue(struct scene *scene)
{
    if (scene->supplied++ == 0)
        async_queue_task_done(scene->queue);
}

static void shut_down_at_once(struct scene *scene)
{
    async_queue_shutdown(scene->queue, true);
}

static int join_queue(struct caller *caller)
{
    return async_queue_join(caller->scene->queue);
}

SWITCHING_CALL(queue_join_when_unfinished, async_queue_join, .kind = WAITS,
               .set = set_unfinished_queue, .make = join_queue, .supply = finish_queue);
SWITCHING_CALL(queue_join_until_shutdown, async_queue_join, .kind = WAITS, .set = set_full_queue,
               .make = join_queue, .supply = shut_down_at_once);
SWITCHING_CALL(queue_join_when_finished, async_queue_join, .kind = NEED_NOT_WAIT, .set = set_queue,
               .make = join_queue);

/* ---- time ----------------------------------------------------------------------------------- */

static int sleep_a_turn(struct caller *caller)
{
    (void)caller;
    return async_sleep(0);
}

static int sleep_backwards(struct caller *caller)
{
    (void)caller;
    return async_sleep(-1);
}

static int sleep_until_that_time(struct caller *caller)
{
    return async_sleep_until(caller->scene->instant);
}

static int sleep_until_the_past(struct caller *caller)
{
    (void)caller;
    return async_sleep_until(-1);
}

SWITCHING_CALL(sleep_until_a_time, async_sleep_until, .kind = SLEEPS,
               .make = sleep_until_that_time);
SWITCHING_CALL(sleep_until_the_past, async_sleep_until, .kind = TAKES_A_TURN,
               .make = sleep_until_the_past);
SWITCHING_CALL(sleep_for_a_while, async_sleep, .kind = SLEEPS, .make = sleep_until_instant);
SWITCHING_CALL(sleep_for_zero_seconds, async_sleep, .kind = TAKES_A_TURN, .make = sleep_a_turn);
SWITCHING_CALL(sleep_for_a_negative_time, async_sleep, .kind = TAKES_A_TURN,
               .make = sleep_backwards);

/* ---- joins ---------------------------------------------------------------------------------- */

static int await_child(struct caller *caller, child_maker *make)
{
    async_task *child = take_child(caller, 0, make);
    int result = async_await(child);
    check_taken(child);
    return result;
}

static int await_obedient(struct caller *caller)
{
    return await_child(caller, make_obedient);
}

static int await_insistent(struct caller *caller)
{
    return await_child(caller, make_insistent);
}

static int await_sleeper(struct caller *caller)
{
    return await_child(caller, make_sleeper);
}

static int await_succeeding(struct caller *caller)
{
    return await_child(caller, make_succeeding);
}

SWITCHING_CALL(await_of_a_task_that_waits, async_await, .kind = JOINS, .in_line = true,
               .set = set_obedient, .make = await_obedient, .supply = supply_item,
               .left = items_left, .check = check_queue);
SWITCHING_CALL(await_of_a_task_that_has_not_begun, async_await, .kind = DEPENDS, .in_line = true,
               .set = set_queue, .make = await_obedient, .supply = supply_item, .left = items_left,
               .check = check_queue);
SWITCHING_CALL(await_of_a_task_that_sleeps, async_await, .kind = JOINS_SLEEPER, .set = set_sleepers,
               .make = await_sleeper);
SWITCHING_CALL(await_of_a_task_that_succeeds_despite_cancel, async_await, .kind = JOINS_SURE,
               .set = set_insistent, .make = await_insistent, .supply = supply_item,
               .left = items_left, .check = check_queue);
SWITCHING_CALL(await_of_a_task_that_has_ended, async_await, .kind = JOINS_SURE,
               .set = set_succeeding, .make = await_succeeding);

static void set_unlike_pairs(struct scene *scene)
{
    set_children(scene, make_insistent, make_obedient);
}

static int gather_pair(struct caller *caller)
{
    async_task *first = take_child(caller, 0, make_obedient);
    async_task *second = take_child(caller, 1, make_obedient);
    int result = async_gather(first, second);
    check_taken(first);
    check_taken(second);
    return result;
}

/* One obeys, the other does not: the error of the one decides. */
static int gather_unlike(struct caller *caller)
{
    async_task *first = take_child(caller, 0, make_insistent);
    async_task *second = take_child(caller, 1, make_obedient);
    int result = async_gather_n((async_task *[]){first, second}, 2, NULL, ASYNC_FIRST_ERROR);
    check_taken(first);
    check_taken(second);
    return result;
}

/* The results that it collects, not its own, tell which tasks got an item. */
static int collect_pair(struct caller *caller)
{
    int results[2];
    async_task *tasks[] = {take_child(caller, 0, make_obedient),
                           take_child(caller, 1, make_obedient)};
    int result = async_gather_n(tasks, 2, results, ASYNC_RETURN_EXCEPTIONS);
    for (int i = 0; i < 2; i++) {
        CHECK(results[i] == 0 || results[i] == -ECANCELED);
        CHECK_EQ(results[i], async_task_result(tasks[i]));
        check_taken(tasks[i]);
    }
    return result;
}

static int gather_none(struct caller *caller)
{
    (void)caller;
    return async_gather_n(NULL, 0, NULL, ASYNC_FIRST_ERROR);
}

SWITCHING_CALL(gather_of_two_that_wait, async_gather, .kind = JOINS, .in_line = true,
               .set = set_obedient_pairs, .make = gather_pair, .supply = supply_pair,
               .left = items_left, .check = check_queue);
SWITCHING_CALL(gather_of_two_that_have_not_begun, async_gather, .kind = DEPENDS, .in_line = true,
               .set = set_queue, .make = gather_pair, .supply = supply_pair, .left = items_left,
               .check = check_queue);
SWITCHING_CALL(gather_n_of_unlike_tasks, async_gather_n, .kind = JOINS, .set = set_unlike_pairs,
               .make = gather_unlike, .supply = supply_pair, .left = items_left,
               .check = check_queue);
SWITCHING_CALL(gather_n_that_collects, async_gather_n, .kind = DEPENDS, .in_line = true,
               .set = set_obedient_pairs, .make = collect_pair, .supply = supply_pair,
               .left = items_left, .check = check_queue);
SWITCHING_CALL(gather_n_of_none, async_gather_n, .kind = JOINS_SURE, .make = gather_none);

/* ---- descriptors ---------------------------------------------------------------------------- */

static int recv_byte(struct caller *caller)
{
    char byte = 0;
    int result = async_recv(caller->scene->ends[0], &byte, 1, 0);
    caller->scene->taken += result == 1;
    CHECK((byte != 0) == (result == 1));
    return result;
}

/* Bytes that were not taken are still there, and the descriptor can be waited for again. */
static void check_socket(struct scene *scene)
{
    char bytes[16];
    supply_byte(scene);
    CHECK_EQ(async_wait_readable(scene->ends[0]), 0);
    CHECK_EQ(async_recv(scene->ends[0], bytes, sizeof bytes, 0), scene->supplied - scene->taken);
    CHECK_EQ(async_timeout(1e-4, async_wait_readable(scene->ends[0])), -ETIMEDOUT);
}

SWITCHING_CALL(recv_when_empty, async_recv, .kind = ASKS_KERNEL, .gives = 1, .in_line = true,
               .set = set_socket, .make = recv_byte, .supply = supply_byte, .left = bytes_left,
               .check = check_socket);
SWITCHING_CALL(recv_when_available, async_recv, .kind = NEED_NOT_WAIT, .gives = 1,
               .set = set_socket_with_bytes, .make = recv_byte, .left = bytes_left,
               .check = check_socket);

static void end_stream(struct scene *scene)
{
    CHECK_EQ(shutdown(scene->ends[1], SHUT_WR), 0);
}

SWITCHING_CALL(recv_until_the_end, async_recv, .kind = ASKS_KERNEL, .set = set_socket,
               .make = recv_byte, .supply = end_stream);

static int wait_readable_end(struct caller *caller)
{
    return async_wait_readable(caller->scene->ends[0]);
}

static void set_file(struct scene *scene)
{
    scene->ends[0] = memfd_create("a regular file", MFD_CLOEXEC);
    CHECK(scene->ends[0] >= 0);
}

SWITCHING_CALL(wait_readable_when_empty, async_wait_readable, .kind = ASKS_KERNEL,
               .set = set_socket, .make = wait_readable_end, .supply = supply_byte,
               .left = bytes_left, .check = check_socket);
SWITCHING_CALL(wait_readable_when_available, async_wait_readable, .kind = DEPENDS,
               .set = set_socket_with_bytes, .make = wait_readable_end, .left = bytes_left,
               .check = check_socket);
SWITCHING_CALL(wait_readable_of_a_file, async_wait_readable, .kind = DEPENDS, .set = set_file,
               .make = wait_readable_end);

static void set_full_socket(struct scene *scene)
{
    set_socket(scene);
    fill_socket(scene->ends[0]);
}

static void supply_room_in_socket(struct scene *scene)
{
    drain_socket(scene->ends[1]);
}

static int wait_writable(struct caller *caller)
{
    return async_wait_writable(caller->scene->ends[0]);
}

static void check_writable(struct scene *scene)
{
    drain_socket(scene->ends[1]);
    CHECK_EQ(async_wait_writable(scene->ends[0]), 0);
    supply_byte(scene);
    CHECK_EQ(async_wait_readable(scene->ends[0]), 0);
}

SWITCHING_CALL(wait_writable_when_full, async_wait_writable, .kind = ASKS_KERNEL,
               .set = set_full_socket, .make = wait_writable, .supply = supply_room_in_socket,
               .check = check_writable);
SWITCHING_CALL(wait_writable_where_there_is_room, async_wait_writable, .kind = DEPENDS,
               .set = set_socket, .make = wait_writable, .check = check_writable);
