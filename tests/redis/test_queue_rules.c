/*
 * test_queue_rules.c: the rules of async_queue that hold for a local queue and for one in Redis
 * alike. test_queue_differences.c has those where the kinds differ.
 */
#include "redis/queue_rules.h"
#include "run/coroutines.h"
#include <string.h>

/* ---- tasks that use the queue --------------------------------------------------------------- */

/* One call of a task. */
struct call {
    int item;   /* to put, or got */
    int result; /* RULE_WAITING until it has returned */
};

static int call_get(async_queue *queue, struct call *call)
{
    call->result = RULE_WAITING;
    call->result = async_queue_get(queue, &call->item);
    if (call->result == 0)
        async_queue_task_done(queue);
    return call->result;
}
async_fn(call_get, async_queue *, struct call *);

static int call_put(async_queue *queue, struct call *call)
{
    call->result = RULE_WAITING;
    return call->result = async_queue_put(queue, &call->item);
}
async_fn(call_put, async_queue *, struct call *);

static int call_join(async_queue *queue)
{
    return async_queue_join(queue);
}
async_fn(call_join, async_queue *);

static int end_of(async_task *task)
{
    return async_timeout(RULE_LIMIT, async_await(task));
}

/* ---- putting and getting -------------------------------------------------------------------- */

QUEUE_RULE(items_come_in_the_order_of_the_puts)
{
    async_auto_queue *queue = rule_queue(rule, 0);
    rule_put(queue, 0, 10);
    for (int i = 0; i < 10; i++)
        CHECK_EQ(rule_get_done(queue), i);
    CHECK_EQ(rule_get(queue, RULE_MOMENT), -ETIMEDOUT);
}

QUEUE_RULE(least_item_comes_first)
{
    static const int items[] = {3, 1, 4, 0, 2};
    async_auto_queue *queue = rule_priority_queue(rule);
    for (int i = 0; i < 5; i++)
        rule_put(queue, items[i], 1);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(rule_get_done(queue), i);
}

QUEUE_RULE(get_waits_for_an_item)
{
    async_auto_queue *queue = rule_queue(rule, 0);
    struct call call;
    async_task *getter = async_create_task(call_get, queue, &call);
    CHECK_EQ(async_sleep(RULE_MOMENT), 0);
    CHECK_EQ(call.result, RULE_WAITING);
    rule_put(queue, 42, 1);
    CHECK_EQ(end_of(getter), 0);
    CHECK_EQ(call.item, 42);
}

QUEUE_RULE(getters_are_served_in_the_order_they_came)
{
    enum { GETTERS = 5 };
    async_auto_queue *queue = rule_queue(rule, 0);
    struct call calls[GETTERS];
    async_task *getters[GETTERS];
    for (int i = 0; i < GETTERS; i++)
        getters[i] = async_create_task(call_get, queue, &calls[i]);
    CHECK_EQ(async_sleep(0.01), 0);
    rule_put(queue, 10, GETTERS);
    for (int i = 0; i < GETTERS; i++) {
        CHECK_EQ(end_of(getters[i]), 0);
        CHECK_EQ(calls[i].item, 10 + i);
    }
}

QUEUE_RULE(put_waits_for_room)
{
    async_auto_queue *queue = rule_queue(rule, 2);
    struct call call = {.item = 3};
    rule_put(queue, 1, 2);
    async_task *putter = async_create_task(call_put, queue, &call);
    CHECK_EQ(async_sleep(RULE_MOMENT), 0);
    CHECK_EQ(call.result, RULE_WAITING);
    CHECK_EQ(rule_get_done(queue), 1);
    CHECK_EQ(end_of(putter), 0);
    CHECK_EQ(rule_get_done(queue), 2);
    CHECK_EQ(rule_get_done(queue), 3);
}

QUEUE_RULE(queue_without_a_limit_has_always_room)
{
    enum { MANY = 300 };
    async_auto_queue *queue = rule_queue(rule, 0);
    CHECK_EQ(async_queue_maxsize(queue), 0);
    rule_put(queue, 0, MANY);
    CHECK(!async_queue_full(queue));
    for (int i = 0; i < MANY; i++)
        CHECK_EQ(rule_get_done(queue), i);
}

