/*
 * test_eager.c: tasks with eager_start: they run inside async_create_task_with up to their first
 * stop, the creator goes on right after it, and no other task runs in between.
 */
#include "run/coroutines.h"
#include "run/trace.h"

static const async_task_options eager = {.eager_start = true};

static int note_twice(const char *first, const char *second)
{
    note("%s", first);
    ASYNC_TRY(async_sleep(0));
    note("%s", second);
    return 7;
}
async_fn(note_twice, const char *, const char *);

LOOP_TEST(eager_task_runs_up_to_its_first_stop_before_any_other_task)
{
    async_task *other = async_create_task(note_twice, "other", "other2");
    async_task *task = async_create_task_with(&eager, note_twice, "eager", "eager2");
    note("creator");
    CHECK_EQ(async_await(task), 7);
    CHECK_EQ(async_await(other), 7);
    CHECK_TRACE("eager creator other eager2 other2");
    return 0;
}

LOOP_TEST(eager_task_that_never_stops_has_ended_when_it_is_created)
{
    async_task *task = async_create_task_with(&eager, give, 5);
    CHECK(async_task_done(task));
    CHECK_EQ(async_await(task), 5);
    return 0;
}

static int create_another(int depth);
async_fn(create_another, int);

static int create_another(int depth)
{
    note("%d", depth);
    async_task *task = depth > 0 ? async_create_task_with(&eager, create_another, depth - 1) : NULL;
    note("-%d", depth);
    return depth > 0 ? async_await(task) : 0;
}
LOOP_TEST(eager_tasks_create_eager_tasks)
{
    async_task *task = async_create_task_with(&eager, create_another, 2);
    note("creator");
    CHECK_EQ(async_await(task), 0);
    CHECK_TRACE("2 1 0 -0 -1 -2 creator");
    return 0;
}

static int note_current(void)
{
    note("%s", async_task_name(async_current_task()));
    return async_sleep(0);
}
async_fn(note_current);

LOOP_TEST(eager_task_is_the_current_one_while_it_runs)
{
    async_task *task = async_create_task_with(&eager, note_current);
    CHECK_STR(async_task_name(async_current_task()),
              "test_coroutine_eager_task_is_the_current_one_while_it_runs");
    CHECK_EQ(async_await(task), 0);
    CHECK_TRACE("note_current");
    return 0;
}

LOOP_TEST(eager_task_in_a_task_that_is_cancelled_starts_nevertheless)
{
    CHECK(async_task_cancel(async_current_task()));
    async_task *task = async_create_task_with(&eager, note_twice, "first", "second");
    CHECK_TRACE("first");
    CHECK_EQ(async_await(task), 7); /* asked, but its turn was on the way */
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return 0;
}

static async_task *from_callback;

static void create_in_callback(void *unused)
{
    (void)unused;
    from_callback = async_create_task_with(&eager, note_twice, "begun", "ended");
    note("callback");
}

LOOP_TEST(eager_task_of_a_callback_begins_as_others_do)
{
    CHECK(async_call_soon(create_in_callback, NULL).id != 0);
    CHECK_EQ(async_sleep(1), 0);
    CHECK_TRACE("callback begun ended");
    CHECK_EQ(async_await(from_callback), 7);
    return 0;
}

LOOP_TEST(eager_task_of_a_group_is_its_child_unless_there_is_no_room)
{
    ASYNC_TASK_GROUP_WITH(group, .limit = 1);
    async_group_create_task_with(&group, &eager, note_twice, "a", "a2");
    async_group_create_task_with(&group, &eager, note_twice, "b", "b2");
    note("creator");
    CHECK_EQ(async_group_wait(&group), 0);
    CHECK_TRACE("a creator a2 b b2");
    return 0;
}

LOOP_TEST(eager_task_of_a_group_that_fails_at_once_fails_it)
{
    ASYNC_TASK_GROUP(group);
    async_group_create_task(&group, note_twice, "sibling", "not this");
    CHECK(async_group_create_task_with(&group, &eager, give, -EIO) != NULL);
    CHECK_EQ(async_sleep(0), -ECANCELED);
    CHECK_EQ(async_group_wait(&group), -EIO);
    CHECK_TRACE("sibling");
    return 0;
}

enum { MANY = 1000 };

LOOP_TEST(eager_tasks_take_no_turn_from_others)
{
    for (int i = 0; i < MANY; i++)
        CHECK_EQ(async_await(async_create_task_with(&eager, give, i)), i);
    async_task *tasks[MANY];
    for (int i = 0; i < MANY; i++)
        tasks[i] = async_create_task_with(&eager, give_after, 1 + i % 3, i);
    CHECK_EQ(async_gather_n(tasks, MANY, NULL, ASYNC_FIRST_ERROR), 0);
    CHECK(async_time() == 3);
    return 0;
}

REAL_LOOP_TEST(eager_tasks_on_the_real_clock)
{
    for (int i = 0; i < MANY; i++) {
        async_task *task = async_create_task_with(&eager, note_current);
        CHECK_TRACE("note_current");
        CHECK_EQ(async_await(task), 0);
    }
    return 0;
}

static int debugged(void)
{
    async_task *task = async_create_task_with(&eager, note_twice, "eager", "eager2");
    note("creator");
    return async_await(task) == 7 ? 0 : -EPROTO;
}
async_fn(debugged);

TEST(eager_task_runs_at_once_in_debug_mode)
{
    async_run_options options = *test_options();
    options.debug = true;
    CHECK_EQ(async_run_with(&options, debugged), 0);
    CHECK_TRACE("eager creator eager2");
}

static int yield_and_note(void)
{
    for (int i = 0; i < 3; i++) {
        ASYNC_TRY(async_sleep(0));
        note("x");
    }
    return 0;
}
async_fn(yield_and_note);

static int note_once(void)
{
    note("eager");
    return async_sleep(1);
}
async_fn(note_once);

static int create_between_others(void)
{
    async_task *others[4], *task;
    for (int i = 0; i < 4; i++)
        others[i] = async_create_task(yield_and_note);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(async_sleep(0), 0);
        trace_text[0] = '\0';
        task = async_create_task_with(&eager, note_once);
        CHECK_TRACE("eager");
        CHECK_EQ(async_task_cancel(task), true);
        async_task_detach(task);
    }
    return async_gather_n(others, 4, NULL, ASYNC_FIRST_ERROR);
}
async_fn(create_between_others);

TEST_EACH_BACKEND(eager_task_gives_way_to_its_creator_wherever_the_iteration_ends)
{
    async_run_options options = *test_options();
    for (options.shuffle_seed = 1; options.shuffle_seed < 50; options.shuffle_seed++)
        CHECK_EQ(async_run_with(&options, create_between_others), 0);
}
