/*
 * test_graph.c: which task awaits which, by the memory of the calls; and cycles.
 */
#include "inspect/cycles.h"
#include "inspect/own_view.h"
#include "run/runner.h"
#include <asyncio.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int sleeps(void)
{
    return async_sleep(1000);
}
async_fn(sleeps);

static int iterates(void)
{
    async_task *tasks[3] = {async_create_task(sleeps), NULL, async_create_task(sleeps)};
    async_auto_completion ends = {0};
    ASYNC_TRY(async_as_completed(&ends, tasks, 3, 1000));
    while (async_completion_next(&ends) >= 0)
        continue;
    return 0;
}
async_fn(iterates);

static int waits(void)
{
    async_task *one = async_create_task(sleeps), *two = async_create_task(sleeps);
    async_task *tasks[] = {one, two, two, one}; /* each is awaited once */
    return async_wait(tasks, 4, ASYNC_ALL_COMPLETED, 1000);
}
async_fn(waits);

static int gathers(void)
{
    return async_gather(async_create_task(sleeps), NULL, async_create_task(sleeps));
}
async_fn(gathers);

static int has_group(void)
{
    ASYNC_TASK_GROUP(group);
    for (int i = 0; i < 4; i++)
        async_group_create_task(&group, sleeps);
    return async_group_wait(&group);
}
async_fn(has_group);

static int selects(void)
{
    async_task *one = async_create_task(sleeps), *two = async_create_task(sleeps);
    async_event event = {0};
    int result = async_select(async_on_task(one), async_on_event(&event), async_on_task(two));
    async_task_cancel(one);
    async_task_cancel(two);
    async_ignore(async_gather(one, two));
    return result;
}
async_fn(selects);

/* Children that a request to cancel does not end. */
static async_event may_end;

static int sleeps_on(void)
{
    return async_no_cancel(async_event_wait(&may_end));
}
async_fn(sleeps_on);

static int leaves_group(void)
{
    ASYNC_TASK_GROUP(group);
    for (int i = 0; i < 3; i++)
        async_group_create_task(&group, sleeps_on);
    return async_sleep(0);
}
async_fn(leaves_group);

static int attempts(size_t index, void *unused)
{
    (void)unused;
    return index == 0 ? async_no_cancel(async_event_wait(&may_end)) : 0;
}

static int races(void)
{
    return async_staggered_race(attempts, NULL, 2, 0);
}
async_fn(races);

/* How many tasks named `sleeps`, `sleeps_on` or as an attempt of a race a task awaits. */
static size_t count_awaited(const struct snapshot *snapshot, const struct graph *graph,
                            const char *name, enum edge_kind kind)
{
    const struct edge *edges;
    const struct row *row = row_named(snapshot, name);
    size_t count = asyncp_graph_from(graph, (uint32_t)(row - snapshot->rows), &edges);
    for (size_t i = 0; i < count; i++) {
        CHECK_EQ(edges[i].kind, kind);
        const char *awaited = text_of_row(snapshot, snapshot->rows[edges[i].to].name);
        CHECK(strstr(awaited, "sleeps") != NULL || strstr(awaited, "race") != NULL);
    }
    return count;
}

LOOP_TEST(graph_has_the_tasks_that_a_call_awaits)
{
    struct snapshot snapshot;
    struct graph graph;
    async_task *tasks[] = {async_create_task(waits), async_create_task(gathers),
                           async_create_task(has_group), async_create_task(iterates),
                           async_create_task(selects)};
    CHECK_EQ(async_sleep(1), 0);
    take_own_snapshot(&snapshot);
    CHECK_EQ(asyncp_graph_open(&graph, &snapshot, &asyncp_own_view, own_layout()), 0);
    CHECK_EQ(count_awaited(&snapshot, &graph, "waits", EDGE_ONE_OF), 2);
    CHECK_EQ(count_awaited(&snapshot, &graph, "gathers", EDGE_AWAITS), 2);
    CHECK_EQ(count_awaited(&snapshot, &graph, "has_group", EDGE_AWAITS), 4);
    CHECK_EQ(count_awaited(&snapshot, &graph, "iterates", EDGE_ONE_OF), 2);
    CHECK_EQ(count_awaited(&snapshot, &graph, "selects", EDGE_ONE_OF), 2);
    CHECK_EQ(graph.count, 12);
    CHECK_EQ(graph.unreadable, 0);
    asyncp_graph_close(&graph);
    asyncp_snapshot_free(&snapshot);
    for (int i = 0; i < 5; i++)
        async_task_cancel(tasks[i]);
    async_ignore(async_gather_n(tasks, 5, NULL, 0));
    return 0;
}

static int fails_with(int error)
{
    return async_fail(error, "it fails");
}
async_fn(fails_with, int);

