/*
 * test_tools.c: tools that observe a program understand tasks: ThreadSanitizer reports real races
 * and no others, and backtraces on a task's stack are right. Where a tool is missing, its case is
 * skipped.
 */
#include "sys/tools.h"
#include "run/runner.h"

#if defined(__GLIBC__)
#include <execinfo.h>
#else
static int backtrace(void **frames, int most) /* musl has none */
{
    (void)frames;
    return most;
}
#endif
#include <pthread.h>

static void need_thread_sanitizer(void)
{
    if (!ASYNC_TSAN)
        test_skip("this is not a build with ThreadSanitizer");
}

static long shared;

/* Waits that many calls deep, and then writes. */
__attribute__((noinline)) static int touch(int depth)
{
    volatile int kept = depth; /* so that the calls stay calls */
    ASYNC_TRY(depth > 0 ? touch(depth - 1) : async_sleep(0));
    shared += kept == 0;
    return 0;
}

static int touch_from_a_task(int depth)
{
    return touch(depth);
}
async_fn(touch_from_a_task, int);

static void *touch_from_a_thread(void *argument)
{
    (void)argument;
    shared++;
    return NULL;
}

static int touch_from_both(void)
{
    pthread_t thread;
    async_task *task = async_create_task(touch_from_a_task, 3);
    CHECK_EQ(pthread_create(&thread, NULL, touch_from_a_thread, NULL), 0);
    int result = async_await(task);
    pthread_join(thread, NULL);
    return result;
}
async_fn(touch_from_both);

/* Also checks that the report has the callers, down to the task's first function. */
DEATH_TEST(tools_thread_sanitizer_sees_a_race_between_a_task_and_a_thread,
           "data race|#3 touch |#4 touch_from_a_task |#6 coroutine_begin |#0 touch_from_a_thread |"
           "'task'|global 'shared'")
{
    need_thread_sanitizer();
    CHECK_EQ(async_run_with(test_options(), touch_from_both), 0);
}

enum { TASKS = 50, ROUNDS = 20 };

static int touch_by_turns(int depth)
{
    for (int i = 0; i < ROUNDS; i++)
        ASYNC_TRY(touch(depth));
    return 0;
}
async_fn(touch_by_turns, int);

static void touch_from_a_callback(void *argument)
{
    (void)argument;
    shared++;
}

/* The tasks and callbacks of one loop are ordered: no lock is needed between them. */
LOOP_TEST(tools_tasks_of_one_loop_do_not_race)
{
    async_task *tasks[TASKS];
    need_thread_sanitizer();
    for (int round = 0; round < 2; round++) { /* the second on stacks that were used before */
        for (int i = 0; i < TASKS; i++)
            tasks[i] = async_create_task(touch_by_turns, i % 5);
        CHECK(async_call_soon(touch_from_a_callback, NULL).id != 0);
        CHECK_EQ(async_gather_n(tasks, TASKS, NULL, ASYNC_FIRST_ERROR), 0);
    }
    CHECK_EQ(shared, 2 * (TASKS * ROUNDS + 1));
    return 0;
}

static bool received;

static void receive_a_touch(void *argument)
{
    touch_from_a_callback(argument);
    received = true;
}

static void *send_a_touch(void *loop)
{
    shared++;
    CHECK_EQ(async_call_soon_threadsafe(loop, receive_a_touch, NULL), 0);
    return NULL;
}

/* Memory that was written before a message was sent may be read by the receiver. */
REAL_LOOP_TEST(tools_a_message_orders_two_threads)
{
    pthread_t thread;
    need_thread_sanitizer();
    CHECK_EQ(pthread_create(&thread, NULL, send_a_touch, async_get_loop()), 0);
    while (!received)
        CHECK_EQ(async_sleep(0.0001), 0);
    CHECK_EQ(shared, 2);
    pthread_join(thread, NULL);
    return 0;
}

/* ---- unwinding from inside ------------------------------------------------------------------ */

enum { MAX_FRAMES = 200 };

/* The result of backtrace(3) from so many calls deep, after a wait. */
struct trace {
    void *frames[MAX_FRAMES]; /* where each goes on, the innermost first */
    int count;
};

__attribute__((noinline)) static int trace_at(int depth, struct trace *trace)
{
    volatile int kept = depth; /* so that the calls stay calls */
    if (depth > 0)
        return trace_at(depth - 1, trace) + kept - depth;
    ASYNC_TRY(async_sleep(0));
    trace->count = backtrace(trace->frames, MAX_FRAMES);
    return 0;
}
async_fn(trace_at, int, struct trace *);

/* No frame too many above the task's own, and none missing, whatever other tasks do. */
LOOP_TEST(tools_backtrace_finds_all_frames_of_a_task_and_ends)
{
    enum { SHALLOW = 10, DEEP = 60 };
    struct trace traces[2] = {0};
#if !defined(__GLIBC__)
    test_skip("this libc has no backtrace(3)");
#endif
    CHECK_EQ(async_gather(async_create_task(trace_at, SHALLOW, &traces[0]),
                          async_create_task(trace_at, DEEP, &traces[1])),
             0);
    CHECK(traces[0].count > SHALLOW && traces[0].count < SHALLOW + 10);
    CHECK_EQ(traces[1].count - traces[0].count, DEEP - SHALLOW);
    for (int i = 1; i <= 3;
         /*
          * the same beginning: the function that async_fn made, and the two frames below every task
          */
         i++)
        CHECK(traces[0].frames[traces[0].count - i] == traces[1].frames[traces[1].count - i]);
    return 0;
}

/* ---- gdb ------------------------------------------------------------------------------------ */

SCRIPT_TEST(tools_gdb_unwinds_at_every_instruction, "tests/scripts/stepping.py", "-O2");
SCRIPT_TEST(tools_gdb_unwinds_at_every_instruction_unoptimized, "tests/scripts/stepping.py", "-O0");
SCRIPT_TEST(tools_gdb_notices_a_wrong_line_of_cfi, "tests/scripts/stepping.py", "--spoiled");

/* ---- the others ----------------------------------------------------------------------------- */

SCRIPT_TEST(tools_valgrind_finds_mistakes_in_tasks_and_nothing_else, "tests/scripts/tools.py",
            "valgrind");
SCRIPT_TEST(tools_perf_walks_from_each_sample_to_the_beginning, "tests/scripts/tools.py", "perf");
