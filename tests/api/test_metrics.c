/*
 * test_metrics.c: the counters of a loop, with exact values on the virtual clock; and the metrics
 * of several loops at once. The text: tests/scripts/top.py.
 */
#include "run/callbacks.h"
#include "run/coroutines.h"
#include "run/runner.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static async_metrics get(void)
{
    async_metrics metrics;
    CHECK_EQ(async_metrics_get(&metrics), 0);
    return metrics;
}

static uint64_t count_all(const async_histogram *histogram)
{
    uint64_t count = 0;
    for (int i = 0; i < ASYNC_HISTOGRAM_BUCKETS; i++)
        count += histogram->counts[i];
    return count;
}

TEST(metrics_need_a_loop)
{
    async_metrics metrics;
    CHECK_EQ(async_metrics_get(&metrics), -ENXIO);
}

LOOP_TEST(metrics_count_tasks_timers_and_stacks)
{
    async_metrics before = get();
    CHECK_EQ(before.tasks, 1);
    CHECK_EQ(before.created, 1);
    CHECK_EQ(before.ended, 0);
    CHECK_EQ(before.timers, 0);
    CHECK(before.stack_bytes >= 65536);
    async_task *one = async_create_task(give_after, 1, 0),
               *two = async_create_task(give_after, 2, 0);
    CHECK_EQ(async_sleep(0.5), 0);
    async_metrics during = get();
    CHECK_EQ(during.tasks, 3);
    CHECK_EQ(during.created, 3);
    CHECK_EQ(during.timers, 2);
    CHECK_EQ(during.stacks_idle, 0);
    CHECK_EQ(async_gather(one, two), 0);
    async_metrics after = get();
    CHECK_EQ(after.tasks, 1);
    CHECK_EQ(after.ended, 2);
    CHECK_EQ(after.timers, 0);
    CHECK_EQ(after.stacks_idle, 2);
    CHECK_EQ(count_all(&after.timer_lateness), 3);
    CHECK(after.timer_lateness.sum == 0 && after.timer_lateness.max == 0);
    CHECK_EQ(after.timer_lateness.counts[0], 3);
    return 0;
}

LOOP_TEST(metrics_tell_time_asleep)
{
    CHECK(get().asleep == 0);
    CHECK_EQ(async_sleep(2.5), 0);
    CHECK(get().asleep == 2.5);
    CHECK_EQ(async_sleep(0), 0);
    CHECK(get().asleep == 2.5);
    CHECK(get().busy == 0); /* virtual time passes in sleeps only */
    return 0;
}

/* Turns of this many sleeps, with and without another task. */
static uint64_t count_own_turns(int sleeps)
{
    uint64_t before = get().turns;
    for (int i = 0; i < sleeps; i++)
        CHECK_EQ(async_sleep(0), 0);
    return get().turns - before;
}

static int sleep_often(int times)
{
    for (int i = 0; i < times; i++)
        ASYNC_TRY(async_sleep(0));
    return 0;
}
async_fn(sleep_often, int);

LOOP_TEST(metrics_count_each_turn_once)
{
    enum { SLEEPS = 1000, TASKS = 3 };
    CHECK_EQ(count_own_turns(SLEEPS), SLEEPS);
    async_task *tasks[TASKS];
    uint64_t before = get().turns;
    for (int i = 0; i < TASKS; i++)
        tasks[i] = async_create_task(sleep_often, SLEEPS);
    CHECK_EQ(async_gather_n(tasks, TASKS, NULL, ASYNC_FIRST_ERROR), 0);
    CHECK_EQ(get().turns - before, TASKS * (SLEEPS + 1) + 1);
    return 0;
}

/* The burst is cut short each time a task has made so many calls that need not wait. */
REAL_LOOP_TEST(metrics_count_turns_that_a_task_yields)
{
    enum { SLEEPS = 100, CALLS = 100000 };
    async_queue *queue;
    ASYNC_TRY(async_queue_new(&queue, 0, sizeof(int)));
    async_task *other = async_create_task(sleep_often, SLEEPS);
    uint64_t before = get().turns, most = SLEEPS + 1;
    for (int i = 0, item; i < CALLS; i++) {
        CHECK_EQ(async_queue_put(queue, &i), 0);
        CHECK_EQ(async_queue_get(queue, &item), 0);
    }
    CHECK_EQ(async_await(other), 0);
    most += CALLS / 1000; /* yields of this task: one in 4096 steps at most, and the await */
    uint64_t turns = get().turns - before;
    CHECK(turns > SLEEPS && turns <= most);
    async_queue_free(queue);
    return 0;
}

LOOP_TEST(metrics_count_polls)
{
    uint64_t before = get().polls;
    CHECK_EQ(async_sleep(1), 0);
    CHECK_EQ(async_sleep(1), 0);
    CHECK_EQ(get().polls - before, 2);
    return 0;
}