static int succeeds(void)
{
    return 0;
}
async_fn(succeeds);

/* In another order than that of their ends. */
static int gathers_failures(void)
{
    async_task *slow = async_create_task(sleeps), *last = async_create_task(fails_with, -EBUSY);
    ASYNC_TRY(async_sleep(0.1));
    return async_gather(async_create_task(fails_with, -EPIPE), slow, last, NULL,
                        async_create_task(succeeds));
}
async_fn(gathers_failures);

LOOP_TEST(graph_has_the_failures_that_a_gather_does_not_return_yet)
{
    struct snapshot snapshot;
    struct graph graph;
    async_task *task = async_create_task(gathers_failures);
    CHECK_EQ(async_sleep(1), 0);
    take_own_snapshot(&snapshot);
    CHECK_EQ(asyncp_graph_open(&graph, &snapshot, &asyncp_own_view, own_layout()), 0);
    CHECK_EQ(graph.failure_count, 1);
    const uint32_t row = (uint32_t)(row_named(&snapshot, "gathers_failures") - snapshot.rows);
    const struct failures *failures = asyncp_graph_failures(&graph, row);
    CHECK(failures != NULL && asyncp_graph_failures(&graph, row + 1) == NULL);
    CHECK_EQ(failures->count, 2);
    CHECK_EQ(failures->error, -EBUSY);
    asyncp_graph_close(&graph);
    asyncp_snapshot_free(&snapshot);
    async_task_cancel(task);
    CHECK(async_await(task) < 0);
    return 0;
}

static async_future *unset;

static int watches_future(void)
{
    return async_wait(&unset, 1, ASYNC_ALL_COMPLETED, 1000);
}
async_fn(watches_future);

static int completes_future(void)
{
    async_auto_completion ends = {0};
    ASYNC_TRY(async_as_completed(&ends, &unset, 1, 1000));
    return async_completion_next(&ends);
}
async_fn(completes_future);

LOOP_TEST(graph_reads_the_waits_for_a_future_to_their_ends)
{
    struct snapshot snapshot;
    struct graph graph;
    unset = async_future_new();
    async_task *tasks[] = {async_create_task(watches_future), async_create_task(watches_future),
                           async_create_task(completes_future)};
    CHECK_EQ(async_sleep(1), 0);
    take_own_snapshot(&snapshot);
    CHECK_EQ(asyncp_graph_open(&graph, &snapshot, &asyncp_own_view, own_layout()), 0);
    CHECK_EQ(graph.count, 0);
    CHECK_EQ(graph.unreadable, 0);
    asyncp_graph_close(&graph);
    asyncp_snapshot_free(&snapshot);
    CHECK_EQ(async_future_set_result(unset, 7), 0);
    CHECK_EQ(async_gather_n(tasks, 3, NULL, ASYNC_FIRST_ERROR), 0);
    CHECK_EQ(async_await(unset), 7);
    return 0;
}

/* A request to cancel ends none of the children: the parents wait at the end. */
LOOP_TEST(graph_has_the_tasks_for_which_the_end_of_a_group_or_a_race_waits)
{
    struct snapshot snapshot;
    struct graph graph;
    async_task *group = async_create_task(leaves_group), *race = async_create_task(races);
    CHECK_EQ(async_sleep(1), 0);
    take_own_snapshot(&snapshot);
    CHECK_EQ(asyncp_graph_open(&graph, &snapshot, &asyncp_own_view, own_layout()), 0);
    CHECK_EQ(count_awaited(&snapshot, &graph, "leaves_group", EDGE_AWAITS), 3);
    CHECK_EQ(count_awaited(&snapshot, &graph, "races", EDGE_AWAITS), 1);
    CHECK_EQ(graph.unreadable, 0);
    asyncp_graph_close(&graph);
    asyncp_snapshot_free(&snapshot);
    async_event_set(&may_end);
    async_ignore(async_gather(group, race));
    async_event_clear(&may_end);
    return 0;
}

/* ---- cycles --------------------------------------------------------------------------------- */

static async_condition condition;

static int is_notified(void)
{
    ASYNC_TRY(async_condition_acquire(&condition));
    int result = async_condition_wait(&condition);
    async_condition_release(&condition);
    return result;
}
async_fn(is_notified);

static int awaits_with_lock(async_task *waiter)
{
    ASYNC_TRY(async_condition_acquire(&condition));
    async_condition_notify_all(&condition);
    int result = async_timeout(100, async_task_wait(waiter));
    async_condition_release(&condition);
    return result;
}
async_fn(awaits_with_lock, async_task *);

static struct cycles cycles;

