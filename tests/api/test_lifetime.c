/*
 * test_lifetime.c: memory that becomes invalid while a task waits on it, or before the task begins:
 * the message names the task, its call and the mistake, and does not blame the library.
 */
#include "run/capture.h"
#include "run/coroutines.h"
#include "run/runner.h"
#include "stack/context.h"
#include <alloca.h>
#include <stdlib.h>
#include <string.h>

/* ---- objects of a wait ----------------------------------------------------------------------- */

enum thing { EVENT, LOCK, SEMAPHORE, BARRIER, CONDITION, THINGS };

struct things {
    async_event event;
    async_lock lock;
    async_semaphore semaphore;
    async_barrier barrier;
    async_condition condition;
};

static int wait_on_thing(struct things *things, int thing)
{
    switch ((enum thing)thing) {
    case EVENT:
        return async_event_wait(&things->event);
    case LOCK:
        return async_lock_acquire(&things->lock);
    case SEMAPHORE:
        return async_semaphore_acquire(&things->semaphore);
    case BARRIER:
        return async_barrier_wait(&things->barrier);
    case CONDITION:
        ASYNC_TRY(async_condition_acquire(&things->condition));
        return async_condition_wait(&things->condition);
    case THINGS:
        break;
    }
    return -EINVAL;
}
async_fn(wait_on_thing, struct things *, int);

/* They are in this frame, and the waiting task is not in a group. */
static int leave_waiter(int thing)
{
    struct things things = {.barrier = {.parties = 2}};
    CHECK_EQ(async_lock_acquire(&things.lock), 0);
    async_task_detach(async_create_task(wait_on_thing, &things, thing));
    return async_sleep(1);
}
async_fn(leave_waiter, int);

static int write_over(int byte)
{
    char bytes[4000];
    memset(bytes, byte, sizeof bytes);
    __asm__ volatile("" : : "r"(bytes) : "memory"); /* else the compiler may leave that out */
    ASYNC_TRY(async_sleep(1));
    return bytes[7];
}
async_fn(write_over, int);

static int leave_waiter_and_write_over(int thing)
{
    CHECK_EQ(async_await(async_create_task(leave_waiter, thing)), 0);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(async_await(async_create_task(write_over, 0x55)), 0x55);
    return 0;
}
async_fn(leave_waiter_and_write_over, int);

#define GONE(name, thing, call)                                                                    \
    DEATH_TEST(lifetime_##name##_that_was_written_over_is_told,                                    \
               "task #3 'wait_on_thing' (created at |waits in " call                               \
               " for something that was freed|"                                                    \
               "task group")                                                                       \
    {                                                                                              \
        async_ignore(async_run_with(test_options(), leave_waiter_and_write_over, thing));          \
    }                                                                                              \
    DEATH_TEST(lifetime_##name##_whose_frame_was_left_is_told_at_once_in_debug_mode,               \
               "task #2 'wait_on_thing' (created at |waits in " call                               \
               " for something that was freed")                                                    \
    {                                                                                              \
        async_run_options options = with_debug();                                                  \
        async_ignore(async_run_with(&options, leave_waiter, thing));                               \
    }                                                                                              \
    struct test__semicolon

GONE(event, EVENT, "async_event_wait");
GONE(lock, LOCK, "async_lock_acquire");
GONE(semaphore, SEMAPHORE, "async_semaphore_acquire");
GONE(barrier, BARRIER, "async_barrier_wait");
GONE(condition, CONDITION, "async_condition_wait");

static int copy_an_event(void)
{
    struct things things = {0};
    async_task *waiter = async_create_task(wait_on_thing, &things, EVENT);
    CHECK_EQ(async_sleep(1), 0);
    async_event copy = things.event;
    async_event_set(&copy);
    return async_await(waiter);
}
async_fn(copy_an_event);

DEATH_TEST(lifetime_copied_event_is_reported,
           "task #2 'wait_on_thing' (created at |waits in async_event_wait for something "
           "that was freed, copied")
{
    async_ignore(async_run_with(test_options(), copy_an_event));
}

static int forget_a_completion(void)
{
    async_completion it = {0};
    async_task *task = async_create_task(give_after, 1, 7);
    CHECK_EQ(async_as_completed(&it, &task, 1, ASYNC_FOREVER), 0);
    memset(&it, 0, sizeof it);
    return async_await(task);
}
async_fn(forget_a_completion);

