/*
 * test_semantics_memory.c: memory that runs out, at every allocation: the call returns the error,
 * nothing that was begun is lost, and when there is memory again everything goes on.
 */
#include "run/coroutines.h"
#include "run/trace.h"
#include "run/callbacks.h"

#include <math.h>

/* From here on there is no memory, until the next give_memory(). */
static void take_memory(void)
{
    test_allow_allocations(0);
}

static void give_memory(void)
{
    test_allow_allocations(-1);
}

/* ---- making a loop -------------------------------------------------------------------------- */

TEST_EACH_BACKEND(run_without_memory_fails_at_each_allocation_and_leaves_nothing)
{
    int result = -ENOMEM, allocations = 0;
    for (; result == -ENOMEM; allocations++) {
        CHECK(allocations < 200);
        test_allow_allocations(allocations);
        result = async_run_with(test_options(), give, 7);
        CHECK(async_get_loop() == NULL);
    }
    CHECK_EQ(result, 7);
    CHECK(allocations > 2);
}

TEST_EACH_BACKEND(new_event_loop_without_memory_fails_at_each_allocation_and_leaves_nothing)
{
    int result = -ENOMEM, allocations = 0;
    async_loop *loop = NULL;
    for (; result == -ENOMEM; allocations++) {
        CHECK(loop == NULL && allocations < 50);
        test_allow_allocations(allocations);
        result = async_new_event_loop(&loop, test_options());
    }
    give_memory();
    CHECK_EQ(result, 0);
    CHECK(allocations > 1);
    CHECK_EQ(async_loop_step(loop, 0), 0);
    async_loop_close(loop);
}

/* ---- tasks ---------------------------------------------------------------------------------- */

/*
 * Records and stacks come in chunks: some tasks can still be made, then none, and those that were
 * made run.
 */
LOOP_TEST(create_without_memory_gives_null_and_keeps_those_that_were_made)
{
    static async_task *tasks[2000];
    static int results[2000];
    int made = 0;
    take_memory();
    while (made < 2000 && (tasks[made] = async_create_task(give, made)) != NULL)
        made++;
    CHECK(made < 2000);
    CHECK_EQ(async_all_tasks(NULL, 0), made + 1);
    CHECK_EQ(async_gather_n(tasks, (size_t)made, results, ASYNC_FIRST_ERROR), 0);
    for (int i = 0; i < made; i++)
        CHECK_EQ(results[i], i);
    CHECK(made == 0 || async_await(async_create_task(give, 3)) == 3);
    give_memory();
    CHECK_EQ(async_await(async_create_task(give, 7)), 7);
    return 0;
}

LOOP_TEST(create_fails_at_each_allocation_and_leaves_nothing)
{
    async_task_options options = {.name = "a name of its own", .stack_size = 1 << 18};
    async_task *task = NULL;
    int allocations = 0;
    for (; task == NULL; allocations++) {
        CHECK(allocations < 10);
        CHECK_EQ(async_all_tasks(NULL, 0), 1);
        test_allow_allocations(allocations);
        task = async_create_task_with(&options, give, 7);
    }
    give_memory();
    CHECK(allocations > 2);
    CHECK_STR(async_task_name(task), "a name of its own");
    CHECK_EQ(async_await(task), 7);
    return 0;
}

/*
 * In debug mode records that were given back are kept apart; when those are all there is, they must
 * do.
 */
static bool refuse_large_blocks;

static void *reallocate_small_blocks(void *context, void *block, size_t old_size, size_t new_size)
{
    const async_allocator *allocator = context;
    if (refuse_large_blocks && new_size > 4096)
        return NULL;
    return allocator->reallocate(allocator->context, block, old_size, new_size);
}

static int create_all_that_can_be(void)
{
    enum { MORE_THAN_ARE_KEPT = 8000 };
    static async_task *tasks[MORE_THAN_ARE_KEPT];
    size_t made = 0, made_before = 0;
    refuse_large_blocks = true;
    for (int round = 0; round < 4; round++, made_before = made) {
        for (made = 0;
             made < MORE_THAN_ARE_KEPT && (tasks[made] = async_create_task(give, 0)) != NULL;)
            made++;
        CHECK(made > 0 && made < MORE_THAN_ARE_KEPT);
        CHECK(round == 0 || made == made_before);
        CHECK_EQ(async_gather_n(tasks, made, NULL, ASYNC_FIRST_ERROR), 0);
    }
    return 0;
}
async_fn(create_all_that_can_be);

