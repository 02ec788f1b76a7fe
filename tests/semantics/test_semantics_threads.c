/*
 * test_semantics_threads.c: async_call_soon_threadsafe, the one call that other threads may make:
 * no call is lost, the calls of one thread stay in order, and a loop that sleeps wakes up.
 */
#include "run/trace.h"
#include "run/queues.h"
#include "run/callbacks.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum { SENDERS = 4, CALLS = 2000 };

/* One thread that sends. */
struct sender {
    pthread_t thread;   /* it */
    async_loop *loop;   /* the receiver */
    async_queue *ended; /* of int: one item when its last call has been made */
    int received;       /* calls that were made */
};

/* One call that it sends. */
struct call {
    struct sender *sender; /* its sender */
    int number;            /* 0, 1, 2… */
};

static void receive(void *argument)
{
    struct call *call = argument;
    struct sender *sender = call->sender;
    CHECK_EQ(call->number, sender->received);
    CHECK(async_get_loop() == sender->loop && async_current_task() == NULL);
    sender->received++;
    if (sender->received == CALLS)
        CHECK_EQ(async_queue_put_nowait(sender->ended, &(int){0}), 0);
    free(call);
}

static void *send_all(void *argument)
{
    struct sender *sender = argument;
    CHECK(async_get_loop() == NULL);
    for (int i = 0; i < CALLS; i++) {
        struct call *call = malloc(sizeof *call);
        *call = (struct call){.sender = sender, .number = i};
        CHECK_EQ(async_call_soon_threadsafe(sender->loop, receive, call), 0);
    }
    return NULL;
}

LOOP_TEST(calls_from_many_threads_at_once_are_all_made_and_in_each_thread_s_order)
{
    static struct sender senders[SENDERS];
    async_auto_queue *ended = new_queue(0, sizeof(int));
    int item;
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){.loop = async_get_loop(), .ended = ended};
        CHECK_EQ(pthread_create(&senders[i].thread, NULL, send_all, &senders[i]), 0);
    }
    for (int i = 0; i < SENDERS; i++)
        CHECK_EQ(async_queue_get(ended, &item), 0);
    for (int i = 0; i < SENDERS; i++) {
        CHECK_EQ(pthread_join(senders[i].thread, NULL), 0);
        CHECK_EQ(senders[i].received, CALLS);
    }
    return 0;
}

/* A thread that sends one call whenever it is let, after a while that differs each time. */
struct partner {
    async_loop *loop;   /* the receiver */
    async_queue *calls; /* of int: one item for each call that was made */
    atomic_int turns;   /* how many calls it may send by now */
    int count;          /* of calls in all */
};

static void put_item(void *queue)
{
    CHECK_EQ(async_queue_put_nowait((async_queue *)queue, &(int){0}), 0);
}

static void *send_in_turn(void *argument)
{
    struct partner *partner = argument;
    for (int i = 0; i < partner->count; i++) {
        for (int spins = 1; atomic_load(&partner->turns) <= i; spins++)
            if (spins % 10000 == 0)
                sched_yield(); /* on one processor the loop could not let it otherwise */
        for (volatile int pause = i * 7 % 400; pause > 0; pause--)
            continue;
        CHECK_EQ(async_call_soon_threadsafe(partner->loop, put_item, partner->calls), 0);
    }
    return NULL;
}

/* So calls come when the loop has not yet gone to sleep, is about to, or sleeps already. */
static int wake_many_times(int count)
{
    async_auto_queue *calls = new_queue(0, sizeof(int));
    struct partner partner = {.loop = async_get_loop(), .calls = calls, .count = count};
    pthread_t thread;
    int item;
    CHECK_EQ(pthread_create(&thread, NULL, send_in_turn, &partner), 0);
    for (int i = 0; i < count; i++) {
        atomic_fetch_add(&partner.turns, 1);
        CHECK_EQ(async_queue_get(calls, &item), 0);
    }
    return pthread_join(thread, NULL);
}

LOOP_TEST(calls_from_another_thread_wake_a_loop_that_sleeps)
{
    return wake_many_times(10000);
}

REAL_LOOP_TEST(calls_from_another_thread_wake_a_loop_that_sleeps_on_the_real_clock)
{
    return wake_many_times(10000);
}

LOOP_TEST(calls_from_the_loop_s_own_thread_are_made_soon_and_in_order)
{
    async_loop *loop = async_get_loop();
    CHECK_EQ(async_call_soon_threadsafe(loop, note_argument, "a"), 0);
    CHECK_EQ(async_call_soon_threadsafe(loop, note_argument, "b"), 0);
    CHECK_EQ(async_call_soon_threadsafe(loop, note_argument, "c"), 0);
    CHECK_TRACE("");
    CHECK_EQ(async_sleep(1), 0);
    CHECK_TRACE("a b c");
    return 0;
}

/* Busy tasks must not keep a message waiting. */
static int be_busy(const bool *enough)
{
    while (!*enough)
        CHECK_EQ(async_sleep(0), 0);
    return 0;
}
async_fn(be_busy, const bool *);

static void *send_flag(void *argument)
{
    void **loop_and_flag = argument;
    CHECK_EQ(async_call_soon_threadsafe(loop_and_flag[0], set_flag_callback, loop_and_flag[1]), 0);
    return NULL;
}

static int be_interrupted_by_a_call(void)
{
    bool enough = false;
    void *loop_and_flag[] = {async_get_loop(), &enough};
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, send_flag, loop_and_flag), 0);
    async_task *first = async_create_task(be_busy, &enough);
    async_task *second = async_create_task(be_busy, &enough);
    CHECK_EQ(async_gather(first, second), 0);
    return pthread_join(thread, NULL);
}

LOOP_TEST(calls_from_another_thread_reach_a_loop_that_is_busy)
{
    return be_interrupted_by_a_call();
}

REAL_LOOP_TEST(calls_from_another_thread_reach_a_loop_that_is_busy_on_the_real_clock)
{
    return be_interrupted_by_a_call();
}

static long nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000 + now.tv_nsec;
}

static void take_long(void *argument)
{
    const long enough = 20000;
    (void)argument;
    for (long begun = nanoseconds(); nanoseconds() - begun < enough;)
        continue;
}

/* The address sanitizer counts them: more than the loop's last turns can make. */
REAL_LOOP_TEST(calls_that_are_left_when_the_loop_ends_are_freed)
{
    for (int i = 0; i < 1000; i++)
        CHECK_EQ(async_call_soon_threadsafe(async_get_loop(), take_long, NULL), 0);
    return async_sleep(0); /* now they are ready */
}

LOOP_TEST(calls_need_a_loop_and_a_function)
{
    CHECK_EQ(async_call_soon_threadsafe(NULL, note_argument, ""), -EINVAL);
    CHECK_EQ(async_call_soon_threadsafe(async_get_loop(), NULL, ""), -EINVAL);
    return 0;
}
