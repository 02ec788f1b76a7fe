/* test_counters.c: counters of a loop, and its running task, from the memory of this process. */
#include "inspect/counters.h"
#include "inspect/own_view.h"
#include "run/coroutines.h"
#include <errno.h>
#include <string.h>

static struct counters read_own_counters(void)
{
    struct counters counters;
    uint64_t loop = (uintptr_t)async_get_loop();
    CHECK_EQ(asyncp_counters_read(&counters, &asyncp_own_view, own_layout(), loop), 0);
    return counters;
}

/* In a burst of the virtual clock no turn is left out but those of the burst. */
LOOP_TEST(counters_are_those_of_the_metrics)
{
    async_metrics metrics;
    async_task *sleeps = async_create_task(give_after, 3, 0);
    CHECK_EQ(async_sleep(1.5), 0);
    CHECK_EQ(async_metrics_get(&metrics), 0);
    struct counters counters = read_own_counters();
    CHECK_EQ(counters.tasks, 2);
    CHECK_EQ(counters.polls, metrics.polls);
    CHECK_EQ(counters.turns, metrics.turns - 1); /* the burst is that of this task */
    CHECK_EQ(counters.stack_bytes, metrics.stack_bytes);
    CHECK_EQ(counters.asleep_ns, 1500000000);
    CHECK_EQ(counters.since_ns, 1500000000);
    CHECK(counters.is_busy && !counters.is_asleep);
    CHECK_EQ(counters.buckets, ASYNC_HISTOGRAM_BUCKETS);
    CHECK_EQ(memcmp(counters.hold, metrics.hold.counts, sizeof metrics.hold.counts), 0);
    CHECK_EQ(counters.lateness[0], 1);
    return async_await(sleeps);
}

LOOP_TEST(counters_of_no_loop_are_refused)
{
    struct counters counters;
    CHECK_EQ(asyncp_counters_read(&counters, &asyncp_own_view, own_layout(), 16), -EFAULT);
    return 0;
}

LOOP_TEST(activity_is_the_running_task)
{
    struct activity_sample sample;
    uint64_t loop = (uintptr_t)async_get_loop();
    CHECK_EQ(async_task_set_name(async_current_task(), "samples"), 0);
    CHECK_EQ(asyncp_activity_sample(&sample, &asyncp_own_view, own_layout(), loop), 0);
    CHECK_EQ(sample.kind, ACTIVITY_TASK);
    CHECK_STR(sample.name, "samples");
    CHECK_EQ(asyncp_activity_sample(&sample, &asyncp_own_view, own_layout(), 16), -EFAULT);
    return 0;
}

static void sample_in_callback(void *sample)
{
    uint64_t loop = (uintptr_t)async_get_loop();
    CHECK_EQ(asyncp_activity_sample(sample, &asyncp_own_view, own_layout(), loop), 0);
}

LOOP_TEST(activity_tells_a_callback_from_the_loop)
{
    struct activity_sample sample = {.kind = ACTIVITY_ASLEEP};
    async_call_soon(sample_in_callback, &sample);
    CHECK_EQ(async_sleep(1), 0);
    CHECK_EQ(sample.kind, ACTIVITY_CALLBACK);
    CHECK_STR(sample.name, "");
    return 0;
}
