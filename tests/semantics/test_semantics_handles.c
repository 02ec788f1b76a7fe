/*
 * test_semantics_handles.c: handles and queries: each reference is taken once, every holder gets
 * the result, ids and names identify, and a handle that is misused ends the program with a message
 * and never with garbage.
 */
#include "run/coroutines.h"
#include "run/trace.h"

#include <math.h>
#include <pthread.h>

/* ---- awaiting and detaching ------------------------------------------------------------------ */

LOOP_TEST(await_gives_the_result_of_a_task_that_ends_later)
{
    CHECK_EQ(async_await(async_create_task(give_after, 2, 7)), 7);
    CHECK_EQ(async_await(async_create_task(give_after, 2, -EIO)), -EIO);
    CHECK(async_time() == 4);
    return 0;
}

LOOP_TEST(await_gives_the_result_of_a_task_that_has_ended)
{
    async_task *task = async_create_task(give_after, 2, 7);
    CHECK_EQ(async_sleep(5), 0);
    CHECK_EQ(async_await(task), 7);
    CHECK(async_time() == 5);
    return 0;
}

/* The message says the mistake: most often the handle was never set. */
static void check_null_is_named(const char *call, int result)
{
    char expected[128];
    snprintf(expected, sizeof expected, "-ENOMEM: %s: the task is NULL: it was never created",
             call);
    CHECK_EQ(result, -ENOMEM);
    CHECK(strncmp(async_strerror(result), expected, strlen(expected)) == 0);
}

LOOP_TEST(a_task_that_is_null_is_out_of_memory_and_the_message_names_it)
{
    check_null_is_named("async_await", async_await(NULL));
    check_null_is_named("async_gather", async_gather(async_create_task(give_after, 1, 7), NULL));
    check_null_is_named("async_wait_for", async_wait_for(NULL, 1));
    check_null_is_named("async_shield", async_shield(NULL));
    check_null_is_named("async_task_wait", async_task_wait(NULL));
    check_null_is_named("async_task_wait_started", async_task_wait_started(NULL));
    return 0;
}

static int await_myself(void)
{
    int result = async_await(async_task_ref(async_current_task()));
    CHECK_STR(async_strerror(-EDEADLK), "-EDEADLK: task 'await_myself' awaits itself");
    return result;
}
async_fn(await_myself);

LOOP_TEST(await_of_the_calling_task_is_edeadlk_and_takes_the_handle)
{
    async_task *task = async_create_task(await_myself);
    CHECK_EQ(async_await(task), -EDEADLK);
    return 0;
}

LOOP_TEST(each_reference_can_be_awaited)
{
    async_task *task = async_create_task(give_after, 1, 7);
    CHECK(async_task_ref(task) == task && async_task_ref(task) == task);
    CHECK_EQ(async_await(task), 7);
    CHECK_EQ(async_await(task), 7);
    CHECK_EQ(async_await(task), 7);
    CHECK(async_task_ref(NULL) == NULL);
    return 0;
}

static int note_after(double seconds)
{
    ASYNC_TRY(async_sleep(seconds));
    note("%g", seconds);
    return 0;
}
async_fn(note_after, double);

LOOP_TEST(a_task_that_was_detached_goes_on)
{
    async_task *task = async_create_task(note_after, 1);
    async_task_detach(task);
    CHECK(!async_task_done(task)); /* borrowed: it has not ended */
    CHECK_EQ(async_sleep(2), 0);
    CHECK_TRACE("1");
    return 0;
}

LOOP_TEST(a_task_can_be_detached_after_its_end)
{
    async_task *task = async_create_task(note_after, 1);
    CHECK_EQ(async_sleep(2), 0);
    async_task_detach(task);
    async_task_detach(NULL);
    CHECK_EQ(async_all_tasks(NULL, 0), 1);
    return 0;
}

LOOP_TEST(a_task_that_was_detached_can_be_taken_up_again_before_its_end)
{
    async_task *task = async_create_task(give_after, 1, 7);
    async_task_detach(task);
    CHECK_EQ(async_await(async_task_ref(task)), 7);
    return 0;
}

/* ---- queries --------------------------------------------------------------------------------- */

LOOP_TEST(result_is_in_progress_until_the_end_and_takes_nothing)
{
    async_task *task = async_create_task(give_after, 1, -EIO);
    CHECK_EQ(async_task_result(task), -EINPROGRESS);
    CHECK(!async_task_done(task));
    CHECK_EQ(async_sleep(2), 0);
    CHECK(async_task_done(task));
    CHECK_EQ(async_task_result(task), -EIO);
    CHECK_EQ(async_task_result(task), -EIO);
    CHECK_EQ(async_await(task), -EIO);
    return 0;
}

