/*
 * test_pool.c: the pool of records: a walk through all of them, and its cost when they are many.
 */
#include "base/pool.h"
#include "run/runner.h"

struct record {
    struct pool_link link; /* while it is free */
    int met;               /* how often a walk came by */
};

static struct pool pool;

static void take(int count)
{
    asyncp_pool_open(&pool, sizeof(struct record), offsetof(struct record, link), 0, asyncp_malloc);
    for (int i = 0; i < count; i++)
        CHECK(pool_take(&pool) != NULL);
}

static int walk(void)
{
    int steps = 0;
    for (struct record *record = NULL; (record = asyncp_pool_next(&pool, record)) != NULL; steps++)
        record->met++;
    return steps;
}

TEST(pool_walk_meets_every_record_once)
{
    take(1000);
    int steps = walk();
    CHECK(steps >= 1000);
    for (struct record *record = NULL; (record = asyncp_pool_next(&pool, record)) != NULL;)
        CHECK_EQ(record->met, 1);
    asyncp_pool_close(&pool);
}

TEST(pool_walks_that_take_turns_do_not_disturb_each_other)
{
    take(1000);
    int steps = 0;
    struct record *slow = NULL;
    for (struct record *fast = NULL; (fast = asyncp_pool_next(&pool, fast)) != NULL; steps++)
        if (steps % 2 == 0)
            (slow = asyncp_pool_next(&pool, slow))->met++;
    int left = 0;
    while ((slow = asyncp_pool_next(&pool, slow)) != NULL)
        left++;
    CHECK_EQ(left, steps / 2);
    asyncp_pool_close(&pool);
}

/* A loop that had a million tasks at once walks through their records when it closes. */
TEST(pool_walk_costs_the_same_for_each_of_a_million)
{
    take(1000000);
    CHECK(walk() >= 1000000); /* minutes, if each step searched for its place from the start */
    asyncp_pool_close(&pool);
}
