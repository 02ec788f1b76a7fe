/*
 * queue_rules.h: rules of async_queue that are written once and played on a local queue and on one
 * in Redis.
 *
 *     QUEUE_RULE(get_times_out)
 *     {
 *         async_auto_queue *queue = rule_queue(rule, 0);
 *         CHECK_EQ(rule_get(queue, RULE_MOMENT), -ETIMEDOUT);
 *     }
 *
 * makes the cases queue_rule_get_times_out_local and queue_rule_get_times_out_redis, on each
 * backend. The local ones run on a virtual clock, the others on the real one.
 *
 * Where the kinds differ by decision, the table in queue_rules.c has a row with the name of the
 * rule, and rule->expected is the value of the row for this kind. The script
 * tests/scripts/queue_differences.py compares it with the table in docs/decisions/redis-queue.md.
 */
#ifndef TEST_QUEUE_RULES_H
#define TEST_QUEUE_RULES_H

#include "redis/redis_server.h"

/* Seconds: the most that anything takes, and how long a call that has to wait is watched. */
#define RULE_LIMIT  10.0
#define RULE_MOMENT 0.1

enum {
    RULE_ENDS_PROGRAM = -100000, /* an expected value */
    RULE_TRIES = 3,              /* of an item in Redis */
    RULE_WAITING = 1             /* the result of a call that has not returned */
};

/* A rule while it is played. */
struct rule {
    bool in_redis;
    int expected; /* of the table; INT_MIN: it has no row */
    struct redis_server server;
    async_redis *redis; /* NULL: the queues are local */
};

#define RULE_IN_REDIS_local false
#define RULE_IN_REDIS_redis true

#define QUEUE_RULE(name)                                                                           \
    static void queue_rule_##name(struct rule *rule);                                              \
    QUEUE_RULE_CASE(name, local)                                                                   \
    QUEUE_RULE_CASE(name, redis)                                                                   \
    static void queue_rule_##name(struct rule *rule)

#define QUEUE_RULE_CASE(name, kind)                                                                \
    TEST__LOOP(queue_rule_##name##_##kind, RULE_IN_REDIS_##kind)                                   \
    {                                                                                              \
        return rule_play(#name, RULE_IN_REDIS_##kind, queue_rule_##name);                          \
    }

/*
 * QUEUE_MISUSE(name, "local words", "words in Redis") { … }: a rule that must end the program with
 * these words, as DEATH_TEST has it; NULL: it must live. It runs in debug mode.
 */
#define QUEUE_MISUSE(name, local_words, redis_words)                                               \
    static void queue_rule_##name(struct rule *rule);                                              \
    QUEUE_MISUSE_CASE(name, local, local_words)                                                    \
    QUEUE_MISUSE_CASE(name, redis, redis_words)                                                    \
    static void queue_rule_##name(struct rule *rule)

#define QUEUE_MISUSE_CASE(name, kind, words)                                                       \
    static int queue_misuse_##name##_##kind(void)                                                  \
    {                                                                                              \
        return rule_play(#name, RULE_IN_REDIS_##kind, queue_rule_##name);                          \
    }                                                                                              \
    async_fn(queue_misuse_##name##_##kind);                                                        \
    static void queue_misuse_body_##name##_##kind(void)                                            \
    {                                                                                              \
        async_run_options options = *test_options();                                               \
        options.debug = true;                                                                      \
        test_check_result(__FILE__, __LINE__,                                                      \
                          async_run_with(&options, queue_misuse_##name##_##kind));                 \
    }                                                                                              \
    TEST__REGISTER(queue_rule_##name##_##kind, .body = queue_misuse_body_##name##_##kind,          \
                   .last_words = (words), .real_clock = RULE_IN_REDIS_##kind)

/* Plays a rule: with a server and a client if it is in Redis. */
int rule_play(const char *name, bool in_redis, void (*play)(struct rule *rule));

/* A queue of int of the kind under test. */
async_queue *rule_queue(const struct rule *rule, size_t maxsize);

/*
 * A queue as another process would open it: in Redis it has the items of rule_queue. A local queue
 * cannot be shared: it is a new one.
 */
async_queue *rule_other_queue(const struct rule *rule);

/* A queue of another name; one that gives the least item first, of 0 to 9. */
async_queue *rule_second_queue(const struct rule *rule);
async_queue *rule_priority_queue(const struct rule *rule);

/* Ends the server, and starts it again, without its data. No effect on local queues. */
void rule_stop_server(struct rule *rule);
void rule_start_server(struct rule *rule);

/* Lets the server execute no write for so many milliseconds. No effect on local queues. */
void rule_pause_server(const struct rule *rule, int milliseconds);

/* Puts the numbers from first on. */
void rule_put(async_queue *queue, int first, int count);

/* Takes the next item within so many seconds: the item or the error. */
int rule_get(async_queue *queue, double seconds);

/* The same, and the item is reported done. */
int rule_get_done(async_queue *queue);

/* Waits until the condition holds, for at most RULE_LIMIT. */
#define RULE_UNTIL(...)                                                                            \
    do {                                                                                           \
        for (double rule_end = async_time() + RULE_LIMIT; !(__VA_ARGS__);) {                       \
            if (async_time() > rule_end)                                                           \
                test_fail(__FILE__, __LINE__, "it does not become true: %s", #__VA_ARGS__);        \
            CHECK_EQ(async_sleep(0.01), 0);                                                        \
        }                                                                                          \
    } while (0)

#endif
