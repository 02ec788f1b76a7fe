/*
 * test_queue_wait.c: tasks that wait for an item or for room: in which order they are served, and
 * what a cancellation or a timeout undoes. The rule: the first event wins. A task that was handed
 * an item keeps it; a task that was cancelled first leaves no trace in the queue.
 */
#include "run/runner.h"
#include "run/queues.h"
#include "run/coroutines.h"

enum { WAITING = 1 };

/* The state and result of one task's put or get. */
struct visit {
    int item;        /* the item to put, or the item that was got */
    int result;      /* of the call; WAITING until it returned */
    int next_result; /* of an async_sleep(0) after it */
    int place;       /* 1 for the visit that ended first, then 2, 3… */
};

static int visits_ended;

static int end_visit(struct visit *visit, int result)
{
    visit->result = result;
    visit->place = ++visits_ended;
    visit->next_result = async_sleep(0);
    return 0;
}

static int visit_get(async_queue *queue, struct visit *visit)
{
    visit->result = WAITING;
    return end_visit(visit, async_queue_get(queue, &visit->item));
}
async_fn(visit_get, async_queue *, struct visit *);

static int visit_put(async_queue *queue, struct visit *visit)
{
    visit->result = WAITING;
    return end_visit(visit, async_queue_put(queue, &visit->item));
}
async_fn(visit_put, async_queue *, struct visit *);

static int put_now(async_queue *queue, int item)
{
    return async_queue_put_nowait(queue, &item);
}

static async_queue *full_queue(int item)
{
    async_queue *queue = new_queue(1, sizeof(int));
    CHECK_EQ(put_now(queue, item), 0);
    return queue;
}

/* ---- waiting, and not waiting --------------------------------------------------------------- */

LOOP_TEST(queue_get_waits_until_an_item_is_put)
{
    async_auto_queue *queue = new_queue(0, sizeof(int));
    struct visit visit;
    async_task *getter = async_create_task(visit_get, queue, &visit);
    settle();
    CHECK_EQ(visit.result, WAITING);
    CHECK_EQ(put_now(queue, 42), 0);
    CHECK_EQ(visit.result, WAITING); /* woken, but it does not run inside the put */
    CHECK_EQ(async_await(getter), 0);
    CHECK_EQ(visit.result, 0);
    CHECK_EQ(visit.item, 42);
    return 0;
}

LOOP_TEST(queue_put_waits_until_there_is_room)
{
    async_auto_queue *queue = full_queue(1);
    struct visit visit = {.item = 2};
    async_task *putter = async_create_task(visit_put, queue, &visit);
    settle();
    CHECK_EQ(visit.result, WAITING);
    CHECK_EQ(async_queue_qsize(queue), 1);
    CHECK_EQ(get_item_nowait(queue), 1);
    CHECK_EQ(async_queue_qsize(queue), 1); /* the place is taken at once */
    CHECK_EQ(async_await(putter), 0);
    CHECK_EQ(visit.result, 0);
    CHECK_EQ(get_item_nowait(queue), 2);
    return 0;
}

LOOP_TEST(queue_calls_that_need_not_wait_do_not_switch)
{
    async_auto_queue *queue = new_queue(2, sizeof(int));
    bool others_ran = false;
    int item;
    async_task *other = async_create_task(set_flag, &others_ran);
    CHECK_EQ(async_queue_put(queue, &(int){1}), 0);
    CHECK_EQ(async_queue_put(queue, &(int){2}), 0);
    CHECK_EQ(async_queue_get(queue, &item), 0);
    CHECK_EQ(async_queue_get(queue, &item), 0);
    CHECK_EQ(item, 2);
    CHECK(!others_ran);
    return async_await(other);
}

/* ---- who is served when --------------------------------------------------------------------- */

enum { THREE = 3 };