static uint32_t row_in(size_t cycle, size_t i)
{
    CHECK(i < cycles.found[cycle].length);
    return asyncp_cycle_rows(&cycles, &cycles.found[cycle])[i];
}

static void find(const struct edge *edges, size_t count, size_t rows)
{
    const struct graph graph = {.edges = (struct edge *)(uintptr_t)edges, .count = count};
    asyncp_cycles_free(&cycles);
    CHECK_EQ(asyncp_cycles_find(&cycles, &graph, rows), 0);
}

TEST(cycles_are_found_and_chains_are_none)
{
    const struct edge chain[] = {
        {0, 1, EDGE_AWAITS}, {0, 2, EDGE_AWAITS}, {1, 3, EDGE_AWAITS}, {2, 3, EDGE_AWAITS}};
    const struct edge circles[] = {{0, 1, EDGE_AWAITS},
                                   {1, 2, EDGE_LOCK},
                                   {2, 1, EDGE_AWAITS},
                                   {3, 3, EDGE_AWAITS},
                                   {4, 5, EDGE_AWAITS}};
    find(chain, 4, 4);
    CHECK_EQ(cycles.count, 0);
    const struct edge one_of[] = {{0, 1, EDGE_AWAITS}, {1, 0, EDGE_ONE_OF}};
    find(one_of, 2, 2);
    CHECK_EQ(cycles.count, 0);
    find(circles, 5, 6);
    CHECK_EQ(cycles.count, 2);
    CHECK_EQ(cycles.found[0].length, 2);
    CHECK_EQ(row_in(0, 0), 1);
    CHECK_EQ(row_in(0, 1), 2);
    CHECK_EQ(cycles.found[1].length, 1);
    CHECK_EQ(row_in(1, 0), 3);
    asyncp_cycles_free(&cycles);
}

TEST(cycles_without_a_common_task_are_all_found)
{
    enum { PAIRS = 1000 };
    static struct edge edges[2 * PAIRS];
    for (uint32_t i = 0; i < 2 * PAIRS; i++)
        edges[i] = (struct edge){i, i ^ 1, EDGE_LOCK};
    find(edges, 2 * PAIRS, 2 * PAIRS);
    CHECK_EQ(cycles.count, PAIRS);
    CHECK_EQ(cycles.left_out, 0);
    CHECK_EQ(row_in(PAIRS - 1, 1), 2 * PAIRS - 1);
    asyncp_cycles_free(&cycles);
}

/* A gather in a lock that all its tasks acquire. */
TEST(cycles_with_a_common_task_are_counted_beyond_the_first)
{
    enum { TASKS = 1000 };
    static struct edge edges[2 * TASKS];
    for (uint32_t i = 0; i < TASKS; i++) {
        edges[i] = (struct edge){0, i + 1, EDGE_AWAITS};
        edges[TASKS + i] = (struct edge){i + 1, 0, EDGE_LOCK};
    }
    find(edges, 2 * TASKS, TASKS + 1);
    CHECK_EQ(cycles.count, MAX_OVERLAPPING + 1);
    CHECK_EQ(cycles.left_out, TASKS - MAX_OVERLAPPING - 1);
    asyncp_cycles_free(&cycles);
}

/* Each task of a chain waits for one before it, as far before the middle as it is behind. */
TEST(cycles_are_sought_for_a_bounded_time)
{
    enum { HALF = 100000 };
    struct edge *edges = malloc((3 * HALF + 1) * sizeof *edges);
    uint32_t count = 0;
    CHECK(edges != NULL);
    for (uint32_t i = 0; i < 2 * HALF; i++) {
        edges[count++] = (struct edge){i, i + 1, EDGE_AWAITS};
        if (i > HALF)
            edges[count++] = (struct edge){i, 2 * HALF - i, EDGE_LOCK};
    }
    find(edges, count, 2 * HALF + 1);
    CHECK_EQ(cycles.count + cycles.left_out, HALF - 1);
    CHECK(cycles.row_count <= 4 * HALF + 100);
    asyncp_cycles_free(&cycles);
    free(edges);
}

LOOP_TEST(cycles_have_tasks_that_acquire_the_lock_of_a_condition_again)
{
    struct snapshot snapshot;
    struct graph graph;
    async_task *waiter = async_create_task(is_notified);
    CHECK_EQ(async_sleep(1), 0);
    async_task *holder = async_create_task(awaits_with_lock, waiter);
    CHECK_EQ(async_sleep(1), 0);
    take_own_snapshot(&snapshot);
    CHECK_EQ(asyncp_graph_open(&graph, &snapshot, &asyncp_own_view, own_layout()), 0);
    CHECK_EQ(asyncp_cycles_find(&cycles, &graph, snapshot.row_count), 0);
    CHECK_EQ(cycles.count, 1);
    CHECK_EQ(cycles.found[0].length, 2);
    asyncp_cycles_free(&cycles);
    asyncp_graph_close(&graph);
    asyncp_snapshot_free(&snapshot);
    CHECK_EQ(async_await(holder), -ETIMEDOUT);
    CHECK_EQ(async_await(waiter), 0);
    return 0;
}

