/*
 * test_stack_task.c: stacks as tasks see them: how large they are, how much of them is used, and
 * arguments that do not fit.
 */
#include "sched/sched.h"
#include "run/runner.h"
#include "sys/clock.h"
#include "sys/map.h"

static int use_stack(size_t size)
{
    volatile char used[size];
    used[0] = used[size - 1] = 1;
    return async_sleep(1);
}
async_fn(use_stack, size_t);

static async_task *task_with(size_t stack_size)
{
    return async_create_task_with(&(async_task_options){.stack_size = stack_size}, use_stack, 1);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

LOOP_TEST(stack_size_of_a_task_is_what_its_options_say)
{
    size_t page = asyncp_sys_page_size();
    async_task *tasks[] = {task_with(0), task_with(1), task_with(17000),
                           task_with((size_t)1 << 30)};
    CHECK_EQ(async_task_stack_size(tasks[0]), larger(65536, page));
    CHECK_EQ(async_task_stack_size(tasks[1]), larger(16384, page));
    CHECK_EQ(async_task_stack_size(tasks[2]), larger(32768, page));
    CHECK_EQ(async_task_stack_size(tasks[3]), 1 << 30);
    CHECK(task_with(((size_t)1 << 30) + 1) == NULL);
    CHECK_EQ(async_gather_n(tasks, 4, NULL, ASYNC_FIRST_ERROR), 0);
    return 0;
}

static int expect_default_size(size_t size)
{
    CHECK_EQ(async_task_stack_size(async_current_task()), size);
    return 0;
}
async_fn(expect_default_size, size_t);

TEST_EACH_BACKEND(stack_size_of_all_tasks_is_what_the_loops_options_say)
{
    async_run_options options = *test_options();
    options.stack_size = 100000;
    CHECK_EQ(async_run_with(&options, expect_default_size, 131072), 0);
    options.stack_size = ((size_t)1 << 30) + 1;
    CHECK_EQ(async_run_with(&options, expect_default_size, 0), -EINVAL);
}

/* Frames, red zones and libc need more: twice 4.5 KiB for a ucontext_t of aarch64. */
static void expect_used(const async_task *task, size_t least)
{
    size_t used = async_task_stack_used(task);
    CHECK(used >= least && used < least + 12288);
}

static size_t used_after(size_t deep)
{
    async_task *task = async_create_task(use_stack, deep);
    CHECK_EQ(async_sleep(0), 0);
    size_t used = async_task_stack_used(task);
    CHECK_EQ(async_await(task), 0);
    return used;
}

LOOP_TEST(stack_used_by_a_task_is_about_what_it_used)
{
    async_task *shallow = async_create_task(use_stack, 100),
               *deep = async_create_task(use_stack, 40000);
    CHECK_EQ(async_sleep(0), 0);
    expect_used(shallow, 100);
    expect_used(deep, 40000);
    CHECK_EQ(async_gather(async_task_ref(shallow), async_task_ref(deep)), 0);
    CHECK_EQ(async_task_stack_used(shallow), 0);
    CHECK_EQ(async_task_stack_size(deep), 0);
    return async_gather(shallow, deep);
}

static int use_one_stack_twice(bool debug)
{
    CHECK(used_after(40000) >= 40000);
    CHECK_EQ(used_after(100) < 40000, debug);
    return 0;
}
async_fn(use_one_stack_twice, bool);

TEST_EACH_BACKEND(stack_used_begins_anew_in_debug_mode_only)
{
    async_run_options options = *test_options();
    CHECK_EQ(async_run_with(&options, use_one_stack_twice, false), 0);
    options.debug = true;
    CHECK_EQ(async_run_with(&options, use_one_stack_twice, true), 0);
}

struct bulk {
    char bytes[20000]; /* more than a quarter of 64 KiB */
};

static int take_bulk(struct bulk bulk)
{
    return bulk.bytes[0];
}
async_fn(take_bulk, struct bulk);

DEATH_TEST(stack_too_small_for_the_arguments_dies,
           "async_create_task(take_bulk): 20000 bytes of arguments do not fit")
{
    async_ignore(async_run_with(test_options(), take_bulk, (struct bulk){{0}}));
}