LOOP_TEST(queue_serves_getters_in_the_order_they_came)
{
    async_auto_queue *queue = new_queue(0, sizeof(int));
    struct visit visits[THREE];
    async_task *getters[THREE];
    for (int i = 0; i < THREE; i++)
        getters[i] = async_create_task(visit_get, queue, &visits[i]);
    settle();
    for (int i = 0; i < THREE; i++)
        CHECK_EQ(put_now(queue, 10 + i), 0);
    CHECK_EQ(async_gather_n(getters, THREE, NULL, ASYNC_FIRST_ERROR), 0);
    for (int i = 0; i < THREE; i++) {
        CHECK_EQ(visits[i].item, 10 + i);
        CHECK_EQ(visits[i].place, i + 1);
    }
    return 0;
}

LOOP_TEST(queue_lets_putters_in_in_the_order_they_came)
{
    async_auto_queue *queue = full_queue(10);
    struct visit visits[THREE] = {{.item = 11}, {.item = 12}, {.item = 13}};
    async_task *putters[THREE];
    for (int i = 0; i < THREE; i++)
        putters[i] = async_create_task(visit_put, queue, &visits[i]);
    settle();
    for (int item = 10; item <= 13; item++)
        CHECK_EQ(get_item_nowait(queue), item);
    CHECK_EQ(async_gather_n(putters, THREE, NULL, ASYNC_FIRST_ERROR), 0);
    for (int i = 0; i < THREE; i++)
        CHECK_EQ(visits[i].place, i + 1);
    return 0;
}

LOOP_TEST(queue_gives_an_item_to_the_waiting_getter_before_a_later_one)
{
    async_auto_queue *queue = new_queue(0, sizeof(int));
    struct visit visit;
    async_task *getter = async_create_task(visit_get, queue, &visit);
    settle();
    CHECK_EQ(put_now(queue, 5), 0);
    CHECK(async_queue_empty(queue));
    CHECK_EQ(get_item_nowait(queue), -EAGAIN);
    CHECK_EQ(async_await(getter), 0);
    CHECK_EQ(visit.item, 5);
    return 0;
}

LOOP_TEST(queue_gives_room_to_the_waiting_putter_before_a_later_one)
{
    async_auto_queue *queue = full_queue(1);
    struct visit visit = {.item = 2};
    async_task *putter = async_create_task(visit_put, queue, &visit);
    settle();
    CHECK_EQ(get_item_nowait(queue), 1);
    CHECK(async_queue_full(queue));
    CHECK_EQ(put_now(queue, 3), -EAGAIN);
    CHECK_EQ(async_await(putter), 0);
    CHECK_EQ(get_item_nowait(queue), 2);
    return 0;
}

static int descending(const void *a, const void *b)
{
    return *(const int *)b - *(const int *)a;
}

/* A queue with room for one item: an item of a waiting putter is ordered only when it enters. */
LOOP_TEST(queue_orders_items_when_they_come_in)
{
    async_auto_queue *queue = new_priority_queue(1, sizeof(int), descending);
    struct visit visits[THREE] = {{.item = 2}, {.item = 3}, {.item = 4}};
    async_task *putters[THREE];
    for (int i = 0; i < THREE; i++)
        putters[i] = async_create_task(visit_put, queue, &visits[i]);
    settle();
    for (int item = 2; item <= 4; item++)
        CHECK_EQ(get_item_nowait(queue), item);
    return async_gather_n(putters, THREE, NULL, ASYNC_FIRST_ERROR);
}

/* ---- cancelled while it waits --------------------------------------------------------------- */

LOOP_TEST(queue_getter_that_is_cancelled_takes_no_item)
{
    async_auto_queue *queue = new_queue(0, sizeof(int));
    struct visit first = {.item = 77}, second;
    async_task *getters[] = {async_create_task(visit_get, queue, &first),
                             async_create_task(visit_get, queue, &second)};
    settle();
    CHECK(async_task_cancel(getters[0]));
    CHECK_EQ(put_now(queue, 1), 0);
    CHECK_EQ(async_gather_n(getters, 2, NULL, ASYNC_FIRST_ERROR), 0);
    CHECK_EQ(first.result, -ECANCELED);
    CHECK_EQ(first.item, 77);
    CHECK_EQ(second.item, 1);
    return 0;
}