QUEUE_RULE(size_is_known)
{
    async_auto_queue *queue = rule_queue(rule, 2);
    CHECK_EQ(async_queue_maxsize(queue), 2);
    CHECK(async_queue_empty(queue) && !async_queue_full(queue));
    rule_put(queue, 0, 1);
    RULE_UNTIL(async_queue_qsize(queue) == 1);
    CHECK(!async_queue_empty(queue) && !async_queue_full(queue));
    rule_put(queue, 1, 1);
    RULE_UNTIL(async_queue_full(queue));
    CHECK_EQ(async_queue_qsize(queue), 2);
    CHECK_EQ(rule_get_done(queue), 0);
    CHECK_EQ(rule_get_done(queue), 1);
    RULE_UNTIL(async_queue_empty(queue));
    CHECK_EQ(async_queue_qsize(queue), 0);
}

static int put_numbers(async_queue *queue, int first, int count)
{
    rule_put(queue, first, count);
    return 0;
}
async_fn(put_numbers, async_queue *, int, int);

static int count_items(async_queue *queue, int *seen)
{
    for (;;) {
        int item;
        ASYNC_TRY(async_queue_get(queue, &item));
        seen[item]++;
        async_queue_task_done(queue);
    }
}
async_fn(count_items, async_queue *, int *);

QUEUE_RULE(many_tasks_take_each_item_once)
{
    enum { PUTTERS = 4, GETTERS = 5, EACH = 50, ITEMS = PUTTERS * EACH };
    async_auto_queue *queue = rule_queue(rule, 20);
    int seen[ITEMS] = {0};
    ASYNC_TASK_GROUP(getters);
    ASYNC_TASK_GROUP(putters);
    for (int i = 0; i < GETTERS; i++)
        async_group_create_task(&getters, count_items, queue, seen);
    for (int i = 0; i < PUTTERS; i++)
        async_group_create_task(&putters, put_numbers, queue, i * EACH, EACH);
    CHECK_EQ(async_group_wait(&putters), 0);
    CHECK_EQ(async_timeout(RULE_LIMIT, async_queue_join(queue)), 0);
    for (int i = 0; i < ITEMS; i++)
        CHECK_EQ(seen[i], 1);
    async_group_cancel(&getters);
    CHECK_EQ(async_group_wait(&getters), 0);
}

/* ---- cancelled, timed out ------------------------------------------------------------------- */

QUEUE_RULE(get_that_times_out_takes_nothing)
{
    async_auto_queue *queue = rule_queue(rule, 0);
    CHECK_EQ(rule_get(queue, 0.05), -ETIMEDOUT);
    rule_put(queue, 1, 1);
    CHECK_EQ(rule_get_done(queue), 1);
}

QUEUE_RULE(get_that_is_cancelled_leaves_the_item_to_the_next)
{
    async_auto_queue *queue = rule_queue(rule, 0);
    struct call calls[2];
    async_task *first = async_create_task(call_get, queue, &calls[0]);
    async_task *second = async_create_task(call_get, queue, &calls[1]);
    CHECK_EQ(async_sleep(0.05), 0);
    CHECK(async_task_cancel(first));
    CHECK_EQ(end_of(first), -ECANCELED);
    rule_put(queue, 7, 1);
    CHECK_EQ(end_of(second), 0);
    CHECK_EQ(calls[1].item, 7);
}

/* At every moment between its begin and its end. */
QUEUE_RULE(cancelled_gets_lose_nothing)
{
    enum { ROUNDS = 60 };
    async_auto_queue *queue = rule_queue(rule, 0);
    int seen[ROUNDS] = {0}, got = 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct call call;
        async_task *getter = async_create_task(call_get, queue, &call);
        rule_put(queue, i, 1);
        CHECK_EQ(i % 2 == 0 ? turns(i / 2 % 8) : async_sleep(i * 20e-6), 0);
        async_task_cancel(getter);
        if (end_of(getter) == 0)
            seen[call.item]++, got++;
    }
    for (; got < ROUNDS; got++) {
        int item = rule_get_done(queue);
        CHECK(item >= 0);
        seen[item]++;
    }
    for (int i = 0; i < ROUNDS; i++)
        CHECK_EQ(seen[i], 1);
    CHECK_EQ(async_timeout(RULE_LIMIT, async_queue_join(queue)), 0);
}

