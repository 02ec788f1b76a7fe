/* test_tracer.c: that a timeline tells what has happened, to the event, on a virtual clock. */
#include "run/capture.h"
#include "run/runner.h"
#include "sched/loop.h"
#include "sys/assert.h"
#include "sys/probe.h"
#include "sys/report.h"
#include "timeline/recorded.h"
#include "timeline/verdict.h"
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

static int sleeps(double seconds)
{
    return async_sleep(seconds);
}
async_fn(sleeps, double);

static int two_sleepers(void)
{
    return async_gather(async_create_task(sleeps, 1.5), async_create_task(sleeps, 2.5));
}
async_fn(two_sleepers);

/* Gather waits for the last task first, so #2 wakes no task. */
TEST_EACH_BACKEND(trace_tells_each_turn)
{
    struct timeline timeline;
    record_begin();
    async_run_options options = *test_options();
    options.virtual_clock = true;
    CHECK_EQ(async_run_with(&options, two_sleepers), 0);
    record_end(&timeline);
    char *text = record_text(&timeline);
    CHECK_STR(text, "0 create #1; 0 run #1; 0 create #2; 0 create #3; 0 wait #1 async_gather; "
                    "0 run #2; 0 wait #2 async_sleep; 0 run #3; 0 wait #3 async_sleep; 0 sleep; "
                    "1.5 wake #2 timer; 1.5 run #2; 1.5 end #2; 1.5 sleep; "
                    "2.5 wake #3 timer; 2.5 run #3; 2.5 wake #1; 2.5 end #3; "
                    "2.5 run #1; 2.5 end #1");
    CHECK_EQ(timeline.length_ns, 2500000000);
    CHECK_EQ(timeline.lost, 0);
    CHECK(timeline.is_virtual);
    free(text);
    asyncp_timeline_free(&timeline);
}

/* ---- who woke whom --------------------------------------------------------------------------- */

static async_event event;
static async_lock lock;

static int waits(void)
{
    return async_event_wait(&event);
}
async_fn(waits);

/* Alone: while it runs the ready queue is empty, so the end of the queue is unknown. */
static int wakes_into_an_empty_queue(void)
{
    async_task *first = async_create_task(waits), *second = async_create_task(waits);
    ASYNC_TRY(async_sleep(1));
    async_event_set(&event);
    ASYNC_TRY(async_sleep(1));
    return async_gather(first, second);
}
async_fn(wakes_into_an_empty_queue);

static char *text_of_run(struct timeline *timeline, int result)
{
    CHECK_EQ(result, 0);
    record_end(timeline);
    return record_text(timeline);
}

static async_run_options virtual_options(void)
{
    async_run_options options = *test_options();
    options.virtual_clock = true;
    return options;
}

TEST(trace_tells_wakes_into_an_empty_queue)
{
    struct timeline timeline;
    async_run_options options = virtual_options();
    record_begin();
    char *text = text_of_run(&timeline, async_run_with(&options, wakes_into_an_empty_queue));
    CHECK(strstr(text, "1 wake #1 timer; 1 run #1; 1 wake #2; 1 wake #3; 1 wait #1 async_sleep; "
                       "1 run #2; 1 end #2; 1 run #3; 1 end #3; 1 sleep") != NULL);
    free(text);
    asyncp_timeline_free(&timeline);
}

enum { MANY = 3 * BLOCK_EVENTS };

static int wakes_many(void)
{
    static async_task *tasks[MANY];
    for (int i = 0; i < MANY; i++)
        tasks[i] = async_create_task(waits);
    ASYNC_TRY(async_sleep(0));
    async_event_set(&event);
    return async_gather_n(tasks, MANY, NULL, ASYNC_FIRST_ERROR);
}
async_fn(wakes_many);

/* The wakes of one turn fill blocks of the ring; with each of the two clocks. */
TEST(trace_tells_wakes_of_one_turn_across_blocks)
{
    for (int is_virtual = 0; is_virtual < 2; is_virtual++) {
        struct timeline timeline;
        unsigned by_main = 0, woken[MANY + 2] = {0};
        bool main_runs = false;
        async_run_options options = *test_options();
        options.virtual_clock = is_virtual != 0;
        event = (async_event){0};
        record_begin();
        CHECK_EQ(async_run_with(&options, wakes_many), 0);
        record_end(&timeline);
        for (size_t i = 0; i < timeline.event_count; i++) {
            const struct timeline_event *at = &timeline.events[i];
            uint32_t id = timeline.tasks[at->task].id;
            if (at->kind == EVENT_RUN || (at->kind == EVENT_WAIT && id == 1))
                main_runs = at->kind == EVENT_RUN && id == 1;
            by_main += at->kind == EVENT_WAKE && main_runs;
            woken[id] += at->kind == EVENT_WAKE;
        }
        CHECK_EQ(by_main, MANY);
        for (uint32_t id = 2; id < MANY + 2; id++)
            CHECK_EQ(woken[id], 1);
        asyncp_timeline_free(&timeline);
    }
}

