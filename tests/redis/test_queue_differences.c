/*
 * test_queue_differences.c: the rules where a queue in Redis differs from a local one by decision.
 * The table in queue_rules.c has what each kind gives, and docs/decisions/redis-queue.md says why.
 */
#include "redis/queue_rules.h"
#include "run/runner.h"
#include <asyncio/redis_queue.h>

SCRIPT_TEST(queue_differences_are_those_of_the_document, "tests/scripts/queue_differences.py");
SCRIPT_TEST(queue_differences_that_are_wrong_are_found, "tests/scripts/queue_differences.py",
            "--self-test");

/* ---- putting -------------------------------------------------------------------------------- */

QUEUE_RULE(put_while_the_server_is_away)
{
    async_auto_queue *queue = rule_queue(rule, 0);
    rule_stop_server(rule);
    CHECK_EQ(async_timeout(RULE_MOMENT, async_queue_put(queue, &(int){1})), rule->expected);
    rule_start_server(rule);
    rule_put(queue, 2, 1);
}

/* The server has the command, and executes it though no task waits for the reply any more. */
QUEUE_RULE(put_that_times_out_on_its_way)
{
    async_auto_queue *queue = rule_queue(rule, 0);
    rule_pause_server(rule, 500);
    CHECK_EQ(async_timeout(RULE_MOMENT, async_queue_put(queue, &(int){1})), rule->expected);
    CHECK_EQ(rule_get_done(queue), 1);
}

QUEUE_RULE(put_nowait)
{
    async_auto_queue *queue = rule_queue(rule, 1);
    CHECK_EQ(async_queue_put_nowait(queue, &(int){1}), rule->expected);
    CHECK_EQ(rule_get(queue, RULE_MOMENT), rule->expected == 0 ? 1 : -ETIMEDOUT);
}

QUEUE_RULE(select_that_puts)
{
    async_auto_queue *queue = rule_queue(rule, 1);
    CHECK_EQ(async_select(async_on_put(queue, &(int){1}), async_on_timeout(RULE_LIMIT)),
             rule->expected);
    CHECK_EQ(rule_get(queue, RULE_MOMENT), rule->expected == 0 ? 1 : -ETIMEDOUT);
}

/* ---- getting -------------------------------------------------------------------------------- */

QUEUE_RULE(item_given_back)
{
    async_auto_queue *queue = rule_queue(rule, 0);
    rule_put(queue, 1, 2);
    CHECK_EQ(rule_get(queue, RULE_LIMIT), 1);
    async_queue_task_failed(queue, -ECANCELED);
    CHECK_EQ(rule_get_done(queue), 2);
    CHECK_EQ(rule_get(queue, rule->expected > 0 ? RULE_LIMIT : RULE_MOMENT), rule->expected);
}

QUEUE_RULE(get_nowait)
{
    async_auto_queue *queue = rule_queue(rule, 0);
    int item;
    CHECK_EQ(async_queue_get_nowait(queue, &item), -EAGAIN);
    rule_put(queue, 1, 1);
    CHECK_EQ(async_queue_get_nowait(queue, &item), rule->expected);
}

/* ---- reports -------------------------------------------------------------------------------- */

static int report_done(async_queue *queue)
{
    async_queue_task_done(queue);
    return 0;
}
async_fn(report_done, async_queue *);

QUEUE_MISUSE(report_of_another_task, NULL,
             "async_queue_task_done: this task has taken no item of the queue that is not reported")
{
    async_auto_queue *queue = rule_queue(rule, 0);
    CHECK_EQ(rule->expected, rule->in_redis ? RULE_ENDS_PROGRAM : 0);
    rule_put(queue, 1, 1);
    CHECK_EQ(rule_get(queue, RULE_LIMIT), 1);
    CHECK_EQ(async_await(async_create_task(report_done, queue)), 0);
    CHECK_EQ(async_queue_join(queue), 0);
}

static int fail_each(async_queue *queue, int *count)
{
    for (;; ++*count) {
        int item;
        ASYNC_TRY(async_queue_get(queue, &item));
        async_queue_task_failed(queue, -EIO);
    }
}
async_fn(fail_each, async_queue *, int *);

QUEUE_RULE(failed_item)
{
    async_auto_queue *queue = rule_queue(rule, 0);
    int count = 0;
    async_task *failing = async_create_task(fail_each, queue, &count);
    rule_put(queue, 1, 1);
    CHECK_EQ(async_timeout(RULE_LIMIT, async_queue_join(queue)), 0);
    CHECK_EQ(count, rule->expected);
    async_task_cancel(failing);
    CHECK_EQ(async_await(failing), -ECANCELED);
}

static int take_and_end(async_queue *queue)
{
    int item;
    return async_queue_get(queue, &item);
}
async_fn(take_and_end, async_queue *);

