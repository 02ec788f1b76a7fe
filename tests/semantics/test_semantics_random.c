/*
 * test_semantics_random.c: random programs of tasks that join tasks under limits and shields, while
 * another task cancels some of them. In all of them joined tasks end first, a request reaches every
 * task that it must reach, and the same program takes the same course on every backend.
 */
#include "run/runner.h"

#include <math.h>

enum { DEPTH = 3, MAX_CHILDREN = 3, MAX_STEPS = 3, PROGRAMS = 150 };

/* Where the random numbers come from; one sequence for a whole program. */
static uint64_t dice;

/* The events as one number: which task ended when, with which result. */
static uint64_t course;

/* Nodes that have begun and not ended. */
static int running;

static unsigned roll(unsigned sides)
{
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(dice >> 33) % sides;
}

static void record(int result)
{
    uint64_t entries[] = {async_task_id(async_current_task()), (uint64_t)(async_time() * 1e9),
                          (uint64_t)(int64_t)result};
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
        course = (course ^ entries[i]) * 1099511628211u;
}

/* A task of the program. finite: it must end by itself, because no request reaches it. */
static int node(int depth, bool finite);
async_fn(node, int, bool);

static int rest(bool finite)
{
    switch (roll(5)) {
    case 0:
        return async_sleep(0);
    case 1:
        return async_sleep(roll(4));
    case 2:
        return async_sleep(finite ? 1 : INFINITY);
    case 3:
        return -EIO;
    default:
        return (int)roll(100);
    }
}

static int join(async_task *const tasks[], size_t count)
{
    if (roll(2) == 0)
        return async_gather_n(tasks, count, NULL, roll(2) == 0 ? ASYNC_RETURN_EXCEPTIONS : 0);
    int result = 0;
    for (size_t i = 0; i < count; i++)
        result = async_await(tasks[i]);
    return result;
}

static int join_children(int depth, bool finite)
{
    async_task *children[MAX_CHILDREN];
    size_t count = 1 + roll(MAX_CHILDREN);
    for (size_t i = 0; i < count; i++)
        children[i] = async_task_ref(async_create_task(node, depth - 1, finite));
    int result = join(children, count);
    for (size_t i = 0; i < count; i++) {
        CHECK(async_task_done(children[i]));
        async_task_detach(children[i]);
    }
    return result;
}

static int act(int depth, bool finite)
{
    return depth > 0 && roll(3) > 0 ? join_children(depth, finite) : rest(finite);
}

static int take_a_step(int depth, bool finite)
{
    switch (roll(5)) {
    case 0:
        return async_timeout(roll(4), act(depth, finite));
    case 1:
        return async_no_cancel(act(depth, true));
    case 2:
        return async_timeout(roll(4), async_no_cancel(act(depth, true)));
    case 3:
        return async_task_uncancel(async_current_task());
    default:
        return act(depth, finite);
    }
}

static int node(int depth, bool finite)
{
    int result = 0;
    running++;
    for (unsigned steps = 1 + roll(MAX_STEPS); steps > 0; steps--) {
        result = take_a_step(depth, finite);
        if (result == -ECANCELED && roll(3) > 0)
            break;
    }
    record(result);
    running--;
    return result;
}

/* Any other task; this one is the oldest. */
static void cancel_somebody(void)
{
    static async_task *all[10000];
    size_t count = async_all_tasks(all, 10000);
    if (count > 1)
        async_task_cancel(all[1 + roll((unsigned)count - 1)]);
}

static int run_program(uint64_t seed)
{
    dice = seed;
    course = 0;
    async_task *root = async_create_task(node, DEPTH, false);
    for (int i = 0; i < 20; i++) {
        CHECK_EQ(async_sleep(0.5), 0);
        cancel_somebody();
    }
    for (int i = 0; !async_task_done(root); i++) {
        /* otherwise a request was lost on its way to a task that sleeps for ever */
        CHECK(i < 1000);
        async_task_cancel(root);
        CHECK_EQ(async_sleep(10), 0);
    }
    CHECK_EQ(running, 0);
    CHECK_EQ(async_all_tasks(NULL, 0), 1);
    async_ignore(async_await(root));
    return 0;
}
async_fn(run_program, uint64_t);

TEST_EACH_BACKEND(random_programs_end_whichever_task_is_cancelled)
{
    for (uint64_t seed = 1; seed <= PROGRAMS; seed++)
        CHECK_EQ(async_run_with(test_options(), run_program, seed), 0);
}

TEST_EACH_BACKEND(random_programs_end_in_whatever_order_they_run)
{
    async_run_options options = *test_options();
    for (uint64_t seed = 1; seed <= PROGRAMS; seed++) {
        options.shuffle_seed = seed;
        CHECK_EQ(async_run_with(&options, run_program, seed), 0);
    }
}

TEST_EACH_BACKEND(random_programs_end_in_debug_mode)
{
    async_run_options options = *test_options();
    options.debug = true;
    for (uint64_t seed = 1; seed <= PROGRAMS; seed++)
        CHECK_EQ(async_run_with(&options, run_program, seed), 0);
}

/* Any difference would be a place where the order of things is left to the kernel. */
TEST(random_programs_take_the_same_course_on_every_backend)
{
    static const char *const backends[] = {"epoll", "uring", "sim", "epoll"};
    for (uint64_t seed = 1; seed <= PROGRAMS; seed++) {
        uint64_t first = 0;
        for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
            async_run_options options = *test_options();
            options.backend = backends[i];
            CHECK_EQ(async_run_with(&options, run_program, seed), 0);
            CHECK(i == 0 || course == first);
            first = course;
        }
    }
}