DEATH_TEST(
    lifetime_overwritten_completion_is_reported,
    "an async_completion was freed or overwritten|before task #2 'give_after'|async_completion_end")
{
    async_ignore(async_run_with(test_options(), forget_a_completion));
}

static int forget_a_limit(void)
{
    async_timeout_scope limit;
    async_timeout_begin(&limit, 1);
    memset(&limit, 1, sizeof limit);
    return async_sleep(2);
}
async_fn(forget_a_limit);

DEATH_TEST(lifetime_overwritten_limit_is_reported, "the memory of a timer was freed")
{
    async_ignore(async_run_with(test_options(), forget_a_limit));
}

/* Objects that live as long as the wait give no report, wherever they are. */
static int use_in_peace(int depth)
{
    struct things things = {0};
    ASYNC_TASK_GROUP(group);
    for (int i = 0; i < 20; i++)
        async_group_create_task(&group, wait_on_thing, &things, i % 2 == 0 ? EVENT : SEMAPHORE);
    if (depth > 0)
        ASYNC_TRY(use_in_peace(depth - 1));
    ASYNC_TRY(async_sleep(1));
    async_event_set(&things.event);
    for (int i = 0; i < 10; i++)
        async_semaphore_release(&things.semaphore);
    return async_group_wait(&group);
}
async_fn(use_in_peace, int);

TEST_EACH_BACKEND(lifetime_of_valid_objects_gives_no_report)
{
    async_run_options options = with_debug();
    CHECK_EQ(async_run_with(&options, use_in_peace, 3), 0);
}

/* ---- arguments of a task --------------------------------------------------------------------- */

static int print(const int *number)
{
    return *number != 7;
}
async_fn(print, const int *);

/* Its frame has returned when the other task begins. */
static int start_with_a_local(void)
{
    int number = 7;
    async_task_detach(async_create_task(print, &number));
    return 0;
}
async_fn(start_with_a_local);

static int outlive(void)
{
    CHECK_EQ(async_await(async_create_task(start_with_a_local)), 0);
    ASYNC_TRY(async_sleep(1));
    abort(); /* the death test reads the report */
}
async_fn(outlive);

DEATH_TEST(
    lifetime_argument_in_a_returned_frame_is_reported_in_debug_mode,
    "task #3 'print' (created at |begins with an argument that points to a variable of a function "
    "that has returned|must outlive it")
{
    async_run_options options = with_debug();
    async_ignore(async_run_with(&options, outlive));
}

/* ---- a helper of a task that goes on -------------------------------------------------------- */

/* Where libc switches stacks, or the unwind tables of the processor are not read. */
static void skip_unless_frames_are_found(void)
{
    if (asyncp_switch_resume == NULL || ASYNC_TSAN)
        test_skip("the frames of a suspended task are not found here");
#if !defined(__x86_64__) && !defined(__aarch64__) && !defined(__riscv)
    test_skip("the frames of a suspended task are not found on this processor");
#endif
#if ASYNC_ASAN
    test_skip("AddressSanitizer may put local variables elsewhere, and reports their use");
#endif
}

struct parcel {
    long weight;
    const int *number;
};

static int print_parcel(struct parcel parcel)
{
    return *parcel.number != 7;
}
async_fn(print_parcel, struct parcel);

static int print_pointed(void *number)
{
    return *(const int *)number != 7;
}

enum way { PLAIN, PARCEL, POINTER, OFFLOADED, WAYS };

static async_task *start_in_way(enum way way, int *number)
{
    const async_task_options offloaded = {.executor = ASYNC_DEFAULT_EXECUTOR};
    switch (way) {
    case PLAIN:
        return async_create_task(print, number);
    case PARCEL:
        return async_create_task(print_parcel, (struct parcel){1, number});
    case POINTER:
        return async_create_task_ptr(print_pointed, number);
    case OFFLOADED:
        return async_create_task_with(&offloaded, print, number);
    case WAYS:
        break;
    }
    return NULL;
}

__attribute__((noinline)) static void help(int way)
{
    int number = 7;
    async_task_detach(start_in_way((enum way)way, &number));
}

static int call_helper(int way)
{
    help(way);
    return async_sleep(1);
}
async_fn(call_helper, int);

static int call_helper_and_abort(int way)
{
    help(way);
    ASYNC_TRY(async_sleep(1));
    abort(); /* the death test reads the report */
}
async_fn(call_helper_and_abort, int);

