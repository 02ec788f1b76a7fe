/*
 * test_local.c: task-local values: which values a task sees, how they are inherited, and their
 * memory.
 */
#include "run/coroutines.h"
#include "run/trace.h"

static async_local color = {.initial = (void *)"none"};
static async_local shape = {.initial = NULL};

static int look(void)
{
    note("%s", (const char *)async_local_get(&color));
    return 0;
}
async_fn(look);

static int look_later(void)
{
    ASYNC_TRY(async_sleep(1));
    return look();
}
async_fn(look_later);

static int set_and_look(const char *value)
{
    CHECK_EQ(async_local_set(&color, (void *)(uintptr_t)value), 0);
    ASYNC_TRY(async_sleep(1));
    return look();
}
async_fn(set_and_look, const char *);

LOOP_TEST(local_is_initial_until_it_is_set)
{
    CHECK_STR((const char *)async_local_get(&color), "none");
    CHECK(async_local_get(&shape) == NULL);
    CHECK_EQ(async_local_set(&color, (void *)"red"), 0);
    CHECK_STR((const char *)async_local_get(&color), "red");
    CHECK(async_local_get(&shape) == NULL);
    return 0;
}

LOOP_TEST(local_is_each_task_s_own)
{
    CHECK_EQ(async_gather(async_create_task(set_and_look, "red"),
                          async_create_task(set_and_look, "blue")),
             0);
    CHECK_TRACE("red blue");
    CHECK_STR((const char *)async_local_get(&color), "none");
    return 0;
}

LOOP_TEST(local_is_inherited_as_it_was_at_creation)
{
    CHECK_EQ(async_local_set(&color, (void *)"red"), 0);
    async_task *early = async_create_task(look);
    CHECK_EQ(async_local_set(&color, (void *)"blue"), 0);
    async_task *late = async_create_task(look);
    CHECK_EQ(async_gather(early, late), 0);
    CHECK_TRACE("red blue");
    CHECK_EQ(async_await(async_create_task(set_and_look, "green")), 0);
    CHECK_EQ(look(), 0);
    CHECK_TRACE("green blue");
    return 0;
}

static int create_looker(void)
{
    return async_await(async_create_task(look));
}
async_fn(create_looker);

LOOP_TEST(local_is_inherited_by_grandchildren)
{
    CHECK_EQ(async_local_set(&color, (void *)"red"), 0);
    CHECK_EQ(async_await(async_create_task(create_looker)), 0);
    CHECK_TRACE("red");
    return 0;
}

LOOP_TEST(local_is_not_seen_by_the_next_task_on_the_same_stack)
{
    CHECK_EQ(async_await(async_create_task(set_and_look, "red")), 0);
    CHECK_EQ(async_await(async_create_task(look)), 0);
    CHECK_TRACE("red none");
    return 0;
}

static int set_and_leave_one_behind(void)
{
    CHECK_EQ(async_local_set(&color, (void *)"red"), 0);
    async_task *task = async_create_task(look_later);
    CHECK(task != NULL);
    async_task_detach(task);
    return look();
}
async_fn(set_and_leave_one_behind);

static int look_and_rest(void)
{
    CHECK_EQ(look(), 0);
    return async_sleep(5);
}
async_fn(look_and_rest);

TEST_EACH_BACKEND(local_is_initial_in_each_run_of_a_runner)
{
    async_auto_runner runner = {.options = *test_options()};
    CHECK_EQ(async_runner_run(&runner, set_and_leave_one_behind), 0);
    CHECK_STR((const char *)async_local_get(&color), "none");
    CHECK_EQ(async_runner_run(&runner, look_and_rest), 0);
    CHECK_TRACE("red none red"); /* a task that is left from the first run keeps its values */
}

LOOP_TEST(local_many_at_once)
{
    static async_local many[100];
    for (intptr_t i = 0; i < 100; i++)
        CHECK_EQ(async_local_set(&many[i], (void *)(i + 1)), 0);
    CHECK_EQ(async_local_set(&many[50], NULL), 0);
    for (intptr_t i = 0; i < 100; i++)
        CHECK_EQ((intptr_t)async_local_get(&many[i]), i == 50 ? 0 : i + 1);
    return 0;
}

