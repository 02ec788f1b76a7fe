/*
 * queue_rules.c: plays a rule of async_queue on a queue of either kind, and has the table of what
 * the kinds give where they differ.
 */
#include "redis/queue_rules.h"
#include "run/queues.h"
#include <asyncio/redis_queue.h>
#include <limits.h>
#include <string.h>

/* Seconds. Items that others have lost do not come back during a test. */
static const async_redis_queue_options redis_options = {.tries = RULE_TRIES, .pause = 0.01};

/* One rule with another outcome on each kind. */
struct difference {
    const char *rule;
    int local, in_redis;
};

/* The table "Differences from a local queue" of docs/decisions/redis-queue.md names each rule. */
static const struct difference differences[] = {
    {"put_while_the_server_is_away", 0, -ETIMEDOUT},
    {"put_that_times_out_on_its_way", 0, -ETIMEDOUT},
    {"put_nowait", 0, -EOPNOTSUPP},
    {"select_that_puts", 0, -EOPNOTSUPP},
    {"item_given_back", -ETIMEDOUT, 1},
    {"get_nowait", 0, -EAGAIN},
    {"report_of_another_task", 0, RULE_ENDS_PROGRAM},
    {"failed_item", 1, RULE_TRIES},
    {"task_that_ends_without_a_report", -ETIMEDOUT, 0},
    {"join_with_an_item_of_another_process", 0, -ETIMEDOUT},
    {"qsize_with_a_taken_item", 2, 3},
    {"room_for_a_taken_item", 0, -ETIMEDOUT},
    {"put_later", -EINVAL, 0},
    {"get_after_shutdown", 0, -ESHUTDOWN},
    {"items_after_shutdown", -ETIMEDOUT, 0},
    {"taken_item_after_immediate_shutdown", -ETIMEDOUT, 0},
    {"join_after_immediate_shutdown", 0, -ETIMEDOUT},
    {"on_drop", 2, 0},
    {"items_after_free", -ETIMEDOUT, 0},
    {"item_size_0", -EINVAL, 0},
};

static int expected_of(const char *name, bool in_redis)
{
    for (size_t i = 0; i < sizeof differences / sizeof *differences; i++)
        if (strcmp(differences[i].rule, name) == 0)
            return in_redis ? differences[i].in_redis : differences[i].local;
    return INT_MIN;
}

int rule_play(const char *name, bool in_redis, void (*play)(struct rule *rule))
{
    struct rule rule = {.in_redis = in_redis, .expected = expected_of(name, in_redis)};
    if (in_redis) {
        server_open_since(&rule.server, 7.0, "queues", NULL);
        rule.redis = server_client(&rule.server, NULL);
    }
    play(&rule);
    if (in_redis) {
        async_redis_free_wait(rule.redis);
        server_close(&rule.server);
    }
    return 0;
}

/* ---- queues --------------------------------------------------------------------------------- */

static async_queue *open_named(const struct rule *rule, const char *name, size_t maxsize)
{
    if (!rule->in_redis)
        return new_queue(maxsize, sizeof(int));
    async_redis_queue_options options = redis_options;
    options.maxsize = maxsize;
    async_queue *queue;
    CHECK_EQ(async_redis_queue_open(&queue, rule->redis, name, sizeof(int), &options), 0);
    return queue;
}

async_queue *rule_queue(const struct rule *rule, size_t maxsize)
{
    return open_named(rule, "first", maxsize);
}

async_queue *rule_other_queue(const struct rule *rule)
{
    return open_named(rule, "first", 0);
}

async_queue *rule_second_queue(const struct rule *rule)
{
    return open_named(rule, "second", 0);
}

static int number_of(const void *item)
{
    return *(const int *)item;
}

async_queue *rule_priority_queue(const struct rule *rule)
{
    if (!rule->in_redis)
        return new_priority_queue(0, sizeof(int), compare_ints);
    const async_redis_queue_options options = {.priorities = 10, .priority = number_of};
    async_queue *queue;
    CHECK_EQ(async_redis_queue_open(&queue, rule->redis, "least", sizeof(int), &options), 0);
    return queue;
}

/* ---- the server ----------------------------------------------------------------------------- */

void rule_stop_server(struct rule *rule)
{
    if (rule->in_redis)
        server_kill(&rule->server);
}

void rule_start_server(struct rule *rule)
{
    if (rule->in_redis)
        server_start(&rule->server);
}

void rule_pause_server(const struct rule *rule, int milliseconds)
{
    if (rule->in_redis)
        CHECK_EQ(async_redis_command(rule->redis, NULL, "CLIENT PAUSE %d WRITE", milliseconds), 0);
}

/* ---- items ---------------------------------------------------------------------------------- */

void rule_put(async_queue *queue, int first, int count)
{
    for (int item = first; item < first + count; item++)
        CHECK_EQ(async_timeout(RULE_LIMIT, async_queue_put(queue, &item)), 0);
}

int rule_get(async_queue *queue, double seconds)
{
    int item = -1;
    ASYNC_TRY(async_timeout(seconds, async_queue_get(queue, &item)));
    return item;
}

int rule_get_done(async_queue *queue)
{
    int item = rule_get(queue, RULE_LIMIT);
    if (item >= 0)
        async_queue_task_done(queue);
    return item;
}
