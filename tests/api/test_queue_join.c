/*
 * test_queue_join.c: the end of a queue's work: task_done and join, shutdown in both forms with
 * tasks waiting on either side, dropped items, and free.
 */
#include "run/runner.h"
#include "run/queues.h"
#include "run/coroutines.h"
#include <stdlib.h>

enum { WAITING = 1 };

/* Coroutines that make one call and store its result; WAITING until then. */

static int visit_get(async_queue *queue, int *item, int *result)
{
    *result = WAITING;
    *result = async_queue_get(queue, item);
    return 0;
}
async_fn(visit_get, async_queue *, int *, int *);

static int visit_put(async_queue *queue, int item, int *result)
{
    *result = WAITING;
    *result = async_queue_put(queue, &item);
    return 0;
}
async_fn(visit_put, async_queue *, int, int *);

static int visit_join(async_queue *queue, int *result)
{
    *result = WAITING;
    *result = async_queue_join(queue);
    return 0;
}
async_fn(visit_join, async_queue *, int *);

static async_queue *queue_of(size_t maxsize, int count)
{
    async_queue *queue = new_queue(maxsize, sizeof(int));
    for (int i = 1; i <= count; i++)
        CHECK_EQ(async_queue_put_nowait(queue, &i), 0);
    return queue;
}

/* ---- task_done and join --------------------------------------------------------------------- */

LOOP_TEST(queue_join_returns_at_once_when_nothing_is_unfinished)
{
    async_auto_queue *queue = queue_of(0, 0);
    CHECK_EQ(async_queue_join(queue), 0);
    CHECK_EQ(async_queue_put(queue, &(int){1}), 0);
    CHECK_EQ(get_item_nowait(queue), 1);
    async_queue_task_done(queue);
    CHECK_EQ(async_queue_join(queue), 0);
    return 0;
}

LOOP_TEST(queue_join_waits_until_each_item_was_reported_done)
{
    async_auto_queue *queue = queue_of(0, 2);
    int joined;
    async_task *joiner = async_create_task(visit_join, queue, &joined);
    settle();
    CHECK_EQ(get_item_nowait(queue), 1);
    CHECK_EQ(get_item_nowait(queue), 2);
    settle();
    CHECK_EQ(joined, WAITING); /* taken is not done */
    async_queue_task_done(queue);
    settle();
    CHECK_EQ(joined, WAITING);
    async_queue_task_done(queue);
    CHECK_EQ(async_await(joiner), 0);
    CHECK_EQ(joined, 0);
    return 0;
}

LOOP_TEST(queue_join_counts_items_put_after_it_began)
{
    async_auto_queue *queue = queue_of(0, 1);
    int joined;
    async_task *joiner = async_create_task(visit_join, queue, &joined);
    settle();
    CHECK_EQ(async_queue_put(queue, &(int){2}), 0);
    CHECK_EQ(get_item_nowait(queue), 1);
    async_queue_task_done(queue);
    settle();
    CHECK_EQ(joined, WAITING);
    CHECK_EQ(get_item_nowait(queue), 2);
    async_queue_task_done(queue);
    return async_await(joiner);
}

/* An item that was handed over directly was never in the queue, but it counts as unfinished. */
LOOP_TEST(queue_join_counts_items_handed_to_a_waiting_getter)
{
    async_auto_queue *queue = queue_of(0, 0);
    int item, got, joined;
    async_task *getter = async_create_task(visit_get, queue, &item, &got);
    settle();
    CHECK_EQ(async_queue_put(queue, &(int){1}), 0);
    async_task *joiner = async_create_task(visit_join, queue, &joined);
    CHECK_EQ(async_await(getter), 0);
    settle();
    CHECK_EQ(joined, WAITING);
    async_queue_task_done(queue);
    return async_await(joiner);
}

LOOP_TEST(queue_join_releases_every_joining_task)
{
    enum { JOINERS = 5 };
    async_auto_queue *queue = queue_of(0, 1);
    async_task *joiners[JOINERS];
    int joined[JOINERS];
    for (int i = 0; i < JOINERS; i++)
        joiners[i] = async_create_task(visit_join, queue, &joined[i]);
    settle();
    /* a joining task that is cancelled does not wake the others */
    CHECK(async_task_cancel(joiners[2]));
    CHECK_EQ(get_item_nowait(queue), 1);
    async_queue_task_done(queue);
    CHECK_EQ(async_gather_n(joiners, JOINERS, NULL, ASYNC_FIRST_ERROR), 0);
    for (int i = 0; i < JOINERS; i++)
        CHECK_EQ(joined[i], i == 2 ? -ECANCELED : 0);
    return 0;
}

