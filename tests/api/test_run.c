/*
 * test_run.c: async_run and async_main: their results, the tasks that are left at the end, and each
 * option. Ctrl-C: test_semantics_interrupt.c; reports: test_semantics_reports.c.
 */
#include "run/capture.h"
#include "run/coroutines.h"
#include "run/trace.h"
#include "sys/map.h"

#include <math.h>
#include <stdlib.h>

static int add(int a, int b)
{
    ASYNC_TRY(async_sleep(1));
    return a + b;
}
async_fn(add, int, int);

/* ---- results --------------------------------------------------------------------------------- */

TEST_EACH_BACKEND(run_returns_the_result_of_the_coroutine)
{
    CHECK_EQ(async_run_with(test_options(), add, 20, 22), 42);
    CHECK_EQ(async_run_with(test_options(), give, 0), 0);
    CHECK_EQ(async_run_with(test_options(), give, INT32_MAX), INT32_MAX);
    CHECK_EQ(async_run_with(test_options(), give, -EIO), -EIO);
    CHECK_EQ(async_run_with(test_options(), give, -ECANCELED), -ECANCELED);
}

TEST(run_needs_no_options)
{
    CHECK_EQ(async_run(give, 7), 7);
    CHECK_EQ(async_run_with(NULL, give, 7), 7);
    CHECK_EQ(async_run_with(&(async_run_options){0}, give, 7), 7);
}

static int look_around(void)
{
    async_task *all[2];
    CHECK(async_get_loop() != NULL);
    CHECK_EQ(async_all_tasks(all, 2), 1);
    CHECK(all[0] == async_current_task());
    CHECK_EQ(async_task_id(all[0]), 1);
    CHECK_STR(async_task_name(all[0]), "look_around");
    return 0;
}
async_fn(look_around);

TEST_EACH_BACKEND(run_gives_each_coroutine_a_fresh_loop_and_takes_it_down)
{
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(async_run_with(test_options(), look_around), 0);
        CHECK(async_get_loop() == NULL && async_current_task() == NULL);
    }
}

static int sum_of(async_task *a, async_task *b)
{
    int first = async_await(a);
    int second = async_await(b);
    return first + second;
}
async_fn(sum_of, async_task *, async_task *);

TEST_EACH_BACKEND(run_has_its_loop_in_place_when_the_arguments_are_evaluated)
{
    CHECK_EQ(async_run_with(test_options(), sum_of, async_create_task(add, 1, 2),
                            async_create_task(add, 3, 4)),
             10);
}

/* ---- inside a loop -------------------------------------------------------------------------- */

LOOP_TEST(run_inside_a_loop_is_busy_and_leaves_no_trace)
{
    async_task *child = async_create_task(add, 1, 2);
    async_loop *loop = async_get_loop();
    CHECK_EQ(async_run(give, 7), -EBUSY);
    CHECK(strstr(async_strerror(-EBUSY), "call the coroutine itself") != NULL);
    CHECK_EQ(async_run_with(test_options(), give, 7), -EBUSY);
    CHECK(async_get_loop() == loop);
    CHECK_EQ(async_all_tasks(NULL, 0), 2);
    CHECK_EQ(async_await(child), 3);
    CHECK_EQ(async_task_id(async_current_task()), 1);
    return 0;
}

LOOP_TEST(run_inside_the_arguments_of_a_run_that_is_busy_is_busy_too)
{
    async_auto_runner runner = {0};
    async_loop *loop = async_get_loop();
    CHECK_EQ(async_run(give, async_run(give, 7)), -EBUSY);
    CHECK_EQ(async_run(give, async_runner_run(&runner, give, async_run(give, 7))), -EBUSY);
    CHECK_EQ(async_runner_run(&runner, give, async_run(give, 7)), -EBUSY);
    CHECK(async_get_loop() == loop);
    return async_sleep(1);
}

static void run_in_callback(void *result)
{
    *(int *)result = async_run(give, 7);
}

LOOP_TEST(run_inside_a_callback_is_busy_too)
{
    int result = 0;
    async_call_soon(run_in_callback, &result);
    CHECK_EQ(async_sleep(1), 0);
    CHECK_EQ(result, -EBUSY);
    return 0;
}

