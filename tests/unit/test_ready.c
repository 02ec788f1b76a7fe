/*
 * test_ready.c: the ready queue: first come first served, and the shuffle that tests ask for, which
 * must be a fair permutation that its seed decides.
 */
#include "sched/ready.h"
#include "run/runner.h"

#include <string.h>

enum { MAX_COUNT = 1000 };

static struct ready nodes[MAX_COUNT];

/* The first count nodes, in order. */
static struct ready_queue queue_of(size_t count)
{
    struct ready_queue queue = {0};
    for (size_t i = 0; i < count; i++)
        ready_push(&queue, &nodes[i]);
    return queue;
}

/* Takes everything out; order[i] is the number of the node that came as the i-th. */
static void drain(struct ready_queue *queue, size_t count, size_t order[])
{
    for (size_t i = 0; i < count; i++)
        order[i] = (size_t)(ready_pop(queue) - nodes);
    CHECK(queue->first == NULL);
    CHECK(queue->first == NULL);
}

static void shuffled_order(size_t count, uint64_t *state, size_t order[])
{
    struct ready_queue queue = queue_of(count);
    asyncp_ready_shuffle(&queue, state);
    drain(&queue, count, order);
}

TEST(ready_queue_is_first_come_first_served)
{
    size_t order[MAX_COUNT];
    struct ready_queue queue = queue_of(MAX_COUNT);
    drain(&queue, MAX_COUNT, order);
    for (size_t i = 0; i < MAX_COUNT; i++)
        CHECK_EQ(order[i], i);
    ready_push(&queue, &nodes[5]); /* and it works on after having been empty */
    ready_push(&queue, &nodes[3]);
    drain(&queue, 2, order);
    CHECK(order[0] == 5 && order[1] == 3);
}

TEST(ready_shuffle_keeps_every_node_once)
{
    static const size_t counts[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 64, 100, MAX_COUNT};
    uint64_t state = 1;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        size_t order[MAX_COUNT];
        bool seen[MAX_COUNT] = {false};
        shuffled_order(counts[i], &state, order);
        for (size_t j = 0; j < counts[i]; j++) {
            CHECK(order[j] < counts[i] && !seen[order[j]]);
            seen[order[j]] = true;
        }
    }
}

TEST(ready_shuffle_knows_where_the_queue_ends)
{
    uint64_t state = 9;
    size_t order[MAX_COUNT];
    struct ready_queue queue = queue_of(MAX_COUNT - 1);
    asyncp_ready_shuffle(&queue, &state);
    ready_push(&queue, &nodes[MAX_COUNT - 1]);
    drain(&queue, MAX_COUNT, order);
    CHECK_EQ(order[MAX_COUNT - 1], MAX_COUNT - 1);
}

TEST(ready_shuffle_is_decided_by_its_seed)
{
    size_t first[100], same[100], other[100];
    shuffled_order(100, &(uint64_t){12345}, first);
    shuffled_order(100, &(uint64_t){12345}, same);
    shuffled_order(100, &(uint64_t){12346}, other);
    CHECK(memcmp(first, same, sizeof first) == 0);
    CHECK(memcmp(first, other, sizeof first) != 0);
}

TEST(ready_shuffle_advances_its_state)
{
    uint64_t state = 12345;
    size_t first[100], second[100];
    shuffled_order(100, &state, first);
    shuffled_order(100, &state, second);
    CHECK(memcmp(first, second, sizeof first) != 0);
}

/* Each of the 120 orders of five about a thousand times; six standard deviations are 190. */
TEST(ready_shuffle_gives_every_order_as_often)
{
    enum { COUNT = 5, CODES = 5 * 5 * 5 * 5, ORDERS = 120, EACH = 1000, TOLERANCE = 190 };
    int met[CODES] = {0}, orders = 0;
    uint64_t state = 3;
    for (int i = 0; i < ORDERS * EACH; i++) {
        size_t order[COUNT], code = 0;
        shuffled_order(COUNT, &state, order);
        for (int j = 0; j < COUNT - 1; j++)
            code = code * COUNT + order[j];
        met[code]++;
    }
    for (int code = 0; code < CODES; code++) {
        orders += met[code] > 0 ? 1 : 0;
        CHECK(met[code] == 0 || (met[code] > EACH - TOLERANCE && met[code] < EACH + TOLERANCE));
    }
    CHECK_EQ(orders, ORDERS);
}

/* ---- in a loop ------------------------------------------------------------------------------ */

enum { TASKS = 10 };

static int append(char *trace, int number)
{
    size_t length = strlen(trace);
    trace[length] = (char)('0' + number);
    trace[length + 1] = '\0';
    return 0;
}
async_fn(append, char *, int);

static int create_many(char *trace)
{
    async_task *tasks[TASKS];
    for (int i = 0; i < TASKS; i++)
        tasks[i] = async_create_task(append, trace, i);
    return async_gather_n(tasks, TASKS, NULL, ASYNC_FIRST_ERROR);
}
async_fn(create_many, char *);

static void run_with_seed(uint64_t seed, char trace[TASKS + 1])
{
    async_run_options options = *test_options();
    options.shuffle_seed = seed;
    trace[0] = '\0';
    CHECK_EQ(async_run_with(&options, create_many, trace), 0);
    CHECK_EQ(strlen(trace), TASKS);
}

TEST_EACH_BACKEND(ready_tasks_run_in_the_order_of_the_seed)
{
    char plain[TASKS + 1], first[TASKS + 1], same[TASKS + 1], other[TASKS + 1];
    run_with_seed(0, plain);
    run_with_seed(7, first);
    run_with_seed(7, same);
    run_with_seed(8, other);
    CHECK_STR(plain, "0123456789");
    CHECK_STR(first, same);
    CHECK(strcmp(first, plain) != 0);
    CHECK(strcmp(first, other) != 0);
}