LOOP_TEST(queue_join_is_refused_to_a_cancelled_task)
{
    async_auto_queue *queue = queue_of(0, 0);
    int joined;
    async_task *joiner = async_create_task(visit_join, queue, &joined);
    CHECK(async_task_cancel(joiner));
    CHECK_EQ(async_await(joiner), 0);
    CHECK_EQ(joined, -ECANCELED);
    return 0;
}

DEATH_TEST(queue_task_done_too_often_dies,
           "async_queue_task_done was called more often than items were taken from the queue")
{
    async_queue *queue = queue_of(0, 1);
    CHECK_EQ(get_item_nowait(queue), 1);
    async_queue_task_done(queue);
    async_queue_task_done(queue);
}

DEATH_TEST(queue_task_done_before_the_item_was_taken_dies,
           "async_queue_task_done was called more often than items were taken from the queue")
{
    async_queue_task_done(queue_of(0, 1));
}

/* ---- shutdown ------------------------------------------------------------------------------- */

TEST(queue_shutdown_refuses_puts_and_lets_gets_drain)
{
    async_auto_queue *queue = queue_of(0, 2);
    async_queue_shutdown(queue, false);
    CHECK_EQ(async_queue_put_nowait(queue, &(int){3}), -ESHUTDOWN);
    CHECK_EQ(get_item_nowait(queue), 1);
    CHECK_EQ(get_item_nowait(queue), 2);
    CHECK_EQ(get_item_nowait(queue), -ESHUTDOWN);
}

LOOP_TEST(queue_shutdown_fails_calls_that_come_later_without_waiting)
{
    async_auto_queue *queue = queue_of(1, 1);
    int item;
    async_queue_shutdown(queue, false);
    CHECK_EQ(async_queue_put(queue, &(int){2}), -ESHUTDOWN);
    CHECK_EQ(async_queue_get(queue, &item), 0);
    CHECK_EQ(item, 1);
    CHECK_EQ(async_queue_get(queue, &item), -ESHUTDOWN);
    CHECK(async_time() == 0);
    return 0;
}

LOOP_TEST(queue_shutdown_wakes_waiting_getters)
{
    async_auto_queue *queue = queue_of(0, 0);
    int item = 77, results[2];
    async_task *getters[] = {async_create_task(visit_get, queue, &item, &results[0]),
                             async_create_task(visit_get, queue, &item, &results[1])};
    settle();
    async_queue_shutdown(queue, false);
    CHECK_EQ(async_gather_n(getters, 2, NULL, ASYNC_FIRST_ERROR), 0);
    CHECK_EQ(results[0], -ESHUTDOWN);
    CHECK_EQ(results[1], -ESHUTDOWN);
    CHECK_EQ(item, 77);
    return 0;
}

LOOP_TEST(queue_shutdown_wakes_waiting_putters_without_their_items)
{
    async_auto_queue *queue = queue_of(1, 1);
    int results[2];
    async_task *putters[] = {async_create_task(visit_put, queue, 2, &results[0]),
                             async_create_task(visit_put, queue, 3, &results[1])};
    settle();
    async_queue_shutdown(queue, false);
    CHECK_EQ(async_gather_n(putters, 2, NULL, ASYNC_FIRST_ERROR), 0);
    CHECK_EQ(results[0], -ESHUTDOWN);
    CHECK_EQ(results[1], -ESHUTDOWN);
    CHECK_EQ(get_item_nowait(queue), 1);
    CHECK_EQ(get_item_nowait(queue), -ESHUTDOWN);
    return 0;
}

LOOP_TEST(queue_shutdown_leaves_an_item_that_was_handed_over)
{
    async_auto_queue *queue = queue_of(0, 0);
    int item, result;
    async_task *getter = async_create_task(visit_get, queue, &item, &result);
    settle();
    CHECK_EQ(async_queue_put(queue, &(int){4}), 0);
    async_queue_shutdown(queue, true);
    CHECK_EQ(async_await(getter), 0);
    CHECK_EQ(result, 0);
    CHECK_EQ(item, 4);
    return 0;
}

/*
 * The shutdown came first, so the call returns its error; the request is delivered at the next
 * call.
 */
LOOP_TEST(queue_shutdown_wins_over_a_cancellation_that_comes_later)
{
    async_auto_queue *queue = queue_of(0, 0);
    int item, first, second;
    async_task *getters[] = {async_create_task(visit_get, queue, &item, &first),
                             async_create_task(visit_get, queue, &item, &second)};
    settle();
    CHECK(async_task_cancel(getters[0]));
    async_queue_shutdown(queue, false);
    CHECK(async_task_cancel(getters[1]));
    CHECK_EQ(async_gather_n(getters, 2, NULL, ASYNC_FIRST_ERROR), 0);
    CHECK_EQ(first, -ECANCELED);
    CHECK_EQ(second, -ESHUTDOWN);
    return 0;
}