static int passes_lock_on(void)
{
    ASYNC_TRY(async_lock_acquire(&lock));
    ASYNC_TRY(async_sleep(0));
    async_lock_release(&lock);
    return 0;
}
async_fn(passes_lock_on);

static int three_for_a_lock(void)
{
    return async_gather(async_create_task(passes_lock_on), async_create_task(passes_lock_on),
                        async_create_task(passes_lock_on));
}
async_fn(three_for_a_lock);

/* Others are ready already: each wake belongs to the task that has released the lock. */
TEST(trace_tells_wakes_behind_ready_tasks)
{
    struct timeline timeline;
    async_run_options options = virtual_options();
    record_begin();
    char *text = text_of_run(&timeline, async_run_with(&options, three_for_a_lock));
    CHECK(strstr(text, "run #2; 0 yield #2; 0 run #3; 0 wait #3 async_lock_acquire; "
                       "0 run #4; 0 wait #4 async_lock_acquire; 0 run #2; 0 wake #3; 0 end #2; "
                       "0 run #3; 0 yield #3; 0 run #3; 0 wake #4; 0 end #3; "
                       "0 run #4") != NULL);
    free(text);
    asyncp_timeline_free(&timeline);
}

static int starts_eagerly(void)
{
    const async_task_options options = {.eager_start = true};
    async_task *first = async_create_task(waits);
    async_task *second = async_create_task_with(&options, waits);
    async_event_set(&event);
    return async_gather(first, second);
}
async_fn(starts_eagerly);

/* The creator stands at the front of the queue meanwhile, and is woken by no task. */
TEST(trace_tells_eager_starts)
{
    struct timeline timeline;
    async_run_options options = virtual_options();
    record_begin();
    char *text = text_of_run(&timeline, async_run_with(&options, starts_eagerly));
    CHECK_STR(text, "0 create #1; 0 run #1; 0 create #2; 0 create #3; 0 start #1; 0 run #3; "
                    "0 wait #3 async_event_wait; 0 run #1; 0 wake #3; 0 wait #1 async_gather; "
                    "0 run #2; 0 end #2; 0 run #3; 0 wake #1; 0 end #3; 0 run #1; 0 end #1");
    free(text);
    asyncp_timeline_free(&timeline);
}

static void sets_event(void *argument)
{
    async_event_set(argument);
}

static int callback_wakes(void)
{
    async_call_later(1, sets_event, &event);
    ASYNC_TRY(async_event_wait(&event));
    async_task *task = async_create_task(sleeps, 5);
    ASYNC_TRY(async_sleep(1));
    async_task_cancel(task);
    return async_await(task) == -ECANCELED ? 0 : -EINVAL;
}
async_fn(callback_wakes);

/* A callback is a turn of the loop; a request to cancel is a wake of its own kind. */
TEST(trace_tells_callbacks_and_requests)
{
    struct timeline timeline;
    async_run_options options = virtual_options();
    record_begin();
    char *text = text_of_run(&timeline, async_run_with(&options, callback_wakes));
    CHECK(strstr(text, "1 run; 1 wake #1; 1 done; 1 run #1") != NULL);
    CHECK(strstr(text, "2 run #1; 2 wake #2 cancelled; 2 wait #1 async_await; 2 run #2; "
                       "2 wake #1; 2 end #2; 2 run #1; 2 end #1") != NULL);
    CHECK_EQ(recorded_task(&timeline, 2)->error, -ECANCELED);
    free(text);
    asyncp_timeline_free(&timeline);
}

static int takes_both(async_lock *one, async_lock *other)
{
    ASYNC_WITH(one);
    ASYNC_TRY(async_sleep(1));
    ASYNC_WITH(other);
    return 0;
}
async_fn(takes_both, async_lock *, async_lock *);