QUEUE_RULE(put_that_is_cancelled_while_it_is_full_puts_nothing)
{
    async_auto_queue *queue = rule_queue(rule, 1);
    struct call call = {.item = 2};
    rule_put(queue, 1, 1);
    async_task *putter = async_create_task(call_put, queue, &call);
    CHECK_EQ(async_sleep(0.05), 0);
    CHECK(async_task_cancel(putter));
    CHECK_EQ(end_of(putter), -ECANCELED);
    CHECK_EQ(async_timeout(0.05, async_queue_put(queue, &(int){3})), -ETIMEDOUT);
    CHECK_EQ(rule_get_done(queue), 1);
    CHECK_EQ(rule_get(queue, RULE_MOMENT), -ETIMEDOUT);
}

static int use_cancelled(async_queue *queue)
{
    int item = 77;
    CHECK_EQ(async_queue_put(queue, &item), -ECANCELED);
    CHECK_EQ(async_queue_get(queue, &item), -ECANCELED);
    CHECK_EQ(async_queue_join(queue), -ECANCELED);
    CHECK_EQ(item, 77);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return async_queue_get(queue, &item) < 0 ? -EIO : item;
}
async_fn(use_cancelled, async_queue *);

QUEUE_RULE(calls_of_a_cancelled_task_have_no_effect)
{
    async_auto_queue *queue = rule_queue(rule, 0);
    rule_put(queue, 5, 1);
    async_task *task = async_create_task(use_cancelled, queue);
    CHECK(async_task_cancel(task));
    CHECK_EQ(end_of(task), 5);
}

/* ---- select --------------------------------------------------------------------------------- */

QUEUE_RULE(select_takes_from_the_queue_that_has_an_item)
{
    async_auto_queue *queue = rule_queue(rule, 0), *second = rule_second_queue(rule);
    int item = 0;
    CHECK_EQ(async_select(async_on_get(queue, &item), async_on_timeout(0.05)), 1);
    rule_put(second, 4, 1);
    CHECK_EQ(async_select(async_on_get(queue, &item), async_on_get(second, &item),
                          async_on_timeout(RULE_LIMIT)),
             1);
    CHECK_EQ(item, 4);
    async_queue_task_done(second);
    rule_put(queue, 6, 1);
    CHECK_EQ(rule_get_done(queue), 6); /* the selects have not taken it */
}

QUEUE_RULE(select_takes_one_item_of_two)
{
    async_auto_queue *queue = rule_queue(rule, 0), *second = rule_second_queue(rule);
    int item = 0;
    rule_put(queue, 1, 1);
    rule_put(second, 2, 1);
    int chosen = async_select(async_on_get(queue, &item), async_on_get(second, &item));
    CHECK(chosen == 0 || chosen == 1);
    CHECK_EQ(item, chosen + 1);
    async_queue_task_done(chosen == 0 ? queue : second);
    CHECK_EQ(rule_get_done(chosen == 0 ? second : queue), 2 - chosen);
    CHECK_EQ(async_timeout(RULE_LIMIT, async_queue_join(queue)), 0);
    CHECK_EQ(async_timeout(RULE_LIMIT, async_queue_join(second)), 0);
}

/* ---- reports -------------------------------------------------------------------------------- */

QUEUE_RULE(join_of_an_empty_queue_returns)
{
    async_auto_queue *queue = rule_queue(rule, 0);
    CHECK_EQ(async_timeout(RULE_LIMIT, async_queue_join(queue)), 0);
}

QUEUE_RULE(join_waits_for_each_report)
{
    async_auto_queue *queue = rule_queue(rule, 0);
    rule_put(queue, 1, 2);
    CHECK_EQ(async_timeout(RULE_MOMENT, async_queue_join(queue)), -ETIMEDOUT);
    CHECK_EQ(rule_get_done(queue), 1);
    CHECK_EQ(rule_get(queue, RULE_LIMIT), 2);
    CHECK_EQ(async_timeout(RULE_MOMENT, async_queue_join(queue)), -ETIMEDOUT);
    async_queue_task_done(queue);
    CHECK_EQ(async_timeout(RULE_LIMIT, async_queue_join(queue)), 0);
}

QUEUE_RULE(join_releases_every_task_that_joins)
{
    enum { JOINERS = 3 };
    async_auto_queue *queue = rule_queue(rule, 0);
    async_task *joiners[JOINERS];
    rule_put(queue, 1, 1);
    for (int i = 0; i < JOINERS; i++)
        joiners[i] = async_create_task(call_join, queue);
    CHECK_EQ(async_sleep(0.05), 0);
    CHECK(async_task_cancel(joiners[1]));
    CHECK_EQ(rule_get_done(queue), 1);
    for (int i = 0; i < JOINERS; i++)
        CHECK_EQ(end_of(joiners[i]), i == 1 ? -ECANCELED : 0);
}