LOOP_TEST(new_event_loop_inside_a_loop_is_busy_and_leaves_no_trace)
{
    async_loop *loop = async_get_loop(), *another = loop;
    CHECK_EQ(async_new_event_loop(&another, NULL), -EBUSY);
    CHECK(another == loop && async_get_loop() == loop);
    CHECK_EQ(async_sleep(1), 0);
    return 0;
}

/* ---- tasks left at the end ------------------------------------------------------------------- */

static int end_slowly(const char *name, double goodbye)
{
    int result = async_sleep(INFINITY);
    CHECK_EQ(result, -ECANCELED);
    CHECK_EQ(async_no_cancel(async_sleep(goodbye)), 0);
    note("%s%g", name, async_time());
    return result;
}
async_fn(end_slowly, const char *, double);

static int leave_tasks_behind(int result)
{
    async_task_detach(async_create_task(end_slowly, "a", 3));
    async_task_detach(async_create_task(end_slowly, "b", 1));
    async_task *held = async_create_task(end_slowly, "c", 2);
    CHECK(held != NULL);
    note("main");
    return result;
}
async_fn(leave_tasks_behind, int);

TEST_EACH_BACKEND(run_cancels_the_tasks_that_are_left_and_waits_for_them)
{
    CHECK_EQ(async_run_with(test_options(), leave_tasks_behind, 7), 7);
    CHECK_TRACE("main b1 c2 a3");
    CHECK_EQ(async_run_with(test_options(), leave_tasks_behind, -EIO), -EIO);
    CHECK_TRACE("main b1 c2 a3");
}

static int create_one_while_ending(const char *name)
{
    int result = async_sleep(INFINITY);
    note("%s", name);
    async_task_detach(async_create_task(end_slowly, "late", 1));
    return result;
}
async_fn(create_one_while_ending, const char *);

static int leave_a_parent_behind(void)
{
    async_task_detach(async_create_task(create_one_while_ending, "parent"));
    return async_sleep(1);
}
async_fn(leave_a_parent_behind);

TEST_EACH_BACKEND(run_cancels_tasks_that_others_create_while_they_end)
{
    CHECK_EQ(async_run_with(test_options(), leave_a_parent_behind), 0);
    CHECK_TRACE("parent late2");
}

static int say_goodbye(void)
{
    ASYNC_TRY(async_sleep(1));
    note("goodbye%g", async_time());
    return 0;
}
async_fn(say_goodbye);

static int shield_a_goodbye(void)
{
    int result = async_sleep(INFINITY);
    CHECK_EQ(async_no_cancel(async_await(async_create_task(say_goodbye))), 0);
    return result;
}
async_fn(shield_a_goodbye);

static int leave_one_with_a_goodbye(void)
{
    async_task_detach(async_create_task(shield_a_goodbye));
    return async_sleep(1);
}
async_fn(leave_one_with_a_goodbye);

/* A task that is created by another while that ends is cancelled only after the other has ended. */
TEST_EACH_BACKEND(run_lets_tasks_that_end_finish_what_they_wait_for)
{
    CHECK_EQ(async_run_with(test_options(), leave_one_with_a_goodbye), 0);
    CHECK_TRACE("goodbye2");
}

static int leave_callbacks_behind(void)
{
    async_call_soon(note_argument, "soon");
    async_call_later(1, note_argument, "later");
    CHECK_EQ(async_call_soon_threadsafe(async_get_loop(), note_argument, "sent"), 0);
    return 0;
}
async_fn(leave_callbacks_behind);

TEST_EACH_BACKEND(run_makes_call_soon_calls_and_drops_call_later_calls_at_its_end)
{
    CHECK_EQ(async_run_with(test_options(), leave_callbacks_behind), 0);
    CHECK(strstr(trace_text, "soon") != NULL && strstr(trace_text, "later") == NULL);
}

static void create_at_the_end(async_task *task, void *argument)
{
    CHECK(async_task_done(task));
    async_task_detach(async_create_task(note_name, argument));
}

static int leave_a_callback_that_creates(void)
{
    async_task *task = async_create_task(end_slowly, "task", 0);
    CHECK_EQ(async_task_add_done_callback(task, create_at_the_end, "at the end"), 0);
    async_task_detach(task);
    return async_sleep(1);
}
async_fn(leave_a_callback_that_creates);

TEST_EACH_BACKEND(run_waits_for_a_task_that_the_last_callback_creates)
{
    CHECK_EQ(async_run_with(test_options(), leave_a_callback_that_creates), 0);
    CHECK_TRACE("task1 at the end");
}