LOOP_TEST(queue_getter_that_was_handed_an_item_keeps_it_when_cancelled)
{
    async_auto_queue *queue = new_queue(0, sizeof(int));
    struct visit visit;
    async_task *getter = async_create_task(visit_get, queue, &visit);
    settle();
    CHECK_EQ(put_now(queue, 9), 0);
    CHECK(async_task_cancel(getter));
    CHECK_EQ(async_await(getter), 0);
    CHECK_EQ(visit.result, 0);
    CHECK_EQ(visit.item, 9);
    CHECK_EQ(visit.next_result, -ECANCELED);
    return 0;
}

LOOP_TEST(queue_putter_that_is_cancelled_has_put_nothing)
{
    async_auto_queue *queue = full_queue(1);
    struct visit first = {.item = 2}, second = {.item = 3};
    async_task *putters[] = {async_create_task(visit_put, queue, &first),
                             async_create_task(visit_put, queue, &second)};
    settle();
    CHECK(async_task_cancel(putters[0]));
    CHECK_EQ(get_item_nowait(queue), 1); /* the place goes on to the next in line */
    CHECK_EQ(async_gather_n(putters, 2, NULL, ASYNC_FIRST_ERROR), 0);
    CHECK_EQ(first.result, -ECANCELED);
    CHECK_EQ(second.result, 0);
    CHECK_EQ(get_item_nowait(queue), 3);
    CHECK_EQ(get_item_nowait(queue), -EAGAIN);
    return 0;
}

LOOP_TEST(queue_putter_that_was_let_in_has_put_even_when_cancelled)
{
    async_auto_queue *queue = full_queue(1);
    struct visit visit = {.item = 2};
    async_task *putter = async_create_task(visit_put, queue, &visit);
    settle();
    CHECK_EQ(get_item_nowait(queue), 1);
    CHECK(async_task_cancel(putter));
    CHECK_EQ(async_await(putter), 0);
    CHECK_EQ(visit.result, 0);
    CHECK_EQ(visit.next_result, -ECANCELED);
    CHECK_EQ(get_item_nowait(queue), 2);
    return 0;
}

LOOP_TEST(queue_calls_of_a_cancelled_task_have_no_effect)
{
    async_auto_queue *queue = new_queue(2, sizeof(int));
    struct visit get = {.item = 77}, put = {.item = 2};
    CHECK_EQ(put_now(queue, 1), 0);
    async_task *tasks[] = {async_create_task(visit_get, queue, &get),
                           async_create_task(visit_put, queue, &put)};
    CHECK(async_task_cancel(tasks[0]) && async_task_cancel(tasks[1]));
    CHECK_EQ(async_gather_n(tasks, 2, NULL, ASYNC_FIRST_ERROR), 0);
    CHECK_EQ(get.result, -ECANCELED);
    CHECK_EQ(put.result, -ECANCELED);
    CHECK_EQ(get.item, 77);
    CHECK_EQ(async_queue_qsize(queue), 1);
    CHECK_EQ(get_item_nowait(queue), 1);
    return 0;
}

static int get_after_answering(async_queue *queue, int *item)
{
    CHECK_EQ(async_queue_get(queue, item), -ECANCELED);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return async_queue_get(queue, item);
}
async_fn(get_after_answering, async_queue *, int *);

LOOP_TEST(queue_getter_that_uncancels_can_wait_again)
{
    async_auto_queue *queue = new_queue(0, sizeof(int));
    int item = 0;
    async_task *getter = async_create_task(get_after_answering, queue, &item);
    settle();
    CHECK(async_task_cancel(getter));
    settle();
    CHECK_EQ(put_now(queue, 3), 0);
    CHECK_EQ(async_await(getter), 0);
    CHECK_EQ(item, 3);
    return 0;
}

