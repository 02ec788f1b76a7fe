/* test_live.c: timelines of a loop that is open: its tasks that live, and handlers of signals. */
#include "inspect/own_view.h"
#include "loop/loops.h"
#include "run/runner.h"
#include "timeline/recorded.h"
#include "timeline/rings.h"
#include <signal.h>
#include <string.h>

/* Reads the ring of this process, which has one loop. */
static void take_timeline(struct timeline *timeline)
{
    struct output file = {.bytes = NULL};
    const struct rings rings = {.view = &asyncp_own_view,
                                .layout = own_layout(),
                                .loops = (uintptr_t)&asyncp_loops,
                                .end = TIMELINE_RUNNING,
                                .is_live = true};
    size_t offset;
    asyncp_timeline_begin(&file);
    CHECK_EQ(asyncp_rings_encode(&file, &rings), 1);
    CHECK(asyncp_timeline_is_file(file.bytes, file.count, &offset));
    CHECK_EQ(asyncp_timeline_decode(timeline, file.bytes, file.count, &offset), 1);
    asyncp_output_free(&file);
}

static int sleeps(double seconds)
{
    return async_sleep(seconds);
}
async_fn(sleeps, double);

/* ---- names ----------------------------------------------------------------------------------- */

static int has_named_tasks(struct timeline *timeline)
{
    const async_task_options options = {.name = "a name of its own"};
    async_task *named = async_create_task_with(&options, sleeps, 2);
    async_task *unnamed = async_create_task(sleeps, 2);
    ASYNC_TRY(async_sleep(1));
    take_timeline(timeline);
    return async_gather(named, unnamed);
}
async_fn(has_named_tasks, struct timeline *);

TEST(trace_has_the_function_and_the_own_name_of_a_live_task)
{
    struct timeline timeline;
    const async_run_options options = {.virtual_clock = true};
    record_begin();
    CHECK_EQ(async_run_with(&options, has_named_tasks, &timeline), 0);
    CHECK_STR(recorded_task(&timeline, 2)->function, "sleeps");
    CHECK_STR(recorded_task(&timeline, 2)->name, "a name of its own");
    CHECK_STR(recorded_task(&timeline, 3)->name, "sleeps");
    asyncp_timeline_free(&timeline);
    record_end(&timeline);
    asyncp_timeline_free(&timeline);
}

/* The group is being left: it takes no more children. */
static int adds_too_late(async_task_group *group)
{
    const async_task_options options = {.name = "refused"};
    async_ignore(async_no_cancel(async_sleep(1)));
    CHECK(async_group_create_task_with(group, &options, sleeps, 1) == NULL);
    return 0;
}
async_fn(adds_too_late, async_task_group *);

static int leaves_group(void)
{
    ASYNC_TASK_GROUP(group);
    async_group_create_task(&group, adds_too_late, &group);
    return async_sleep(0);
}

static int has_a_refused_task(struct timeline *timeline)
{
    ASYNC_TRY(leaves_group());
    async_task *next = async_create_task(sleeps, 2);
    ASYNC_TRY(async_sleep(1));
    take_timeline(timeline);
    return async_await(next);
}
async_fn(has_a_refused_task, struct timeline *);

TEST(trace_gives_no_task_the_name_of_one_that_was_refused)
{
    struct timeline timeline;
    const async_run_options options = {.virtual_clock = true};
    record_begin();
    CHECK_EQ(async_run_with(&options, has_a_refused_task, &timeline), 0);
    CHECK_STR(recorded_task(&timeline, 3)->name, "sleeps");
    asyncp_timeline_free(&timeline);
    record_end(&timeline);
    asyncp_timeline_free(&timeline);
}

/* ---- handlers of signals --------------------------------------------------------------------- */

static void count_signal(int number, void *count)
{
    *(int *)count += number == SIGUSR1;
}

static int handles_a_signal(void)
{
    int count = 0;
    ASYNC_TRY(async_add_signal_handler(SIGUSR1, count_signal, &count));
    raise(SIGUSR1);
    ASYNC_TRY(async_sleep(1));
    CHECK_EQ(count, 1);
    CHECK(async_remove_signal_handler(SIGUSR1));
    return 0;
}
async_fn(handles_a_signal);

TEST(trace_has_the_turn_of_a_handler_of_a_signal)
{
    struct timeline timeline;
    const async_run_options options = {.virtual_clock = true};
    record_begin();
    CHECK_EQ(async_run_with(&options, handles_a_signal), 0);
    record_end(&timeline);
    char *text = record_text(&timeline);
    CHECK(strstr(text, "; 0 run; 0 done; ") != NULL);
    free(text);
    asyncp_timeline_free(&timeline);
}
