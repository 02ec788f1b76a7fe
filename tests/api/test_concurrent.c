/*
 * test_concurrent.c: coroutines that another thread submits to a loop: the result on that thread,
 * cancelling, waits with a limit, freeing the future early, and a loop that ends first.
 */
#include "sys/tools.h"
#include "sched/mailbox.h"
#include "run/coroutines.h"
#include "run/latch.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

/* Runs visit(loop) on another thread while the loop runs; returns the result of visit. */
static int (*visit)(async_loop *loop);

static int call_visit(async_loop *loop)
{
    CHECK(async_get_loop() == NULL);
    return visit(loop);
}
async_fn(call_visit, async_loop *);

static int receive_visit(int (*function)(async_loop *loop))
{
    visit = function;
    return async_to_thread(call_visit, async_get_loop());
}

static int get_two(async_loop *loop)
{
    async_concurrent_future *first = async_run_coroutine_threadsafe(loop, give_after, 0.01, 7);
    async_concurrent_future *second = async_run_coroutine_threadsafe(loop, give, -EPROTO);
    CHECK_EQ(async_concurrent_future_result(second, INFINITY), -EPROTO);
    CHECK_EQ(async_concurrent_future_result(first, INFINITY), 7);
    CHECK_EQ(async_concurrent_future_result(first, 0), 7);
    CHECK(async_concurrent_future_done(first));
    CHECK(!async_concurrent_future_cancel(first));
    async_concurrent_future_free(first);
    async_concurrent_future_free(second);
    return 0;
}

/* The loop has a job at a thread, so its virtual clock follows the real one. */
LOOP_TEST(concurrent_result_arrives_on_the_other_thread)
{
    return receive_visit(get_two);
}

struct wide {
    _Alignas(64) int values[3]; /* more than malloc's alignment */
};

static int add(struct wide wide, char more)
{
    CHECK(async_get_loop() != NULL);
    return wide.values[0] + wide.values[2] + more;
}
async_fn(add, struct wide, char);

static int send_wide(async_loop *loop)
{
    async_concurrent_future *future = async_run_coroutine_threadsafe(
        loop, add, ((struct wide){{1, 2, 3}}), (char)4);
    CHECK_EQ(async_concurrent_future_result(future, INFINITY), 8);
    async_concurrent_future_free(future);
    return 0;
}

LOOP_TEST(concurrent_arguments_are_copied_and_aligned)
{
    return receive_visit(send_wide);
}

static int cancel_one(async_loop *loop)
{
    async_concurrent_future *future = async_run_coroutine_threadsafe(loop, forever);
    CHECK_EQ(async_concurrent_future_result(future, 0), -ETIMEDOUT);
    CHECK_EQ(async_concurrent_future_result(future, -1), -ETIMEDOUT);
    CHECK_EQ(async_concurrent_future_result(future, 1e-6), -ETIMEDOUT);
    CHECK_EQ(async_concurrent_future_result(future, NAN), -EINVAL);
    CHECK(!async_concurrent_future_done(future));
    CHECK(async_concurrent_future_cancel(future));
    async_concurrent_future_cancel(future);
    CHECK_EQ(async_concurrent_future_result(future, INFINITY), -ECANCELED);
    async_concurrent_future_free(future);
    return 0;
}

LOOP_TEST(concurrent_cancel_reaches_the_coroutine)
{
    return receive_visit(cancel_one);
}

static int go_on_all_the_same(void)
{
    CHECK_EQ(async_sleep(INFINITY), -ECANCELED);
    return 3;
}
async_fn(go_on_all_the_same);

static int cancel_an_insistent_one(async_loop *loop)
{
    async_concurrent_future *future = async_run_coroutine_threadsafe(loop, go_on_all_the_same);
    CHECK(async_concurrent_future_cancel(future));
    CHECK_EQ(async_concurrent_future_result(future, INFINITY), 3);
    async_concurrent_future_free(future);
    return 0;
}

LOOP_TEST(concurrent_own_result_of_the_coroutine_stands)
{
    return receive_visit(cancel_an_insistent_one);
}

static int ended;

static int count_end(void)
{
    ended++;
    return 0;
}
async_fn(count_end);

static int let_go(async_loop *loop)
{
    for (int i = 0; i < 3; i++)
        async_concurrent_future_free(async_run_coroutine_threadsafe(loop, count_end));
    async_concurrent_future *future = async_run_coroutine_threadsafe(loop, forever);
    async_concurrent_future_cancel(future);
    async_concurrent_future_free(future);
    return 0;
}

LOOP_TEST(concurrent_coroutine_goes_on_when_the_future_is_freed)
{
    CHECK_EQ(receive_visit(let_go), 0);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(ended, 3);
    return 0;
}