static void look_in_callback(void *unused)
{
    (void)unused;
    look();
    async_task_detach(async_create_task(look));
}

static void look_when_done(async_task *task, void *unused)
{
    (void)task;
    look_in_callback(unused);
}

LOOP_TEST(local_in_a_callback_is_that_of_the_task_that_scheduled_it)
{
    CHECK(async_call_soon(look_in_callback, NULL).id != 0);
    CHECK_EQ(async_local_set(&color, (void *)"red"), 0);
    CHECK(async_call_soon(look_in_callback, NULL).id != 0);
    CHECK(async_call_later(1, look_in_callback, NULL).id != 0);
    CHECK_EQ(async_local_set(&color, (void *)"blue"), 0);
    CHECK_EQ(async_sleep(2), 0);
    CHECK_TRACE("none red none red red red");
    async_task *task = async_create_task(give, 0);
    CHECK_EQ(async_task_add_done_callback(task, look_when_done, NULL), 0);
    CHECK_EQ(async_local_set(&color, (void *)"green"), 0);
    CHECK_EQ(async_await(task), 0);
    CHECK_EQ(async_sleep(1), 0);
    CHECK_TRACE("blue blue");
    return 0;
}

/* A callback that is never called holds a table, too; the runner checks that no memory is left. */
LOOP_TEST(local_of_a_callback_that_is_never_called_is_freed)
{
    CHECK_EQ(async_local_set(&color, (void *)"red"), 0);
    CHECK(async_call_later(1000, look_in_callback, NULL).id != 0);
    CHECK(async_handle_cancel(async_call_later(1000, look_in_callback, NULL)));
    CHECK(async_handle_cancel(async_call_soon(look_in_callback, NULL)));
    async_task *task = async_create_task(forever);
    CHECK_EQ(async_task_add_done_callback(task, look_when_done, NULL), 0);
    CHECK_EQ(async_task_remove_done_callback(task, look_when_done, NULL), 1);
    async_task_detach(task);
    return 0;
}

LOOP_TEST(local_set_without_memory_changes_nothing)
{
    async_task *task = NULL;
    test_allow_allocations(0);
    CHECK_EQ(async_local_set(&color, (void *)"red"), -ENOMEM);
    CHECK_STR((const char *)async_local_get(&color), "none");
    test_allow_allocations(-1);
    CHECK_EQ(async_local_set(&color, (void *)"red"), 0);
    CHECK((task = async_create_task(look)) != NULL);
    test_allow_allocations(0);
    CHECK_EQ(async_local_set(&color, (void *)"blue"), -ENOMEM); /* the table is shared now */
    CHECK_EQ(async_local_set(&shape, (void *)"round"), -ENOMEM);
    test_allow_allocations(-1);
    CHECK_STR((const char *)async_local_get(&color), "red");
    CHECK(async_local_get(&shape) == NULL);
    return async_await(task);
}

LOOP_TEST(local_null_is_ignored)
{
    CHECK_EQ(async_local_set(NULL, NULL), -EINVAL);
    CHECK(async_local_get(NULL) == NULL);
    return 0;
}

TEST(local_get_without_a_loop_is_initial)
{
    CHECK_STR((const char *)async_local_get(&color), "none");
}

DEATH_TEST(local_set_outside_a_task, "async_local_set was called outside a task")
{
    async_ignore(async_local_set(&color, NULL));
}

static void set_in_callback(void *unused)
{
    async_ignore(async_local_set(&color, unused));
}

static int set_from_a_callback(void)
{
    CHECK(async_call_soon(set_in_callback, NULL).id != 0);
    return async_sleep(1);
}
async_fn(set_from_a_callback);

DEATH_TEST(local_set_in_a_callback, "async_local_set was called in a callback")
{
    async_run(set_from_a_callback);
}