static int cancel_and_go(void)
{
    async_task *tasks[100];
    for (int i = 0; i < 100; i++)
        tasks[i] = async_create_task(forever);
    CHECK(tasks[99] != NULL);
    CHECK_EQ(async_sleep(1), 0);
    async_task_detach(tasks[7]);
    return 0;
}
async_fn(cancel_and_go);

TEST_EACH_BACKEND(run_frees_handles_that_were_not_given_back)
{
    CHECK_EQ(async_run_with(test_options(), cancel_and_go), 0);
}

/* ---- options -------------------------------------------------------------------------------- */

static int check_stack_size(size_t size)
{
    async_task_options options = {.stack_size = 1 << 18};
    async_task *child = async_create_task(give, 0);
    async_task *another = async_create_task_with(&options, give, 0);
    CHECK_EQ(async_task_stack_size(async_current_task()), size);
    CHECK_EQ(async_task_stack_size(child), size);
    CHECK_EQ(async_task_stack_size(another), 1 << 18);
    return async_gather(child, another);
}
async_fn(check_stack_size, size_t);

TEST_EACH_BACKEND(run_gives_tasks_the_stacks_its_options_ask_for)
{
    async_run_options options = *test_options();
    CHECK_EQ(async_run_with(&options, check_stack_size, 65536), 0);
    options.stack_size = 100000;
    CHECK_EQ(async_run_with(&options, check_stack_size, 131072), 0);
    options.stack_size = 1;
    size_t least = asyncp_sys_page_size() > 16384 ? asyncp_sys_page_size() : 16384;
    CHECK_EQ(async_run_with(&options, check_stack_size, least), 0);
    options.stack_size = ((size_t)1 << 30) + 1;
    CHECK_EQ(async_run_with(&options, check_stack_size, 0), -EINVAL);
    options.stack_size = SIZE_MAX;
    CHECK_EQ(async_run_with(&options, check_stack_size, 0), -EINVAL);
}

TEST(run_refuses_a_backend_that_does_not_exist)
{
    async_loop *loop = NULL;
    async_run_options options = *test_options();
    options.backend = "kqueue";
    CHECK_EQ(async_run_with(&options, give, 7), -EINVAL);
    CHECK_EQ(async_new_event_loop(&loop, &options), -EINVAL);
    CHECK(loop == NULL && async_get_loop() == NULL);
    setenv("ASYNCIO_BACKEND", "kqueue", 1);
    CHECK_EQ(async_run(give, 7), -EINVAL);
}

static int tell_time(void)
{
    CHECK_EQ(async_sleep(1000), 0);
    return (int)async_time();
}
async_fn(tell_time);

TEST(run_takes_the_backend_from_the_environment)
{
    setenv("ASYNCIO_BACKEND", "sim", 1); /* its clock is always virtual */
    CHECK_EQ(async_run(tell_time), 1000);
}