LOOP_TEST(concurrent_result_on_the_loop_s_own_thread_is_edeadlk)
{
    async_concurrent_future *future = async_run_coroutine_threadsafe(async_get_loop(), give, 7);
    CHECK_EQ(async_concurrent_future_result(future, INFINITY), -EDEADLK);
    while (!async_concurrent_future_done(future))
        CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_concurrent_future_result(future, INFINITY), 7);
    async_concurrent_future_free(future);
    return 0;
}

TEST(concurrent_null_future_means_out_of_memory)
{
    CHECK(async_run_coroutine_threadsafe(NULL, give, 7) == NULL);
    CHECK_EQ(async_concurrent_future_result(NULL, INFINITY), -ENOMEM);
    CHECK(async_concurrent_future_done(NULL) && !async_concurrent_future_cancel(NULL));
    async_concurrent_future_free(NULL);
}

/* Its own thread steps the loop, so the test knows which messages the loop has received. */
TEST_EACH_BACKEND(concurrent_coroutine_that_the_loop_never_began_is_cancelled)
{
    async_loop *loop = NULL;
    CHECK_EQ(async_new_event_loop(&loop, test_options()), 0);
    async_concurrent_future *begun = async_run_coroutine_threadsafe(loop, forever);
    CHECK_EQ(async_loop_step(loop, 0), 1);
    async_concurrent_future *asked = async_run_coroutine_threadsafe(loop, count_end);
    CHECK(async_concurrent_future_cancel(asked));
    async_loop_close(loop);
    CHECK_EQ(async_concurrent_future_result(begun, INFINITY), -ECANCELED);
    CHECK_EQ(async_concurrent_future_result(asked, INFINITY), ended == 0 ? -ECANCELED : 0);
    async_concurrent_future_free(begun);
    async_concurrent_future_free(asked);
}

static struct async_loop *closing;
static struct message goodbye;

static void receive_goodbye(struct message *message, bool is_closing)
{
    CHECK(message == &goodbye && is_closing);
    ended++;
}

static void say_goodbye(struct message *message, bool is_closing)
{
    CHECK(is_closing);
    goodbye.receive = receive_goodbye;
    asyncp_mailbox_send(closing, &goodbye);
    (void)message;
}

/*
 * Like a request to cancel a coroutine that has not begun, sent while another thread has the
 * future's mutex.
 */
TEST_EACH_BACKEND(concurrent_message_that_is_sent_while_the_loop_closes_is_received)
{
    struct message last = {.receive = say_goodbye};
    CHECK_EQ(async_new_event_loop(&closing, test_options()), 0);
    asyncp_mailbox_send(closing, &last);
    async_loop_close(closing);
    CHECK_EQ(ended, 1);
}

TEST_EACH_BACKEND(concurrent_coroutine_without_memory_for_its_task)
{
    async_loop *loop = NULL;
    CHECK_EQ(async_new_event_loop(&loop, test_options()), 0);
    async_concurrent_future *future = async_run_coroutine_threadsafe(loop, give, 7);
    test_allow_allocations(0);
    CHECK_EQ(async_loop_step(loop, 0), 0);
    test_allow_allocations(-1);
    CHECK_EQ(async_concurrent_future_result(future, INFINITY), -ENOMEM);
    async_concurrent_future_free(future);
    async_loop_close(loop);
}

DEATH_TEST(concurrent_error_that_was_never_retrieved_is_reported,
           "'give' (sent to a loop at |failed and its result was never retrieved: -EPROTO")
{
    async_loop *loop = NULL;
    CHECK_EQ(async_new_event_loop(&loop, test_options()), 0);
    async_concurrent_future *future = async_run_coroutine_threadsafe(loop, give, -EPROTO);
    while (!async_concurrent_future_done(future))
        async_ignore(async_loop_step(loop, 0));
    async_concurrent_future_free(future);
    async_loop_close(loop);
    _Exit(1);
}

DEATH_TEST(concurrent_coroutine_without_memory_is_reported_if_its_future_was_freed,
           "'give' (sent to a loop at |failed and its result was never retrieved: -ENOMEM")
{
    async_loop *loop = NULL;
    CHECK_EQ(async_new_event_loop(&loop, test_options()), 0);
    async_concurrent_future_free(async_run_coroutine_threadsafe(loop, give, 7));
    test_allow_allocations(0);
    CHECK_EQ(async_loop_step(loop, 0), 0);
    test_allow_allocations(-1);
    async_loop_close(loop);
    _Exit(1);
}

DEATH_TEST(concurrent_error_after_the_future_was_freed_is_reported_by_the_loop,
           "'give' (created at |failed and its result was never retrieved: -EPROTO")
{
    async_loop *loop = NULL;
    CHECK_EQ(async_new_event_loop(&loop, test_options()), 0);
    async_concurrent_future_free(async_run_coroutine_threadsafe(loop, give, -EPROTO));
    async_ignore(async_loop_step(loop, 0));
    async_loop_close(loop);
    _Exit(1);
}