QUEUE_RULE(task_reports_several_items)
{
    async_auto_queue *queue = rule_queue(rule, 0);
    rule_put(queue, 1, 3);
    for (int i = 1; i <= 3; i++)
        CHECK_EQ(rule_get(queue, RULE_LIMIT), i);
    for (int i = 1; i <= 3; i++)
        async_queue_task_done(queue);
    CHECK_EQ(async_timeout(RULE_LIMIT, async_queue_join(queue)), 0);
}

/* ---- shutdown ------------------------------------------------------------------------------- */

QUEUE_RULE(shutdown_refuses_puts_and_ends_gets)
{
    async_auto_queue *queue = rule_queue(rule, 0);
    int item = 77;
    async_queue_shutdown(queue, false);
    CHECK_EQ(async_queue_put(queue, &item), -ESHUTDOWN);
    CHECK_EQ(async_queue_put_nowait(queue, &item), -ESHUTDOWN);
    CHECK_EQ(async_queue_get(queue, &item), -ESHUTDOWN);
    CHECK_EQ(async_queue_get_nowait(queue, &item), -ESHUTDOWN);
    CHECK_EQ(async_select(async_on_get(queue, &item)), -ESHUTDOWN);
    CHECK_EQ(item, 77);
}

QUEUE_RULE(shutdown_ends_the_waits_of_getters)
{
    async_auto_queue *queue = rule_queue(rule, 0);
    struct call calls[2];
    async_task *getters[] = {async_create_task(call_get, queue, &calls[0]),
                             async_create_task(call_get, queue, &calls[1])};
    CHECK_EQ(async_sleep(0.05), 0);
    async_queue_shutdown(queue, false);
    CHECK_EQ(end_of(getters[0]), -ESHUTDOWN);
    CHECK_EQ(end_of(getters[1]), -ESHUTDOWN);
}

QUEUE_RULE(shutdown_ends_the_waits_of_putters)
{
    async_auto_queue *queue = rule_queue(rule, 1);
    struct call calls[] = {{.item = 2}, {.item = 3}};
    rule_put(queue, 1, 1);
    async_task *putters[] = {async_create_task(call_put, queue, &calls[0]),
                             async_create_task(call_put, queue, &calls[1])};
    CHECK_EQ(async_sleep(0.05), 0);
    async_queue_shutdown(queue, false);
    CHECK_EQ(end_of(putters[0]), -ESHUTDOWN);
    CHECK_EQ(end_of(putters[1]), -ESHUTDOWN);
}

/* In Redis the item that is being worked on takes the room. */
QUEUE_RULE(put_that_waits_is_refused_after_a_shutdown_though_there_is_room)
{
    async_auto_queue *queue = rule_queue(rule, 1);
    struct call call = {.item = 3};
    rule_put(queue, 1, 1);
    CHECK_EQ(rule_get(queue, RULE_LIMIT), 1);
    if (!rule->in_redis)
        rule_put(queue, 2, 1);
    async_task *putter = async_create_task(call_put, queue, &call);
    CHECK_EQ(async_sleep(RULE_MOMENT), 0);
    async_queue_shutdown(queue, false);
    async_queue_task_done(queue);
    if (!rule->in_redis)
        CHECK_EQ(rule_get_done(queue), 2);
    CHECK_EQ(end_of(putter), -ESHUTDOWN);
}

static void report_after_shutdown(async_queue *queue, bool immediate)
{
    rule_put(queue, 1, 1);
    CHECK_EQ(rule_get(queue, RULE_LIMIT), 1);
    async_queue_shutdown(queue, immediate);
    CHECK_EQ(async_sleep(0.05), 0);
    async_queue_task_done(queue);
}

QUEUE_RULE(item_taken_before_a_shutdown_is_reported)
{
    async_auto_queue *queue = rule_queue(rule, 0);
    report_after_shutdown(queue, false);
    CHECK_EQ(async_timeout(RULE_LIMIT, async_queue_join(queue)), 0);
}

QUEUE_RULE(report_after_an_immediate_shutdown_is_allowed)
{
    async_auto_queue *queue = rule_queue(rule, 0);
    report_after_shutdown(queue, true);
}