TEST_EACH_BACKEND(create_without_memory_in_debug_mode_uses_records_again)
{
    async_run_options options = *test_options();
    options.debug = true;
    options.allocator.reallocate = reallocate_small_blocks;
    options.allocator.context = (void *)(uintptr_t)&test_options()->allocator;
    CHECK_EQ(async_run_with(&options, create_all_that_can_be), 0);
}

LOOP_TEST(null_in_place_of_a_task_is_an_error_of_gather_like_any_other)
{
    async_task *made = async_create_task(give_after, 1, 3);
    take_memory();
    async_task *not_made = async_create_task_with(&(async_task_options){.name = "name"}, give, 0);
    give_memory();
    CHECK(not_made == NULL);
    CHECK_EQ(async_gather(made, not_made), -ENOMEM);
    CHECK(async_time() == 1);
    return 0;
}

LOOP_TEST(set_name_without_memory_keeps_the_old_name)
{
    async_task *task = async_create_task(give, 0);
    CHECK_EQ(async_task_set_name(task, "old"), 0);
    take_memory();
    CHECK_EQ(async_task_set_name(task, "new"), -ENOMEM);
    CHECK_STR(async_task_name(task), "old");
    give_memory();
    return async_await(task);
}

/* ---- timers --------------------------------------------------------------------------------- */

LOOP_TEST(sleep_without_memory_fails_at_once)
{
    take_memory();
    CHECK_EQ(async_sleep(1), -ENOMEM);
    CHECK(async_time() == 0);
    CHECK_EQ(async_sleep(0), 0);
    give_memory();
    CHECK_EQ(async_sleep(1), 0);
    CHECK(async_time() == 1);
    return 0;
}

LOOP_TEST(sleep_without_memory_leaves_other_sleepers_alone)
{
    enum { MANY = 1000 };
    static async_task *tasks[MANY];
    static int results[MANY];
    int failed = 0;
    CHECK_EQ(async_sleep(1), 0);
    for (int i = 0; i < MANY; i++)
        tasks[i] = async_create_task(give_after, 1 + i % 3, 7);
    take_memory();
    CHECK_EQ(async_gather_n(tasks, MANY, results, ASYNC_RETURN_EXCEPTIONS), 0);
    give_memory();
    for (int i = 0; i < MANY; i++) {
        CHECK(results[i] == 7 || results[i] == -ENOMEM);
        failed += results[i] == -ENOMEM;
    }
    CHECK(failed > 0 && failed < MANY);
    CHECK(async_time() == 4);
    return 0;
}

static int be_refused(void)
{
    CHECK_EQ(async_sleep(1), -ECANCELED);
    return -ECANCELED;
}

LOOP_TEST(timeout_without_memory_refuses_the_call_inside)
{
    take_memory();
    CHECK_EQ(async_timeout(5, be_refused()), -ENOMEM);
    CHECK_EQ(async_timeout(5, give(7)), 7);
    CHECK_EQ(async_timeout(5, async_timeout(3, be_refused())), -ENOMEM);
    give_memory();
    CHECK_EQ(async_timeout(5, give_after(1, 7)), 7);
    CHECK_EQ(async_timeout(5, give_after(6, 7)), -ETIMEDOUT);
    return 0;
}

LOOP_TEST(shield_needs_no_memory)
{
    CHECK(async_task_cancel(async_current_task()));
    take_memory();
    CHECK_EQ(async_no_cancel(async_sleep(0)), 0);
    give_memory();
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return 0;
}

/* ---- callbacks ------------------------------------------------------------------------------ */

LOOP_TEST(call_soon_without_memory_gives_no_handle_and_calls_all_that_have_one)
{
    int calls = 0, expected = 0;
    async_call_soon(count_callback, &calls);
    take_memory();
    while (async_call_soon(count_callback, &calls).id != 0)
        expected++;
    CHECK(expected > 0 && expected < 10000);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(calls, expected + 1);
    CHECK(async_call_soon(count_callback, &calls).id != 0); /* used records are free again */
    give_memory();
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(calls, expected + 2);
    return 0;
}