static int two_locks(void)
{
    static async_lock first, second;
    return async_gather(async_create_task(takes_both, &first, &second),
                        async_create_task(takes_both, &second, &first));
}
async_fn(two_locks);

/* The run reports it, cancels the main task, and ends in order. */
TEST(trace_has_the_moment_of_a_reported_deadlock)
{
    struct timeline timeline;
    struct verdict verdict;
    async_run_options options = virtual_options();
    record_begin();
    capture_begin();
    CHECK_EQ(async_run_with(&options, two_locks), -EDEADLK);
    CHECK(strstr(capture_end(), "deadlock: nothing is left") != NULL);
    record_end(&timeline);
    CHECK_EQ(timeline.end, TIMELINE_CLOSED);
    CHECK_EQ(asyncp_verdict_make(&verdict, &timeline), 0);
    CHECK_STR(verdict.sentences[0],
              "at the reported deadlock nothing could wake a task (no timer, no operation, no "
              "job): 3 tasks waited, #2 takes_both in async_lock_acquire, #3 takes_both in "
              "async_lock_acquire, #1 two_locks in async_gather");
    asyncp_timeline_free(&timeline);
}

/* ---- names, and a ring that is full ---------------------------------------------------------- */

static int named(void)
{
    const async_task_options options = {.name = "a name of its own"};
    ASYNC_TRY(async_await(async_create_task_with(&options, sleeps, 1)));
    ASYNC_TRY(async_await(async_create_task(sleeps, 1)));
    return 0;
}
async_fn(named);

TEST(trace_names_tasks_that_have_ended)
{
    struct timeline timeline;
    async_run_options options = virtual_options();
    record_begin();
    free(text_of_run(&timeline, async_run_with(&options, named)));
    CHECK_STR(recorded_task(&timeline, 1)->name, "named");
    CHECK_STR(recorded_task(&timeline, 2)->name, "a name of its own");
    CHECK_STR(recorded_task(&timeline, 2)->function, "sleeps");
    CHECK_STR(recorded_task(&timeline, 3)->name, "sleeps");
    CHECK(strstr(recorded_task(&timeline, 2)->where, "tests/timeline/test_tracer.c:") != NULL);
    CHECK(!recorded_task(&timeline, 2)->is_live);
    asyncp_timeline_free(&timeline);
}

static int ends(void)
{
    return 0;
}
async_fn(ends);

/* ---- modes ----------------------------------------------------------------------------------- */

/* The order of turns is that of a loop without a trace, also when it is shuffled. */
static int notes_order(int number, int *order)
{
    *order = *order * 10 + number;
    ASYNC_TRY(async_sleep(0));
    *order = *order * 10 + number;
    return 0;
}
async_fn(notes_order, int, int *);

static int three_in_an_order(int *order)
{
    return async_gather(async_create_task(notes_order, 1, order),
                        async_create_task(notes_order, 2, order),
                        async_create_task(notes_order, 3, order));
}
async_fn(three_in_an_order, int *);

TEST(trace_leaves_the_order_of_turns)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        int plain = 0, traced = 0, checked = 0;
        struct timeline timeline;
        async_run_options options = virtual_options();
        options.shuffle_seed = seed;
        CHECK_EQ(async_run_with(&options, three_in_an_order, &plain), 0);
        record_begin();
        CHECK_EQ(async_run_with(&options, three_in_an_order, &traced), 0);
        record_end(&timeline);
        asyncp_timeline_free(&timeline);
        record_begin();
        options.debug = true;
        CHECK_EQ(async_run_with(&options, three_in_an_order, &checked), 0);
        record_end(&timeline);
        asyncp_timeline_free(&timeline);
        CHECK_EQ(traced, plain);
        CHECK_EQ(checked, plain);
    }
}

/* Each task runs once after each RUN and before the next: no turn is lost, and none is made up. */
static int pair(async_queue *to, async_queue *from)
{
    enum { ITEMS = 5000 };
    for (int i = 0; i < ITEMS; i++) {
        ASYNC_TRY(async_queue_put(to, &i));
        ASYNC_TRY(async_queue_get(from, &i));
    }
    return 0;
}
async_fn(pair, async_queue *, async_queue *);

static int two_pairs(void)
{
    async_auto_queue *one = NULL, *other = NULL;
    ASYNC_TRY(async_queue_new(&one, 1, sizeof(int)));
    ASYNC_TRY(async_queue_new(&other, 1, sizeof(int)));
    return async_gather(async_create_task(pair, one, other), async_create_task(pair, other, one));
}
async_fn(two_pairs);