#define LEFT(name, way)                                                                            \
    DEATH_TEST(lifetime_argument_in_the_frame_of_a_helper_is_reported_##name,                      \
               "task #2 '|(created at |begins with an argument that points to a variable of a "    \
               "function that has returned")                                                       \
    {                                                                                              \
        skip_unless_frames_are_found();                                                            \
        async_run_options options = with_debug();                                                  \
        async_ignore(async_run_with(&options, call_helper_and_abort, way));                        \
    }                                                                                              \
    struct test__semicolon

LEFT(as_a_pointer, PLAIN);
LEFT(in_a_struct, PARCEL);
LEFT(of_a_task_of_a_pointer, POINTER);
LEFT(of_an_offloaded_task, OFFLOADED);

/* `return async_sleep(1)` may be a jump: then the task has no frame of the program any more. */
TEST(lifetime_argument_of_a_helper_is_reported_without_a_frame_of_the_program)
{
    skip_unless_frames_are_found();
    async_run_options options = with_debug();
    capture_begin();
    async_ignore(async_run_with(&options, call_helper, PLAIN));
    CHECK(strstr(capture_end(), "begins with an argument that points to a variable") != NULL);
}

/* The waiting task begins while the frame exists. */
__attribute__((noinline)) static int leave_an_event_with_a_waiter(void)
{
    struct things things = {0};
    async_task_detach(async_create_task(wait_on_thing, &things, EVENT));
    return async_sleep(1);
}

static int call_helper_with_an_event(void)
{
    ASYNC_TRY(leave_an_event_with_a_waiter());
    return async_sleep(1);
}
async_fn(call_helper_with_an_event);

DEATH_TEST(lifetime_event_in_the_frame_of_a_helper_is_told_in_debug_mode,
           "task #2 'wait_on_thing' (created at |waits in async_event_wait for something that was "
           "freed")
{
    skip_unless_frames_are_found();
    async_run_options options = with_debug();
    async_ignore(async_run_with(&options, call_helper_with_an_event));
}

/* ---- frames that exist ---------------------------------------------------------------------- */

__attribute__((noinline)) static int await_in_helper(int *number)
{
    int own = 7;
    return async_gather(async_create_task(print, number), async_create_task(print, &own));
}

__attribute__((noinline)) static void start_for_caller(int *number, async_task **task)
{
    *task = async_create_task(print, number);
}

static int use_frames_that_exist(int bytes)
{
    int number = 7, *taken = alloca((size_t)bytes);
    async_task *task;
    *taken = 7;
    start_for_caller(&number, &task);
    CHECK_EQ(async_await(task), 0);
    start_for_caller(taken, &task);
    CHECK_EQ(async_await(task), 0);
    CHECK_EQ(await_in_helper(&number), 0);
    CHECK_EQ(await_in_helper(taken), 0);
    CHECK_EQ(async_await(async_create_task_ptr(print_pointed, taken)), 0);
    return async_await(async_create_task(print_parcel, (struct parcel){1, taken}));
}
async_fn(use_frames_that_exist, int);

static int attempt_with(size_t index, void *number)
{
    ASYNC_TRY(async_sleep(0.01));
    return index == 1 ? *(int *)number - 7 : -EAGAIN;
}

/* These calls make tasks that have pointers into their frames. */
static int use_frames_of_the_library(void)
{
    int number = 7;
    async_output output = {0};
    const async_process_options pipes = {.in = ASYNC_PIPE, .out = ASYNC_PIPE, .err = ASYNC_PIPE};
    CHECK_EQ(async_staggered_race(attempt_with, &number, 2, 0), 1);
    CHECK_EQ(async_run_process(&pipes, &output, "true"), 0);
    async_output_free(&output);
    return 0;
}
async_fn(use_frames_of_the_library);

TEST(lifetime_of_frames_that_exist_gives_no_report)
{
    async_run_options options = with_debug();
    capture_begin();
    for (int bytes = 4; bytes < 5000; bytes = bytes * 3 + 1)
        CHECK_EQ(async_run_with(&options, use_frames_that_exist, bytes), 0);
    CHECK_EQ(async_run_with(&options, use_frames_of_the_library), 0);
    const char *said = capture_end();
    if (strstr(said, "begins with") != NULL || strstr(said, "waits in") != NULL)
        test_fail(__FILE__, __LINE__, "%s", said);
}