/* Its lateness is that of the loop: at most the time since the poll before it was set. */
REAL_LOOP_TEST(metrics_tell_how_late_timers_are)
{
    if (strcmp(test_backend(), "sim") == 0)
        test_skip("its time stands still while a task runs");
    async_event fired = {0};
    async_metrics before = get();
    async_call_at(async_time() - 1000, set_event_callback, &fired);
    CHECK_EQ(async_event_wait(&fired), 0);
    CHECK(get().timer_lateness.max < 100);
    async_task *sleeps = async_create_task(give_after, 0.001, 0);
    CHECK_EQ(async_sleep(0), 0); /* it sleeps */
    double until = async_time() + 0.02;
    while (async_time() < until)
        ;
    CHECK_EQ(async_await(sleeps), 0);
    async_metrics after = get();
    CHECK(after.timer_lateness.max >= 0.018 && after.hold.max >= 0.019);
    CHECK(after.hold.sum <= after.busy && after.busy - before.busy >= 0.019);
    uint64_t long_ones = 0;
    for (int i = 15; i < ASYNC_HISTOGRAM_BUCKETS; i++) /* more than 16.384 ms */
        long_ones += after.hold.counts[i] - before.hold.counts[i];
    CHECK(long_ones >= 1);
    return 0;
}

static int count_in_thread(int number)
{
    return number;
}
async_fn(count_in_thread, int);

REAL_LOOP_TEST(metrics_count_jobs)
{
    CHECK_EQ(get().jobs_begun, 0);
    CHECK_EQ(async_to_thread(count_in_thread, 7), 7);
    CHECK_EQ(async_to_thread(count_in_thread, 8), 8);
    CHECK_EQ(get().jobs_begun, 2);
    CHECK_EQ(get().jobs, 0);
    return 0;
}

/* Time between two steps belongs to the host. */
TEST_EACH_BACKEND(metrics_of_a_loop_that_is_stepped)
{
    if (strcmp(test_backend(), "sim") == 0)
        test_skip("its time stands still while a task runs");
    async_loop *loop;
    async_run_options options = *test_options();
    options.virtual_clock = false;
    CHECK_EQ(async_new_event_loop(&loop, &options), 0);
    double begin = async_time();
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(async_loop_step(loop, 0), 0);
        double until = async_time() + 0.02;
        while (async_time() < until)
            ;
    }
    async_metrics metrics = get();
    CHECK_EQ(metrics.polls, 3);
    CHECK_EQ(count_all(&metrics.hold), 3);
    CHECK(metrics.busy <= async_time() - begin - 3 * 0.02);
    async_loop_close(loop);
}

/* ---- other loops ----------------------------------------------------------------------------- */

/* The value of a metric of a loop in the text; -1: it is not there. */
static double find_value(const char *text, const char *metric, uint64_t loop)
{
    char line[128];
    snprintf(line, sizeof line, "\nasyncio_%s{loop=\"%llu\"} ", metric, (unsigned long long)loop);
    const char *at = strstr(text, line);
    return at != NULL ? strtod(at + strlen(line), NULL) : -1;
}

struct other_loop {
    _Atomic uint64_t number;
    _Atomic int done;
};

static int run_other(struct other_loop *other)
{
    async_metrics metrics;
    ASYNC_TRY(async_metrics_get(&metrics));
    other->number = metrics.loop;
    while (!other->done)
        ASYNC_TRY(async_sleep(0));
    return 0;
}
async_fn(run_other, struct other_loop *);

static void *run_other_loop(void *other)
{
    CHECK_EQ(async_run(run_other, other), 0);
    return NULL;
}

/* The other loop runs meanwhile, and its counters only grow. */
REAL_LOOP_TEST(metrics_of_all_loops_are_told_by_one)
{
    enum { SIZE = 32768, LOOKS = 500 };
    struct other_loop other = {0};
    char *text = malloc(SIZE);
    pthread_t thread;
    double turns = 0, busy = 0, asleep = 0;
    uint64_t own = get().loop;
    CHECK_EQ(pthread_create(&thread, NULL, run_other_loop, &other), 0);
    while (other.number == 0)
        CHECK_EQ(async_sleep(0.001), 0);
    for (int i = 0; i < LOOKS; i++) {
        int length = async_metrics_text(text, SIZE);
        CHECK(length > 0 && length == (int)strlen(text));
        CHECK(find_value(text, "tasks", own) == 1);
        if (find_value(text, "tasks", other.number) == -1) /* it was changing at each copy */
            continue;
        CHECK(find_value(text, "tasks", other.number) == 1);
        double now = find_value(text, "turns_total", other.number);
        CHECK(now >= turns);
        turns = now;
        now = find_value(text, "busy_seconds_total", other.number);
        CHECK(now >= busy);
        busy = now;
        now = find_value(text, "asleep_seconds_total", other.number);
        CHECK(now >= asleep);
        asleep = now;
    }
    CHECK(turns > 0 && busy > 0);
    other.done = 1;
    pthread_join(thread, NULL);
    CHECK(async_metrics_text(text, SIZE) > 0);
    CHECK(find_value(text, "tasks", other.number) == -1);
    free(text);
    return 0;
}

LOOP_TEST(metrics_text_is_cut_as_snprintf_cuts)
{
    char text[64] = "";
    int whole = async_metrics_text(NULL, 0);
    CHECK(whole > 1000);
    CHECK_EQ(async_metrics_text(text, sizeof text), whole);
    CHECK_EQ(strlen(text), sizeof text - 1);
    CHECK_EQ(memcmp(text, "# HELP asyncio_tasks ", 21), 0);
    return 0;
}

LOOP_TEST(metrics_print_tells_errors)
{
    CHECK_EQ(async_metrics_print(-1), -EBADF);
    CHECK(strstr(async_strerror(-EBADF), "async_metrics_print: descriptor -1") != NULL);
    return 0;
}