TEST_EACH_BACKEND(trace_has_no_turn_too_many)
{
    struct timeline timeline;
    record_begin();
    async_run_options options = *test_options();
    options.virtual_clock = false;
    CHECK_EQ(async_run_with(&options, two_pairs), 0);
    record_end(&timeline);
    uint32_t running = UINT32_MAX;
    for (size_t i = 0; i < timeline.event_count; i++) {
        const struct timeline_event *at = &timeline.events[i];
        if (at->kind == EVENT_RUN) {
            CHECK_EQ(running, UINT32_MAX);
            running = at->task;
        } else if (at->kind > EVENT_CREATE && at->kind != EVENT_SLEEP) {
            CHECK_EQ(at->task, running);
            running = UINT32_MAX;
        }
    }
    CHECK_EQ(running, UINT32_MAX);
    CHECK_EQ(timeline.event_count > 10000, true);
    asyncp_timeline_free(&timeline);
}

/* A tool that uses probes increments the word: while it does, the loop is traced. */
static int begins_to_be_probed(void)
{
    const struct async_loop *loop = asyncp_current;
    for (int i = 0; i < 3; i++) {
        int before = 0, after = 0;
        CHECK(!loop_is_traced(loop) && !loop_watches_stops(loop));
        asyncp_probe_users = 1;
        ASYNC_TRY(three_in_an_order(&before));
        ASYNC_TRY(async_sleep(0.001));
        CHECK(loop_is_traced(loop));
        ASYNC_TRY(starts_eagerly());
        asyncp_probe_users = 0;
        ASYNC_TRY(three_in_an_order(&after));
        ASYNC_TRY(async_sleep(0.001));
        CHECK_EQ(before, 123123);
        CHECK_EQ(after, 123123);
    }
    return loop_is_traced(loop) ? -EINVAL : 0;
}
async_fn(begins_to_be_probed);

TEST_EACH_BACKEND(trace_follows_the_use_of_probes_from_the_next_poll_on)
{
    CHECK_EQ(async_run_with(test_options(), begins_to_be_probed), 0);
}

/* A trace of the environment goes on without probes. */
static int is_probed_for_a_while(void)
{
    asyncp_probe_users = 1;
    ASYNC_TRY(async_sleep(0.001));
    asyncp_probe_users = 0;
    ASYNC_TRY(async_sleep(0.001));
    return loop_is_traced(asyncp_current) ? 0 : -EINVAL;
}
async_fn(is_probed_for_a_while);

TEST(trace_of_the_environment_outlives_the_use_of_probes)
{
    struct timeline timeline;
    async_run_options options = virtual_options();
    record_begin();
    char *text = text_of_run(&timeline, async_run_with(&options, is_probed_for_a_while));
    CHECK_STR(text, "0 create #1; 0 run #1; 0 wait #1 async_sleep; 0 sleep; 0.001 wake #1 timer; "
                    "0.001 run #1; 0.001 wait #1 async_sleep; 0.001 sleep; 0.002 wake #1 timer; "
                    "0.002 run #1; 0.002 end #1");
    free(text);
    asyncp_timeline_free(&timeline);
}

/* An unusable value of ASYNCIO_TRACE opens no ring, so the one for the tool ends with it. */
TEST(trace_for_probes_ends_with_their_use_if_the_environment_names_no_file)
{
    CHECK_EQ(setenv("ASYNCIO_TRACE", "run.txt", 1), 0);
    CHECK_EQ(async_run_with(test_options(), begins_to_be_probed), 0);
    CHECK_EQ(unsetenv("ASYNCIO_TRACE"), 0);
}

static int is_probed_without_the_variable(void)
{
    char value[128];
    snprintf(value, sizeof value, "%s", getenv("ASYNCIO_TRACE"));
    unsetenv("ASYNCIO_TRACE");
    ASYNC_TRY(is_probed_for_a_while());
    setenv("ASYNCIO_TRACE", value, 1);
    return 0;
}
async_fn(is_probed_without_the_variable);

TEST(trace_of_the_environment_outlives_the_variable_and_the_use_of_probes)
{
    struct timeline timeline;
    async_run_options options = virtual_options();
    record_begin();
    char *text = text_of_run(&timeline, async_run_with(&options, is_probed_without_the_variable));
    CHECK(strstr(text, "0 create #1; 0 run #1;") == text);
    CHECK(strstr(text, "0.002 end #1") != NULL);
    free(text);
    asyncp_timeline_free(&timeline);
}