LOOP_TEST(null_is_a_task_that_has_failed)
{
    CHECK(async_task_done(NULL));
    CHECK(!async_task_cancelled(NULL));
    CHECK_EQ(async_task_result(NULL), -ENOMEM);
    CHECK_EQ(async_task_id(NULL), 0);
    CHECK_STR(async_task_name(NULL), "(no task)");
    CHECK_EQ(async_task_set_name(NULL, "name"), -EINVAL);
    CHECK_EQ(async_task_stack_used(NULL), 0);
    CHECK_EQ(async_task_stack_size(NULL), 0);
    return 0;
}

static void note_no_task(void *argument)
{
    (void)argument;
    CHECK(async_current_task() == NULL);
    note("none");
}

static int return_my_id(async_task **expected)
{
    CHECK(async_current_task() == *expected);
    CHECK_EQ(async_sleep(1), 0);
    CHECK(async_current_task() == *expected);
    return (int)async_task_id(async_current_task());
}
async_fn(return_my_id, async_task **);

LOOP_TEST(current_task_is_the_one_that_runs)
{
    async_task *main_task = async_current_task(), *tasks[2];
    for (int i = 0; i < 2; i++)
        tasks[i] = async_create_task(return_my_id, &tasks[i]);
    async_call_soon(note_no_task, NULL);
    CHECK_EQ(async_gather(async_task_ref(tasks[0]), async_task_ref(tasks[1])), 0);
    CHECK_EQ(async_task_result(tasks[0]), 2);
    CHECK_EQ(async_task_result(tasks[1]), 3);
    CHECK(async_current_task() == main_task);
    CHECK_TRACE("none");
    return async_gather_n(tasks, 2, NULL, ASYNC_RETURN_EXCEPTIONS);
}

TEST(outside_a_loop_there_is_no_task)
{
    async_task *task;
    CHECK(async_current_task() == NULL);
    CHECK_EQ(async_all_tasks(&task, 1), 0);
    CHECK(async_get_loop() == NULL);
}

LOOP_TEST(ids_count_from_one_and_are_never_used_again)
{
    uint64_t last = async_task_id(async_current_task());
    CHECK_EQ(last, 1);
    for (int i = 0; i < 300; i++) {
        async_task *task = async_create_task(give_after, 0, 0);
        CHECK_EQ(async_task_id(task), last + 1);
        last++;
        CHECK_EQ(async_await(async_task_ref(task)), 0);
        CHECK_EQ(async_task_id(task), last);
        async_task_detach(task);
    }
    return 0;
}

LOOP_TEST(set_name_copies_the_name)
{
    char name[] = "first";
    async_task *task = async_create_task(give_after, 1, 0);
    CHECK_STR(async_task_name(task), "give_after");
    CHECK_EQ(async_task_set_name(task, name), 0);
    strcpy(name, "xxxxx");
    CHECK_STR(async_task_name(task), "first");
    CHECK_EQ(async_task_set_name(task, NULL), -EINVAL);
    CHECK_EQ(async_task_set_name(task, ""), 0);
    CHECK_STR(async_task_name(task), "");
    CHECK_EQ(async_task_set_name(task, "a name that is longer than the others"), 0);
    CHECK_EQ(async_await(async_task_ref(task)), 0);
    CHECK_STR(async_task_name(task), "a name that is longer than the others");
    CHECK_EQ(async_task_set_name(task, "late"), 0);
    CHECK_STR(async_task_name(task), "late");
    async_task_detach(task);
    return 0;
}

LOOP_TEST(all_tasks_are_those_that_have_not_ended_oldest_first)
{
    enum { MANY = 150 };
    async_task *tasks[MANY], *all[MANY + 10];
    for (int i = 0; i < MANY; i++)
        tasks[i] = async_create_task(give_after, i % 2 == 0 ? 1 : 9, 0);
    CHECK_EQ(async_all_tasks(all, MANY + 10), MANY + 1);
    CHECK(all[0] == async_current_task() && all[1] == tasks[0] && all[MANY] == tasks[MANY - 1]);
    CHECK_EQ(async_sleep(2), 0);
    async_task *young = async_create_task(forever); /* perhaps in the memory of an older one */
    CHECK_EQ(async_all_tasks(all, MANY), MANY / 2 + 2);
    for (int i = 0; i < MANY / 2; i++)
        CHECK(all[i + 1] == tasks[2 * i + 1]);
    CHECK(all[MANY / 2 + 1] == young);
    async_task_detach(young);
    return async_gather_n(tasks, MANY, NULL, ASYNC_FIRST_ERROR);
}

LOOP_TEST(all_tasks_fills_no_more_than_there_is_room_for)
{
    async_task *tasks[100], *all[4] = {NULL, NULL, NULL, NULL};
    for (int i = 0; i < 100; i++)
        tasks[i] = async_create_task(give_after, 1, 0);
    CHECK_EQ(async_all_tasks(NULL, 0), 101);
    CHECK_EQ(async_all_tasks(all, 3), 101);
    CHECK(all[0] == async_current_task() && all[1] == tasks[0] && all[2] == tasks[1] &&
          all[3] == NULL);
    return async_gather_n(tasks, 100, NULL, ASYNC_FIRST_ERROR);
}