LOOP_TEST(queue_shutdown_leaves_joiners_until_the_work_is_done)
{
    async_auto_queue *queue = queue_of(0, 1);
    int joined;
    async_task *joiner = async_create_task(visit_join, queue, &joined);
    settle();
    async_queue_shutdown(queue, false);
    settle();
    CHECK_EQ(joined, WAITING);
    CHECK_EQ(get_item_nowait(queue), 1);
    async_queue_task_done(queue);
    return async_await(joiner);
}

/* ---- immediate shutdown --------------------------------------------------------------------- */

TEST(queue_immediate_shutdown_drops_each_item_once)
{
    int dropped = 0;
    async_queue *queue = queue_of(0, 4);
    async_queue_on_drop(queue, append_dropped, &dropped);
    CHECK_EQ(get_item_nowait(queue), 1);
    async_queue_shutdown(queue, true);
    CHECK_EQ(dropped, 234);
    CHECK_EQ(async_queue_qsize(queue), 0);
    CHECK_EQ(get_item_nowait(queue), -ESHUTDOWN);
    async_queue_shutdown(queue, true);
    async_queue_free(queue);
    CHECK_EQ(dropped, 234);
}

TEST(queue_immediate_shutdown_may_follow_a_plain_one)
{
    int dropped = 0;
    async_auto_queue *queue = queue_of(0, 2);
    async_queue_on_drop(queue, append_dropped, &dropped);
    async_queue_shutdown(queue, false);
    CHECK_EQ(dropped, 0);
    async_queue_shutdown(queue, true);
    CHECK_EQ(dropped, 12);
    CHECK_EQ(get_item_nowait(queue), -ESHUTDOWN);
}

LOOP_TEST(queue_immediate_shutdown_releases_joiners)
{
    async_auto_queue *queue = queue_of(0, 3);
    int joined;
    async_task *joiner = async_create_task(visit_join, queue, &joined);
    settle();
    async_queue_shutdown(queue, true);
    CHECK_EQ(async_await(joiner), 0);
    CHECK_EQ(joined, 0);
    return 0;
}

LOOP_TEST(queue_immediate_shutdown_still_waits_for_items_being_processed)
{
    async_auto_queue *queue = queue_of(0, 3);
    int joined;
    async_task *joiner = async_create_task(visit_join, queue, &joined);
    settle();
    CHECK_EQ(get_item_nowait(queue), 1);
    async_queue_shutdown(queue, true);
    settle();
    CHECK_EQ(joined, WAITING);
    async_queue_task_done(queue);
    return async_await(joiner);
}

/* The item of a waiting putter is not in the queue, so the queue does not drop it. */
LOOP_TEST(queue_immediate_shutdown_drops_no_item_of_a_waiting_putter)
{
    int dropped = 0, result;
    async_auto_queue *queue = queue_of(1, 1);
    async_queue_on_drop(queue, append_dropped, &dropped);
    async_task *putter = async_create_task(visit_put, queue, 2, &result);
    settle();
    async_queue_shutdown(queue, true);
    CHECK_EQ(async_await(putter), 0);
    CHECK_EQ(result, -ESHUTDOWN);
    CHECK_EQ(dropped, 1);
    return 0;
}

/* ---- freed too early ------------------------------------------------------------------------ */

static int free_under_a_getter(void)
{
    int item, result;
    async_queue *queue = queue_of(0, 0);
    async_task *getter = async_create_task(visit_get, queue, &item, &result);
    settle();
    async_queue_free(queue);
    CHECK_EQ(async_await(getter), 0);
    CHECK_EQ(result, -ECANCELED);
    abort(); /* the death test reads the report of debug mode */
}
async_fn(free_under_a_getter);

DEATH_TEST(queue_free_names_the_first_that_waits_in_debug_mode,
           "async_queue_free: task #2 'visit_get' (created at |waits in async_queue_get and gets "
           "-ECANCELED|task group")
{
    async_run_options options = *test_options();
    options.debug = true;
    async_ignore(async_run_with(&options, free_under_a_getter));
}

/* One waiter of each kind. Each gets an error, and no request to cancel. */
static int get_from(async_queue *queue)
{
    int item = 0, result = async_queue_get(queue, &item);
    CHECK_STR(async_strerror(result), "-ECANCELED: async_queue_get: what it waits on was freed");
    CHECK_EQ(async_task_cancelling(async_current_task()), 0);
    return async_sleep(0) == 0 ? result : -EINVAL; /* nor is it refused afterwards */
}
async_fn(get_from, async_queue *);