static int is_probed_and_gets_the_variable(void)
{
    asyncp_probe_users = 1;
    ASYNC_TRY(async_sleep(0.001));
    CHECK(loop_is_traced(asyncp_current));
    return setenv("ASYNCIO_TRACE", "/no/such/folder/run.trace", 1);
}
async_fn(is_probed_and_gets_the_variable);

/* A file would have the part in which the tool was there, as if it were all. */
TEST(trace_for_probes_is_not_written)
{
    capture_begin();
    CHECK_EQ(async_run_with(test_options(), is_probed_and_gets_the_variable), 0);
    CHECK_STR(capture_end(), "");
    asyncp_probe_users = 0;
    CHECK_EQ(unsetenv("ASYNCIO_TRACE"), 0);
}

DEATH_TEST(trace_refuses_names_of_another_form, "ASYNCIO_TRACE=run.txt: the name must end in .html")
{
    async_run_options options = virtual_options();
    CHECK_EQ(setenv("ASYNCIO_TRACE", "run.txt", 1), 0);
    CHECK_EQ(async_run_with(&options, two_sleepers), 0);
    abort();
}

static int has_blocks(uint32_t blocks)
{
    return tracer_ring(&asyncp_current->tracer)->blocks == blocks ? 0 : -EINVAL;
}
async_fn(has_blocks, uint32_t);

TEST(trace_flight_recorder_has_the_size_that_is_wanted)
{
    static const struct {
        const char *value;
        uint32_t blocks;
    } sizes[] = {{"flight:run.html", 16},
                 {"flight=1:run.html", 16},
                 {"flight=16:a.trace", 256},
                 {"flight=33:run.html", 1024},
                 {"flight=64:run.html", 1024}};
    async_run_options options = virtual_options();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        CHECK_EQ(setenv("ASYNCIO_TRACE", sizes[i].value, 1), 0);
        CHECK_EQ(async_run_with(&options, has_blocks, sizes[i].blocks), 0);
    }
    CHECK_EQ(unsetenv("ASYNCIO_TRACE"), 0);
}

DEATH_TEST(trace_refuses_flight_recorders_of_another_size,
           "ASYNCIO_TRACE=flight=65:run.html: a flight recorder has 1 to 64 MiB, rounded up to a "
           "power of two: flight=16:run.html")
{
    async_run_options options = virtual_options();
    CHECK_EQ(setenv("ASYNCIO_TRACE", "flight=65:run.html", 1), 0);
    CHECK_EQ(async_run_with(&options, two_sleepers), 0);
    abort();
}

DEATH_TEST(trace_says_what_cannot_be_written,
           ".trace cannot be written: -ENOENT: No such file or directory")
{
    async_run_options options = virtual_options();
    CHECK_EQ(setenv("ASYNCIO_TRACE", "/no/such/folder/run.trace", 1), 0);
    CHECK_EQ(async_run_with(&options, two_sleepers), 0);
    abort();
}

static jmp_buf before_misuse;
static int calls_before_abort;

static void leaves(const char *message, void *context)
{
    (void)message, (void)context;
    longjmp(before_misuse, 1);
}

static void counts_call(void)
{
    calls_before_abort++;
}

/* Whether a loop with this value of ASYNCIO_TRACE has left the last call before an abort as is. */
static int keeps_last_call(const char *value)
{
    async_run_options options = virtual_options();
    calls_before_abort = 0;
    asyncp_before_abort(counts_call, 5);
    CHECK_EQ(setenv("ASYNCIO_TRACE", value, 1), 0);
    CHECK_EQ(async_run_with(&options, ends), 0);
    async_set_misuse_handler(leaves, NULL);
    if (setjmp(before_misuse) == 0)
        asyncp_misuse("this is no mistake");
    return calls_before_abort;
}

TEST(trace_writes_nothing_before_an_abort_without_a_flight_recorder)
{
    CHECK_EQ(keeps_last_call("/dev/null/run.txt"), 1);
    CHECK_EQ(keeps_last_call("/dev/null/run.html"), 1);
    CHECK_EQ(keeps_last_call("flight:/dev/null/run.html"), 0);
    CHECK_EQ(unsetenv("ASYNCIO_TRACE"), 0);
}