LOOP_TEST(all_tasks_keeps_the_oldest_whatever_records_they_use)
{
    enum { MANY = 40 };
    async_task *tasks[MANY], *all[MANY + 1], *some[MANY + 1];
    for (int i = 0; i < MANY; i++)
        tasks[i] = async_create_task(give_after, i % 3 == 0 ? 1 : 9, 0);
    CHECK_EQ(async_sleep(2), 0);
    for (int i = 0; i < MANY; i += 3) {
        CHECK_EQ(async_await(tasks[i]), 0);
        tasks[i] = async_create_task(give_after, 9, 0); /* uses a freed record */
    }
    CHECK_EQ(async_all_tasks(all, MANY + 1), MANY + 1);
    for (int i = 0; i < MANY; i++)
        CHECK(async_task_id(all[i]) < async_task_id(all[i + 1]));
    for (size_t capacity = 0; capacity <= MANY; capacity++) {
        CHECK_EQ(async_all_tasks(some, capacity), MANY + 1);
        for (size_t i = 0; i < capacity; i++)
            CHECK(some[i] == all[i]);
    }
    return async_gather_n(tasks, MANY, NULL, ASYNC_FIRST_ERROR);
}

/* ---- misuse --------------------------------------------------------------------------------- */

static int await_twice(void)
{
    async_task *task = async_create_task(give_after, 0, 0);
    CHECK_EQ(async_await(task), 0);
    return async_await(task);
}
async_fn(await_twice);

DEATH_TEST(a_handle_awaited_twice_dies, "async_await: the handle of task #2 'give_after' (created "
                                        "at|test_semantics_handles.c:|was taken before")
{
    async_ignore(async_run_with(test_options(), await_twice));
}

static int await_after_detach(void)
{
    async_task *task = async_create_task(give_after, 0, 0);
    async_task_detach(task);
    return async_await(task);
}
async_fn(await_after_detach);

DEATH_TEST(a_handle_awaited_after_it_was_detached_dies,
           "async_await: the handle of task #2|was taken before")
{
    async_ignore(async_run_with(test_options(), await_after_detach));
}

static int detach_twice(void)
{
    async_task *task = async_create_task(give_after, 0, 0);
    async_task_detach(task);
    async_task_detach(task);
    return 0;
}
async_fn(detach_twice);

DEATH_TEST(a_handle_detached_twice_dies,
           "async_task_detach: the handle of task #2|was taken before")
{
    async_ignore(async_run_with(test_options(), detach_twice));
}

static int ask_after_the_end(void)
{
    async_task *task = async_create_task(give_after, 0, 0);
    CHECK_EQ(async_await(task), 0);
    return async_task_done(task);
}
async_fn(ask_after_the_end);

DEATH_TEST(a_query_of_a_handle_that_was_taken_dies,
           "async_task_done: the handle of task #2|was taken before")
{
    async_ignore(async_run_with(test_options(), ask_after_the_end));
}

/* Without debug mode the record would belong to another task by now. */
static int await_much_later(void)
{
    async_task *task = async_create_task(give_after, 0, 0);
    CHECK_EQ(async_await(task), 0);
    for (int i = 0; i < 1000; i++)
        CHECK_EQ(async_await(async_create_task(give_after, 0, 0)), 0);
    async_task *another = async_create_task(give_after, 0, 0);
    async_ignore(async_await(task));
    return async_await(another);
}
async_fn(await_much_later);

DEATH_TEST(a_stale_handle_is_noticed_in_debug_mode_though_many_tasks_came_since,
           "async_await: the handle of task #2 'give_after'|was taken before")
{
    async_run_options options = *test_options();
    options.debug = true;
    async_ignore(async_run_with(&options, await_much_later));
}

static void *cancel_from_here(void *task)
{
    async_task_cancel(task);
    return NULL;
}

static int let_a_thread_cancel(void)
{
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, cancel_from_here, async_current_task()), 0);
    pthread_join(thread, NULL);
    return 0;
}
async_fn(let_a_thread_cancel);

DEATH_TEST(
    a_handle_used_on_another_thread_dies,
    "async_task_cancel: task #1 'let_a_thread_cancel'|belongs to another thread's loop|threadsafe")
{
    async_ignore(async_run_with(test_options(), let_a_thread_cancel));
}

DEATH_TEST(await_outside_a_task_dies,
           "async_await was called outside a task; run your coroutine with async_main")
{
    async_ignore(async_await(NULL));
}

DEATH_TEST(sleep_outside_a_task_dies, "async_sleep was called outside a task")
{
    async_ignore(async_sleep(0));
}