LOOP_TEST(call_later_fails_at_each_allocation_and_leaves_nothing)
{
    int calls = 0, allocations = 0;
    async_handle handle = {0};
    for (; handle.id == 0 && allocations < 10; allocations++) {
        test_allow_allocations(allocations);
        handle = async_call_later(1, count_callback, &calls);
    }
    give_memory();
    CHECK(allocations > 1 && allocations < 10);
    CHECK_EQ(async_sleep(2), 0);
    CHECK_EQ(calls, 1);
    return 0;
}

static void count_end(async_task *task, void *calls)
{
    CHECK(async_task_done(task));
    count_callback(calls);
}

LOOP_TEST(done_callbacks_without_memory_are_refused_and_those_added_before_are_called)
{
    int calls = 0, added = 0;
    async_task *task = async_create_task(give, 7);
    CHECK_EQ(async_task_add_done_callback(task, count_end, &calls), 0);
    take_memory();
    while (async_task_add_done_callback(task, count_end, &calls) == 0)
        added++;
    CHECK(added < 10000);
    CHECK_EQ(async_task_add_done_callback(task, count_end, &calls), -ENOMEM);
    CHECK_EQ(async_await(task), 7);
    give_memory();
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(calls, added + 1);
    return 0;
}

/* ---- what needs none ------------------------------------------------------------------------ */

LOOP_TEST(joining_and_cancelling_need_no_memory)
{
    async_task *child = async_create_task(forever);
    async_task *middle = async_create_task(await_task, async_task_ref(child));
    async_task *parent = async_create_task(await_task, async_task_ref(middle));
    CHECK_EQ(async_sleep(0), 0);
    take_memory();
    CHECK(async_task_cancel(parent));
    CHECK_EQ(async_gather(child, middle, parent), -ECANCELED);
    CHECK(async_task_cancel(async_current_task()));
    CHECK_EQ(async_sleep(1), -ECANCELED);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    give_memory();
    return 0;
}

LOOP_TEST(handles_of_calls_are_taken_back_without_memory)
{
    async_handle soon = async_call_soon(note_argument, "soon");
    async_handle later = async_call_later(1, note_argument, "later");
    take_memory();
    CHECK(async_handle_cancel(soon) && async_handle_cancel(later));
    give_memory();
    CHECK_EQ(async_sleep(2), 0);
    CHECK_TRACE("");
    return 0;
}

/* ---- messages of errors -------------------------------------------------------------------- */

LOOP_TEST(fail_without_memory_returns_the_code_and_keeps_no_old_message)
{
    CHECK_EQ(async_fail(-EIO, "old"), -EIO);
    take_memory();
    CHECK_EQ(async_fail(-EIO, "new"), -EIO);
    CHECK_STR(async_strerror(-EIO), "-EIO: Input/output error");
    give_memory();
    return 0;
}

LOOP_TEST(strerror_without_memory_gives_the_system_s_text_and_its_copy_the_message)
{
    char copy[64];
    CHECK_EQ(async_fail(-EIO, "a message"), -EIO);
    take_memory();
    CHECK_STR(async_strerror(-EIO), "-EIO: Input/output error");
    CHECK_EQ(async_strerror_copy(-EIO, copy, sizeof copy), strlen("-EIO: a message"));
    give_memory();
    CHECK_STR(copy, "-EIO: a message");
    CHECK_STR(async_strerror(-EIO), "-EIO: a message");
    return 0;
}

static int fail_with(const char *message)
{
    return async_fail(-EIO, "%s", message);
}
async_fn(fail_with, const char *);

LOOP_TEST(await_without_memory_gives_the_error_to_all_and_the_message_to_the_last)
{
    char text[64];
    async_task *task = async_create_task(fail_with, "a message");
    CHECK_EQ(async_sleep(0), 0);
    take_memory();
    CHECK_EQ(async_await(async_task_ref(task)), -EIO);
    async_strerror_copy(-EIO, text, sizeof text);
    CHECK_STR(text, "-EIO: Input/output error");
    CHECK_EQ(async_await(task), -EIO);
    async_strerror_copy(-EIO, text, sizeof text);
    CHECK_STR(text, "-EIO: a message");
    give_memory();
    return 0;
}