static int select_on(async_queue *queue)
{
    int item = 0, result = 0;
    const async_case cases[] = {async_on_timeout(100), async_on_get(queue, &item)};
    CHECK_EQ(async_select_n(cases, 2, &result), 1);
    return result;
}
async_fn(select_on, async_queue *);

LOOP_TEST(queue_free_ends_the_waits_of_getters)
{
    async_queue *queue = queue_of(0, 0);
    async_task *tasks[] = {async_create_task(get_from, queue), async_create_task(select_on, queue),
                           async_create_task(get_from, queue)};
    int results[3];
    settle();
    async_queue_free(queue);
    CHECK_EQ(async_gather_n(tasks, 3, results, ASYNC_RETURN_EXCEPTIONS), 0);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(results[i], -ECANCELED);
    return 0;
}

LOOP_TEST(queue_free_ends_the_waits_of_putters_and_joiners)
{
    int put = 0, joined = 0;
    async_queue *queue = queue_of(1, 1);
    async_task *putter = async_create_task(visit_put, queue, 2, &put);
    async_task *joiner = async_create_task(visit_join, queue, &joined);
    settle();
    async_queue_free(queue);
    CHECK_EQ(async_gather(putter, joiner), 0);
    CHECK_EQ(put, -ECANCELED);
    CHECK_EQ(joined, -ECANCELED);
    return 0;
}

/* The task was busy when the queue was freed. */
LOOP_TEST(queue_calls_after_free_give_an_error)
{
    int item = 7, result = 0;
    for (int i = 0; i < 1000; i++) /* no more than a few are kept */
        async_queue_free(queue_of(1, 1));
    async_queue *queue = queue_of(1, 1);
    async_queue_free(queue);
    CHECK_EQ(async_queue_get(queue, &item), -ECANCELED);
    CHECK_STR(async_strerror(-ECANCELED), "-ECANCELED: the queue was freed");
    CHECK_EQ(async_queue_put(queue, &item), -ECANCELED);
    CHECK_EQ(async_queue_join(queue), -ECANCELED);
    CHECK_EQ(async_queue_put_nowait(queue, &item), -ECANCELED);
    CHECK_EQ(async_queue_get_nowait(queue, &item), -ECANCELED);
    const async_case cases[] = {async_on_get(queue, &item)};
    CHECK_EQ(async_select_n(cases, 1, &result), 0);
    CHECK_EQ(result, -ECANCELED);
    async_queue_task_done(queue);
    async_queue_shutdown(queue, true);
    return 0;
}

static int free_twice(void)
{
    async_queue *queue = queue_of(1, 1);
    async_queue_free(queue);
    async_queue_free(queue);
    return 0;
}
async_fn(free_twice);

DEATH_TEST(queue_freed_twice_dies, "async_queue_free: the queue was freed already")
{
    async_ignore(async_run_with(test_options(), free_twice));
}

/* As in the tutorial: it says that the item is done whatever became of the work. */
static int consume_slowly(async_queue *queue)
{
    for (int item;;) {
        ASYNC_TRY(async_queue_get(queue, &item));
        int result = async_sleep(1);
        async_queue_task_done(queue);
        ASYNC_TRY(result);
    }
}
async_fn(consume_slowly, async_queue *);

static int leave_a_slow_consumer(void)
{
    int item = 7;
    async_auto_queue *queue = new_queue(0, sizeof(int));
    async_task_detach(async_create_task(consume_slowly, queue));
    ASYNC_TRY(async_queue_put(queue, &item));
    return async_sleep(0.5);
}
async_fn(leave_a_slow_consumer);

TEST_EACH_BACKEND(queue_freed_at_the_end_of_the_run_ignores_task_done)
{
    CHECK_EQ(async_run_with(test_options(), leave_a_slow_consumer), 0);
}

/* The consumer is in no group and its handle is never taken; it still ends in order. */
static int consume_all(async_queue *queue)
{
    for (int item;;)
        ASYNC_TRY(async_queue_get(queue, &item));
}
async_fn(consume_all, async_queue *);

static int leave_a_consumer(int detached, int has_item)
{
    async_auto_queue *queue = new_queue(0, sizeof(int));
    async_task *consumer = async_create_task(consume_all, queue);
    if (detached)
        async_task_detach(consumer);
    settle();
    if (has_item) /* the consumer is ready when the queue goes, and then asks for another item */
        CHECK_EQ(async_queue_put(queue, &has_item), 0);
    return detached ? 0 : -ECANCELED;
}
async_fn(leave_a_consumer, int, int);

TEST_EACH_BACKEND(queue_freed_at_the_end_of_the_run_ends_its_consumers)
{
    for (int i = 0; i < 4; i++)
        CHECK_EQ(async_run_with(test_options(), leave_a_consumer, i & 1, i & 2),
                 i & 1 ? 0 : -ECANCELED);
}