TEST(cycles_are_sought_in_long_chains)
{
    enum { LENGTH = 200000 };
    struct edge *edges = malloc((LENGTH + 1) * sizeof *edges);
    CHECK(edges != NULL);
    for (uint32_t i = 0; i < LENGTH; i++)
        edges[i] = (struct edge){i, i + 1, EDGE_AWAITS};
    edges[LENGTH] = (struct edge){LENGTH, LENGTH - 2, EDGE_LOCK};
    find(edges, LENGTH, LENGTH + 1);
    CHECK_EQ(cycles.count, 0);
    find(edges, LENGTH + 1, LENGTH + 1);
    CHECK_EQ(cycles.count, 1);
    CHECK_EQ(cycles.found[0].length, 3);
    edges[LENGTH].to = 0;
    find(edges, LENGTH + 1, LENGTH + 1);
    CHECK_EQ(cycles.count, 1);
    CHECK_EQ(cycles.found[0].length, LENGTH + 1);
    CHECK_EQ(row_in(0, LENGTH), LENGTH);
    asyncp_cycles_free(&cycles);
    free(edges);
}

/* ---- confirmation --------------------------------------------------------------------------- */

TEST(cycles_are_confirmed_by_tasks_that_are_still_in_the_same_wait)
{
    struct row rows[2] = {{.id = 1, .state = ROW_WAITS, .wait = 10, .since_ns = 7},
                          {.id = 2, .state = ROW_WAITS, .wait = 20, .since_ns = 8}};
    struct row again[2] = {rows[0], rows[1]};
    struct loop_row loop = {.number = 1, .row_count = 2, .now_ns = 9};
    const struct snapshot before = {.loops = &loop, .loop_count = 1, .rows = rows, .row_count = 2};
    const struct snapshot later = {.loops = &loop, .loop_count = 1, .rows = again, .row_count = 2};
    struct cycle cycle = {.length = 2};
    uint32_t indices[] = {0, 1};
    const struct cycles both = {.found = &cycle, .count = 1, .rows = indices};
    cycles = both;
    asyncp_cycles_confirm(&cycles, &before, &later);
    CHECK_EQ(cycles.count, 1);
    again[1].since_ns++;
    asyncp_cycles_confirm(&cycles, &before, &later);
    CHECK_EQ(cycles.count, 0);
    again[1] = rows[1];
    again[0].state = ROW_READY;
    cycles = both;
    asyncp_cycles_confirm(&cycles, &before, &later);
    CHECK_EQ(cycles.count, 0);
    again[0] = rows[0];
    loop.now_ns = 8; /* a wait of now may be another one than that of before */
    cycles = both;
    asyncp_cycles_confirm(&cycles, &before, &later);
    CHECK_EQ(cycles.count, 0);
    loop.is_asleep = true;
    cycles = both;
    asyncp_cycles_confirm(&cycles, &before, &later);
    CHECK_EQ(cycles.count, 1);
    loop.row_count = 1; /* the second one has ended */
    again[0] = rows[0];
    cycles = both;
    asyncp_cycles_confirm(&cycles, &before, &later);
    CHECK_EQ(cycles.count, 0);
}

TEST(cycles_are_confirmed_by_all_of_their_tasks)
{
    enum { LENGTH = 1000 };
    static struct row rows[LENGTH], again[LENGTH];
    static uint32_t indices[LENGTH];
    struct cycle whole = {.length = LENGTH};
    struct loop_row loop = {.number = 1, .row_count = LENGTH, .now_ns = 9};
    const struct snapshot before = {
        .loops = &loop, .loop_count = 1, .rows = rows, .row_count = LENGTH};
    const struct snapshot later = {
        .loops = &loop, .loop_count = 1, .rows = again, .row_count = LENGTH};
    struct cycles found = {.found = &whole, .count = 1, .rows = indices};
    for (uint32_t i = 0; i < LENGTH; i++) {
        rows[i] = (struct row){.id = i + 1, .state = ROW_WAITS, .wait = i + 1, .since_ns = 7};
        again[i] = rows[i];
        indices[i] = i;
    }
    asyncp_cycles_confirm(&found, &before, &later);
    CHECK_EQ(found.count, 1);
    again[LENGTH - 1].since_ns++;
    asyncp_cycles_confirm(&found, &before, &later);
    CHECK_EQ(found.count, 0);
}