QUEUE_RULE(task_that_ends_without_a_report)
{
    async_auto_queue *queue = rule_queue(rule, 0);
    rule_put(queue, 0, 1);
    CHECK_EQ(async_await(async_create_task(take_and_end, queue)), 0);
    CHECK_EQ(rule_get(queue, rule->expected == 0 ? RULE_LIMIT : RULE_MOMENT), rule->expected);
    if (rule->expected == 0)
        async_queue_task_done(queue);
    CHECK_EQ(async_timeout(rule->expected == 0 ? RULE_LIMIT : RULE_MOMENT, async_queue_join(queue)),
             rule->expected);
}

QUEUE_RULE(join_with_an_item_of_another_process)
{
    async_auto_queue *queue = rule_queue(rule, 0), *other = rule_other_queue(rule);
    rule_put(other, 1, 1);
    CHECK_EQ(async_timeout(RULE_MOMENT, async_queue_join(queue)), rule->expected);
    CHECK_EQ(rule_get_done(other), 1);
    CHECK_EQ(async_timeout(RULE_LIMIT, async_queue_join(queue)), 0);
}

/* ---- size ----------------------------------------------------------------------------------- */

QUEUE_RULE(qsize_with_a_taken_item)
{
    async_auto_queue *queue = rule_queue(rule, 0);
    rule_put(queue, 1, 2);
    CHECK_EQ(rule_get(queue, RULE_LIMIT), 1);
    rule_put(queue, 3, 1);
    RULE_UNTIL((int)async_queue_qsize(queue) == rule->expected);
    async_queue_task_done(queue);
    RULE_UNTIL(async_queue_qsize(queue) == 2);
}

QUEUE_RULE(room_for_a_taken_item)
{
    async_auto_queue *queue = rule_queue(rule, 1);
    rule_put(queue, 1, 1);
    CHECK_EQ(rule_get(queue, RULE_LIMIT), 1);
    CHECK_EQ(async_timeout(RULE_MOMENT, async_queue_put(queue, &(int){2})), rule->expected);
    async_queue_task_done(queue);
    if (rule->expected < 0)
        rule_put(queue, 2, 1);
    CHECK_EQ(rule_get_done(queue), 2);
}

QUEUE_RULE(put_later)
{
    async_auto_queue *queue = rule_queue(rule, 0);
    CHECK_EQ(async_redis_queue_put_later(queue, &(int){2}, 0.001), rule->expected);
    if (rule->expected == 0)
        CHECK_EQ(rule_get_done(queue), 2);
}

/* ---- shutdown ------------------------------------------------------------------------------- */

QUEUE_RULE(get_after_shutdown)
{
    async_auto_queue *queue = rule_queue(rule, 0);
    rule_put(queue, 0, 2);
    async_queue_shutdown(queue, false);
    CHECK_EQ(rule_get(queue, RULE_LIMIT), rule->expected);
}

QUEUE_RULE(items_after_shutdown)
{
    async_auto_queue *queue = rule_queue(rule, 0), *other = rule_other_queue(rule);
    rule_put(queue, 0, 1);
    async_queue_shutdown(queue, true);
    CHECK_EQ(rule_get(other, rule->expected == 0 ? RULE_LIMIT : RULE_MOMENT), rule->expected);
    CHECK_EQ(async_queue_put(other, &(int){1}), 0); /* it is not shut down */
}

QUEUE_RULE(taken_item_after_immediate_shutdown)
{
    async_auto_queue *queue = rule_queue(rule, 0), *other = rule_other_queue(rule);
    rule_put(queue, 0, 1);
    CHECK_EQ(rule_get(queue, RULE_LIMIT), 0);
    async_queue_shutdown(queue, true);
    CHECK_EQ(rule_get(other, rule->expected == 0 ? RULE_LIMIT : RULE_MOMENT), rule->expected);
}

QUEUE_RULE(join_after_immediate_shutdown)
{
    async_auto_queue *queue = rule_queue(rule, 0);
    rule_put(queue, 0, 2);
    async_queue_shutdown(queue, true);
    CHECK_EQ(async_timeout(RULE_MOMENT, async_queue_join(queue)), rule->expected);
}

/* ---- the end -------------------------------------------------------------------------------- */

static void count_dropped(void *item, void *context)
{
    (void)item;
    ++*(int *)context;
}

QUEUE_RULE(on_drop)
{
    int dropped = 0;
    async_queue *queue = rule_queue(rule, 0);
    async_queue_on_drop(queue, count_dropped, &dropped);
    rule_put(queue, 1, 2);
    async_queue_free(queue);
    CHECK_EQ(dropped, rule->expected);
}

QUEUE_RULE(items_after_free)
{
    async_auto_queue *other = rule_other_queue(rule);
    async_queue *queue = rule_queue(rule, 0);
    rule_put(queue, 0, 1);
    async_queue_free(queue);
    CHECK_EQ(rule_get(other, rule->expected == 0 ? RULE_LIMIT : RULE_MOMENT), rule->expected);
}

QUEUE_RULE(item_size_0)
{
    async_auto_queue *queue = NULL;
    CHECK_EQ(rule->in_redis ? async_redis_queue_open(&queue, rule->redis, "texts", 0, NULL)
                            : async_queue_new(&queue, 0, 0),
             rule->expected);
}
