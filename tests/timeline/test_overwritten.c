/* test_overwritten.c: timelines of runs with more events than the ring has room for. */
#include "run/runner.h"
#include "timeline/recorded.h"

static async_event event;

static int waits(void)
{
    return async_event_wait(&event);
}
async_fn(waits);

static int ends(void)
{
    return 0;
}
async_fn(ends);

/* Its first events are overwritten if there are many tasks. */
static int overwrites(async_task **waiting, int tasks)
{
    *waiting = async_create_task(waits);
    for (int i = 0; i < tasks; i++)
        ASYNC_TRY(async_await(async_create_task(ends)));
    async_event_set(&event);
    return async_await(*waiting);
}
async_fn(overwrites, async_task **, int);

static void record_overwriting(struct timeline *timeline, int tasks)
{
    async_task *waiting = NULL;
    async_run_options options = {.virtual_clock = true};
    record_begin();
    CHECK_EQ(async_run_with(&options, overwrites, &waiting, tasks), 0);
    record_end(timeline);
}

TEST(trace_counts_the_events_that_are_lost)
{
    enum { FEW = 10000, TIMES = 100 };
    struct timeline whole, last;
    record_overwriting(&whole, FEW);
    record_overwriting(&last, FEW * TIMES);
    CHECK_EQ(whole.lost, 0);
    double expected = (double)whole.event_count * TIMES;
    double counted = (double)(last.lost + last.event_count);
    CHECK(counted > 0.99 * expected && counted < 1.01 * expected);
    asyncp_timeline_free(&whole);
    asyncp_timeline_free(&last);
}

TEST(trace_keeps_the_last_events)
{
    enum { TASKS = 1000000, CREATED = TASKS + 2 };
    struct timeline timeline;
    record_overwriting(&timeline, TASKS);
    const struct timeline_event *last = &timeline.events[timeline.event_count - 1];
    CHECK(timeline.lost > 0);
    CHECK(timeline.event_count > MAX_RING_BLOCKS * BLOCK_EVENTS / 2);
    CHECK_EQ(last->kind, EVENT_END);
    CHECK_EQ(timeline.tasks[last->task].id, 1);
    CHECK_STR(recorded_task(&timeline, 2)->name, "waits"); /* its creation is lost */
    CHECK_STR(recorded_task(&timeline, CREATED)->name, "ends");
    asyncp_timeline_free(&timeline);
}