TEST(run_reports_values_of_variables_that_mean_nothing_and_goes_on)
{
    static const struct {
        const char *name, *value, *said;
    } cases[] = {
        {"ASYNCIO_DEADLOCK", "bogus", "ASYNCIO_DEADLOCK=bogus: choose cancel, wait or abort\n"},
        {"ASYNCIO_DEADLOCK", "wait", ""},
        {"ASYNCIO_DEADLOCK", "", ""},
        {"ASYNCIO_WATCHDOG", "abc", "ASYNCIO_WATCHDOG=abc: a limit is a number of seconds\n"},
        {"ASYNCIO_WATCHDOG", "-1", "ASYNCIO_WATCHDOG=-1: a limit is a number of seconds\n"},
        {"ASYNCIO_WATCHDOG", "nan", "ASYNCIO_WATCHDOG=nan: a limit is a number of seconds\n"},
        {"ASYNCIO_WATCHDOG", "0.5s", "ASYNCIO_WATCHDOG=0.5s: a limit is a number of seconds\n"},
        {"ASYNCIO_WATCHDOG", "20.5", ""},
        {"ASYNCIO_WATCHDOG", "0", ""},
        {"ASYNCIO_WATCHDOG", "", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK_EQ(setenv(cases[i].name, cases[i].value, 1), 0);
        capture_begin();
        int result = async_run(give, 7);
        const char *said = capture_end();
        CHECK_EQ(result, 7);
        CHECK_STR(strncmp(said, "asyncio: ", 9) == 0 ? said + 9 : said, cases[i].said);
        CHECK_EQ(unsetenv(cases[i].name), 0);
    }
}

/* Counts the memory that a run takes from its own allocator. */
struct counted {
    long blocks; /* that it holds */
    long bytes;
    long calls; /* of the allocator */
};

static void *count_reallocate(void *context, void *block, size_t old_size, size_t new_size)
{
    struct counted *counted = context;
    counted->blocks += (block == NULL && new_size > 0) - (block != NULL && new_size == 0);
    counted->bytes += (long)new_size - (long)old_size;
    counted->calls++;
    if (new_size > 0)
        return realloc(block, new_size);
    free(block);
    return NULL;
}

static int use_memory(const struct counted *counted)
{
    long before = counted->bytes;
    async_task *tasks[200];
    for (int i = 0; i < 200; i++)
        tasks[i] = async_create_task(add, i, i);
    CHECK(async_gather_n(tasks, 200, NULL, 0) == 0 && counted->bytes > before);
    return 0;
}
async_fn(use_memory, const struct counted *);

TEST_EACH_BACKEND(run_gets_its_memory_from_the_allocator_of_its_options)
{
    struct counted counted = {0};
    async_run_options options = *test_options();
    options.allocator = (async_allocator){.reallocate = count_reallocate, .context = &counted};
    CHECK_EQ(async_run_with(&options, use_memory, &counted), 0);
    CHECK(counted.calls > 0);
    CHECK_EQ(counted.blocks, 0);
    CHECK_EQ(counted.bytes, 0);
}

/* ---- shuffled ------------------------------------------------------------------------------- */

static int note_in_some_order(void)
{
    async_task *tasks[8];
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    for (int i = 0; i < 8; i++)
        tasks[i] = async_create_task(note_name, names[i]);
    return async_gather_n(tasks, 8, NULL, ASYNC_FIRST_ERROR);
}
async_fn(note_in_some_order);

/* Runs the eight with that seed and writes the order they came in. */
static void run_shuffled(uint64_t seed, char order[32])
{
    async_run_options options = *test_options();
    options.shuffle_seed = seed;
    CHECK_EQ(async_run_with(&options, note_in_some_order), 0);
    strcpy(order, trace_text);
    trace_text[0] = '\0';
}

TEST_EACH_BACKEND(run_without_a_seed_keeps_the_order)
{
    char order[32];
    run_shuffled(0, order);
    CHECK_STR(order, "a b c d e f g h");
}

TEST_EACH_BACKEND(run_shuffles_what_is_ready_in_an_order_drawn_from_the_seed)
{
    char first[32], second[32];
    int differ = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        run_shuffled(seed, first);
        run_shuffled(seed, second);
        CHECK_STR(first, second);
        CHECK_EQ(strlen(first), 15);
        run_shuffled(seed + 1, second);
        differ += strcmp(first, second) != 0;
    }
    CHECK(differ >= 19);
}

TEST(run_takes_the_seed_from_the_environment)
{
    char by_option[32], by_environment[32];
    run_shuffled(12345, by_option);
    setenv("ASYNCIO_SHUFFLE", "12345", 1);
    run_shuffled(0, by_environment);
    CHECK_STR(by_environment, by_option);
    CHECK(strcmp(by_option, "a b c d e f g h") != 0);
}

/* ---- async_main ----------------------------------------------------------------------------- */

TEST(main_gives_the_result_as_an_exit_status)
{
    CHECK_EQ(async_main(give, 0), 0);
    CHECK_EQ(async_main(give, 7), 7);
    CHECK_EQ(async_main(give, 125), 125);
    CHECK_EQ(async_main(give, 126), 125);
    CHECK_EQ(async_main(give, 130), 125);
    CHECK_EQ(async_main(give, INT32_MAX), 125);
}

TEST(main_gives_one_for_an_error)
{
    CHECK_EQ(async_main(give, -EIO), 1);
    CHECK_EQ(async_main(give, -1), 1);
    CHECK_EQ(async_main(give, -ECANCELED), 1);
    CHECK_EQ(async_main(give, INT32_MIN), 1);
}

static int run_main_inside(void)
{
    CHECK_EQ(async_main(give, 7), 1);
    return async_sleep(1);
}
async_fn(run_main_inside);

TEST_EACH_BACKEND(main_inside_a_loop_is_an_error)
{
    CHECK_EQ(async_run_with(test_options(), run_main_inside), 0);
}