QUEUE_RULE(immediate_shutdown_may_follow_a_plain_one)
{
    async_auto_queue *queue = rule_queue(rule, 0);
    rule_put(queue, 1, 2);
    async_queue_shutdown(queue, false);
    async_queue_shutdown(queue, true);
    CHECK_EQ(rule_get(queue, RULE_LIMIT), -ESHUTDOWN);
}

/* ---- freed ---------------------------------------------------------------------------------- */

static int select_get(async_queue *queue)
{
    int item = 0;
    return async_select(async_on_timeout(RULE_LIMIT), async_on_get(queue, &item));
}
async_fn(select_get, async_queue *);

/* Each gets an error, and no request to cancel. */
QUEUE_RULE(free_ends_the_waits_of_getters)
{
    async_queue *queue = rule_queue(rule, 0);
    struct call call;
    async_task *tasks[] = {async_create_task(call_get, queue, &call),
                           async_create_task(select_get, queue)};
    CHECK_EQ(async_sleep(0.05), 0);
    async_queue_free(queue);
    CHECK_EQ(end_of(tasks[0]), -ECANCELED);
    CHECK_EQ(end_of(tasks[1]), -ECANCELED);
}

QUEUE_RULE(free_ends_the_waits_of_putters)
{
    async_queue *queue = rule_queue(rule, 1);
    struct call call = {.item = 2};
    rule_put(queue, 1, 1);
    async_task *putter = async_create_task(call_put, queue, &call);
    CHECK_EQ(async_sleep(0.05), 0);
    async_queue_free(queue);
    CHECK_EQ(end_of(putter), -ECANCELED);
}

QUEUE_RULE(free_ends_the_waits_of_tasks_that_join)
{
    async_queue *queue = rule_queue(rule, 0);
    rule_put(queue, 1, 1);
    async_task *joiner = async_create_task(call_join, queue);
    CHECK_EQ(async_sleep(0.05), 0);
    async_queue_free(queue);
    CHECK_EQ(end_of(joiner), -ECANCELED);
}

QUEUE_RULE(calls_after_free_give_an_error)
{
    int item = 7, result = 0;
    async_queue *queue = rule_queue(rule, 1);
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
    async_queue_task_failed(queue, -EIO);
    async_queue_shutdown(queue, true);
}

/* The task is busy with the item when the queue is freed, and reports it then. */
QUEUE_RULE(report_after_free_is_ignored)
{
    async_queue *queue = rule_queue(rule, 0);
    rule_put(queue, 1, 2);
    CHECK_EQ(rule_get(queue, RULE_LIMIT), 1);
    async_queue_free(queue);
    async_queue_task_done(queue);
}

/* ---- misuse --------------------------------------------------------------------------------- */

QUEUE_MISUSE(free_names_a_waiting_task_in_debug_mode,
             "async_queue_free: task #|'call_get' (created at |waits in async_queue_get and gets "
             "-ECANCELED|task group",
             "async_queue_free: task #|'call_get' (created at |waits in async_queue_get and gets "
             "-ECANCELED|task group")
{
    async_queue *queue = rule_queue(rule, 0);
    struct call call;
    async_task *getter = async_create_task(call_get, queue, &call);
    CHECK_EQ(async_sleep(0.05), 0);
    async_queue_free(queue);
    CHECK_EQ(end_of(getter), -ECANCELED);
    abort(); /* the runner reads the report of debug mode */
}

QUEUE_MISUSE(one_report_too_many, "async_queue_task_done was called more often than items were",
             "async_queue_task_done: this task has taken no item of the queue that is not reported")
{
    async_auto_queue *queue = rule_queue(rule, 0);
    rule_put(queue, 1, 1);
    CHECK_EQ(rule_get_done(queue), 1);
    async_queue_task_done(queue);
}

QUEUE_MISUSE(item_of_a_wrong_size,
             "async_queue_put: the item has 1 bytes, but this queue's items have 4",
             "async_queue_put: the item has 1 bytes, but this queue's items have 4")
{
    async_auto_queue *queue = rule_queue(rule, 0);
    async_ignore(async_queue_put(queue, &(char){1}));
}

QUEUE_MISUSE(failure_that_is_no_error, "async_queue_task_failed: 0 is no error",
             "async_queue_task_failed: 0 is no error")
{
    async_auto_queue *queue = rule_queue(rule, 0);
    rule_put(queue, 1, 1);
    CHECK_EQ(rule_get(queue, RULE_LIMIT), 1);
    async_queue_task_failed(queue, 0);
}