/* ---- timeouts ------------------------------------------------------------------------------- */

LOOP_TEST(queue_get_that_times_out_takes_no_item)
{
    async_auto_queue *queue = new_queue(0, sizeof(int));
    int item = 77;
    CHECK_EQ(async_timeout(2, async_queue_get(queue, &item)), -ETIMEDOUT);
    CHECK(async_time() == 2);
    CHECK_EQ(item, 77);
    CHECK_EQ(put_now(queue, 1), 0);
    CHECK_EQ(async_timeout(2, async_queue_get(queue, &item)), 0);
    CHECK_EQ(item, 1);
    CHECK(async_time() == 2);
    return 0;
}

LOOP_TEST(queue_put_that_times_out_has_put_nothing)
{
    async_auto_queue *queue = full_queue(1);
    CHECK_EQ(async_timeout(2, async_queue_put(queue, &(int){2})), -ETIMEDOUT);
    CHECK(async_time() == 2);
    CHECK_EQ(get_item_nowait(queue), 1);
    CHECK_EQ(get_item_nowait(queue), -EAGAIN);
    return 0;
}

static int get_within(async_queue *queue, double limit, struct visit *visit)
{
    visit->result = WAITING;
    return end_visit(visit, async_timeout(limit, async_queue_get(queue, &visit->item)));
}
async_fn(get_within, async_queue *, double, struct visit *);

/* The getter is woken with its item, and its time runs out before its turn has come. */
static int hand_over_at_the_last_moment(void)
{
    async_auto_queue *queue = new_queue(0, sizeof(int));
    const double limit = 0.001;
    struct visit visit;
    async_task *getter = async_create_task(get_within, queue, limit, &visit);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(put_now(queue, 1), 0);
    for (double until = async_time() + limit; async_time() <= until;)
        continue;
    CHECK_EQ(visit.result, WAITING);
    CHECK_EQ(async_await(getter), 0);
    CHECK_EQ(visit.result, 0);
    CHECK_EQ(visit.item, 1);
    return 0;
}
async_fn(hand_over_at_the_last_moment);

/* On the real clock, because virtual time stands still while a task is ready. */
TEST(queue_item_handed_over_at_the_last_moment_is_kept)
{
    CHECK_EQ(async_run_with(&(async_run_options){.backend = "epoll"}, hand_over_at_the_last_moment),
             0);
}

LOOP_TEST(queue_timeouts_leave_the_other_waiters_in_order)
{
    async_auto_queue *queue = new_queue(0, sizeof(int));
    struct visit impatient, patient;
    async_task *getters[] = {async_create_task(get_within, queue, 2.0, &impatient),
                             async_create_task(get_within, queue, 9.0, &patient)};
    CHECK_EQ(async_sleep(3), 0);
    CHECK_EQ(impatient.result, -ETIMEDOUT);
    CHECK_EQ(put_now(queue, 1), 0);
    CHECK_EQ(async_gather_n(getters, 2, NULL, ASYNC_FIRST_ERROR), 0);
    CHECK_EQ(patient.item, 1);
    return 0;
}

/* ---- the queue goes before the waiters have run --------------------------------------------- */

/* No task waits on it any more: both were woken, and the reason for that is in their own frames. */
LOOP_TEST(queue_may_be_freed_once_its_waiters_are_woken)
{
    async_queue *queue = new_queue(0, sizeof(int));
    struct visit served, refused;
    async_task *getters[] = {async_create_task(visit_get, queue, &served),
                             async_create_task(visit_get, queue, &refused)};
    settle();
    CHECK_EQ(put_now(queue, 6), 0);
    async_queue_shutdown(queue, false);
    async_queue_free(queue);
    CHECK_EQ(async_gather_n(getters, 2, NULL, ASYNC_FIRST_ERROR), 0);
    CHECK_EQ(served.item, 6);
    CHECK_EQ(refused.result, -ESHUTDOWN);
    return 0;
}
