/*
 * test_graph.c: which task awaits which, by the memory of the calls; and cycles.
 */
#include "inspect/cycles.h"
#include "inspect/own_view.h"
#include "run/runner.h"
#include <asyncio.h>
#include <stdlib.h>

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
    async_task *tasks[2] = {async_create_task(sleeps), async_create_task(sleeps)};
    return async_wait(tasks, 2, ASYNC_ALL_COMPLETED, 1000);
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

/* How many tasks named `sleeps` a task awaits. */
static size_t count_awaited(const struct snapshot *snapshot, const struct graph *graph,
                            const char *name, enum edge_kind kind)
{
    const struct edge *edges;
    const struct row *row = row_named(snapshot, name);
    size_t count = asyncp_graph_from(graph, (uint32_t)(row - snapshot->rows), &edges);
    for (size_t i = 0; i < count; i++) {
        CHECK_EQ(edges[i].kind, kind);
        CHECK_STR(text_of_row(snapshot, snapshot->rows[edges[i].to].name), "sleeps");
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
    asyncp_graph_close(&graph);
    asyncp_snapshot_free(&snapshot);
    for (int i = 0; i < 5; i++)
        async_task_cancel(tasks[i]);
    async_ignore(async_gather_n(tasks, 5, NULL, 0));
    return 0;
}

/* ---- cycles --------------------------------------------------------------------------------- */

static struct cycles cycles;

static void find(const struct edge *edges, size_t count, size_t rows)
{
    const struct graph graph = {.edges = (struct edge *)(uintptr_t)edges, .count = count};
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
    CHECK_EQ(cycles.found[0].count, 2);
    CHECK_EQ(cycles.found[0].rows[0], 1);
    CHECK_EQ(cycles.found[0].rows[1], 2);
    CHECK_EQ(cycles.found[1].count, 1);
    CHECK_EQ(cycles.found[1].rows[0], 3);
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
    CHECK_EQ(cycles.found[0].count, 3);
    edges[LENGTH].to = 0; /* too long to be told whole */
    find(edges, LENGTH + 1, LENGTH + 1);
    CHECK_EQ(cycles.count, 1);
    CHECK_EQ(cycles.found[0].count, MAX_CYCLE_ROWS);
    CHECK_EQ(cycles.found[0].length, LENGTH + 1);
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
    const struct cycles both = {.found = {{.rows = {0, 1}, .count = 2, .length = 2}}, .count = 1};
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
