/*
 * test_started.c: async_set_started and async_task_wait_started: a task reports that it has begun
 * its work, with a value, to the tasks that wait for that. Cancelled at each moment:
 * switching_group.c.
 */
#include "run/coroutines.h"
#include "run/trace.h"

static int serve(double seconds, int port)
{
    ASYNC_TRY(async_sleep(seconds));
    CHECK_EQ(async_set_started(port), 0);
    note("serving");
    return async_sleep(10);
}
async_fn(serve, double, int);

LOOP_TEST(started_gives_its_value_to_the_waiting_task)
{
    async_task *server = async_create_task(serve, 2, 8080);
    CHECK_EQ(async_task_wait_started(server), 8080);
    CHECK(async_time() == 2);
    CHECK_TRACE("serving"); /* it goes on first */
    CHECK_EQ(async_task_wait_started(server), 8080);
    CHECK_EQ(async_await(async_task_ref(server)), 0);
    CHECK_EQ(async_task_wait_started(server), 8080); /* also afterwards */
    async_task_detach(server);
    return 0;
}

static int wait_for_port(async_task *server, const char *name)
{
    int port = async_task_wait_started(server);
    note("%s %d", name, port);
    return port < 0 ? port : 0;
}
async_fn(wait_for_port, async_task *, const char *);

LOOP_TEST(started_wakes_waiting_tasks_in_order_and_later_ones_at_once)
{
    async_task *server = async_create_task(serve, 2, 80);
    async_task *a = async_create_task(wait_for_port, server, "a");
    async_task *b = async_create_task(wait_for_port, server, "b");
    CHECK_EQ(async_gather(a, b, async_task_ref(server)), 0);
    CHECK_TRACE("serving a 80 b 80");
    CHECK(async_time() == 12);
    async_task_detach(server);
    return 0;
}

static int fail_with_words(void)
{
    return async_fail(-EADDRINUSE, "somebody listens at port 80");
}
async_fn(fail_with_words);

LOOP_TEST(started_never_set_gives_the_error_of_the_task)
{
    async_task *server = async_create_task(fail_with_words);
    CHECK_EQ(async_task_wait_started(server), -EADDRINUSE);
    CHECK_STR(async_strerror(-EADDRINUSE), "-EADDRINUSE: somebody listens at port 80");
    async_task_detach(server);
    return 0;
}

LOOP_TEST(started_never_set_by_a_task_that_succeeds_is_an_error)
{
    async_task *silent = async_create_task(give_after, 1, 7);
    CHECK_EQ(async_task_wait_started(silent), -ESRCH);
    CHECK_EQ(async_task_wait_started(silent), -ESRCH);
    CHECK_EQ(async_await(silent), 7);
    return 0;
}

static int start_twice(void)
{
    CHECK_EQ(async_set_started(-1), -EINVAL);
    CHECK_EQ(async_set_started(0), 0);
    CHECK_EQ(async_set_started(1), -EALREADY);
    return async_task_wait_started(async_current_task());
}
async_fn(start_twice);

LOOP_TEST(started_is_set_once_and_not_to_an_error)
{
    CHECK_EQ(async_await(async_create_task(start_twice)), 0);
    CHECK_EQ(async_task_wait_started(async_current_task()), -EDEADLK);
    CHECK_EQ(async_task_wait_started(NULL), -ENOMEM);
    return 0;
}

LOOP_TEST(started_is_not_inherited_by_the_next_task_on_the_record)
{
    async_task *first = async_create_task(start_twice);
    CHECK_EQ(async_await(first), 0);
    async_task *second = async_create_task(give_after, 1, 7);
    CHECK_EQ(async_task_wait_started(second), -ESRCH);
    CHECK_EQ(async_await(second), 7);
    return 0;
}

LOOP_TEST(started_waited_for_under_a_limit_leaves_the_task_alone)
{
    async_task *server = async_create_task(serve, 2, 80);
    CHECK_EQ(async_timeout(1, async_task_wait_started(server)), -ETIMEDOUT);
    CHECK_EQ(async_task_cancelling(server), 0);
    CHECK_EQ(async_await(server), 0);
    return 0;
}

LOOP_TEST(started_of_a_child_that_its_group_discards)
{
    ASYNC_TASK_GROUP_WITH(group, .discard = true);
    CHECK_EQ(async_task_wait_started(async_group_create_task(&group, serve, 1, 80)), 80);
    CHECK_EQ(async_task_wait_started(async_group_create_task(&group, give_after, 1, 3)), -ESRCH);
    return async_group_wait(&group);
}
