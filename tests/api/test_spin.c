/*
 * test_spin.c: async_run_options.spin_us: a loop that polls for a while before it sleeps. The
 * results are the same; the test counts the system calls, which differ.
 */
#include "sched/loop.h"
#include "run/runner.h"
#include "run/coroutines.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct poller_calls counted;
static int (*real_wait)(struct poller *poller, int64_t timeout_ns);
static atomic_int looks, sleeps;

static int wait_and_count(struct poller *poller, int64_t timeout_ns)
{
    atomic_fetch_add(timeout_ns == 0 ? &looks : &sleeps, 1);
    return real_wait(poller, timeout_ns);
}

static void count_waits(void)
{
    counted = *asyncp_current->poller.calls;
    real_wait = counted.wait;
    counted.wait = wait_and_count;
    asyncp_current->poller.calls = &counted;
    looks = sleeps = 0;
}

/* A thread that writes when the loop has waited so and so often in that way. */
struct other {
    pthread_t thread;    /* it */
    atomic_int *counter; /* polls or sleeps */
    int least;           /* of those */
    int ends[2];         /* of a pipe: it writes to the second */
};

static void *write_then(void *argument)
{
    const struct other *other = argument;
    while (atomic_load(other->counter) < other->least)
        sched_yield();
    CHECK_EQ(write(other->ends[1], "x", 1), 1);
    return NULL;
}

static int hear(atomic_int *counter, int least)
{
    struct other other = {.counter = counter, .least = least};
    CHECK_EQ(pipe(other.ends), 0);
    count_waits();
    CHECK_EQ(pthread_create(&other.thread, NULL, write_then, &other), 0);
    CHECK_EQ(async_wait_readable(other.ends[0]), 0);
    pthread_join(other.thread, NULL);
    close(other.ends[0]);
    close(other.ends[1]);
    return 0;
}
async_fn(hear, atomic_int *, int);

static void hear_with_spin(uint32_t spin_us, atomic_int *counter, int least)
{
    async_run_options options = *test_options();
    options.virtual_clock = false;
    options.spin_us = spin_us;
    if (strcmp(test_backend(), "sim") == 0)
        test_skip("its clock is virtual");
    CHECK_EQ(async_run_with(&options, hear, counter, least), 0);
}

TEST_EACH_BACKEND(spin_is_off_unless_asked_for)
{
    hear_with_spin(0, &sleeps, 1);
}

TEST_EACH_BACKEND(spin_polls_instead_of_sleeping)
{
    hear_with_spin(1000000000, &looks, 20);
    CHECK_EQ(sleeps, 0);
}

TEST_EACH_BACKEND(spin_ends_and_then_the_loop_sleeps)
{
    hear_with_spin(100, &sleeps, 1);
    CHECK(looks > 0);
}

TEST_EACH_BACKEND(spin_can_be_asked_for_by_the_environment)
{
    setenv("ASYNCIO_SPIN_US", "1000000000", 1);
    hear_with_spin(0, &looks, 20);
    CHECK_EQ(sleeps, 0);
}

static int sleep_beside_a_pipe(void)
{
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    async_task *task = async_create_task(wait_readable, ends[0]);
    CHECK_EQ(async_sleep(0), 0);
    count_waits();
    CHECK_EQ(async_sleep(0.001), 0);
    CHECK_EQ(sleeps, 0);
    CHECK_EQ(write(ends[1], "x", 1), 1);
    CHECK_EQ(async_await(task), 0);
    close(ends[0]);
    close(ends[1]);
    return 0;
}
async_fn(sleep_beside_a_pipe);

TEST_EACH_BACKEND(spin_lets_timers_fire)
{
    async_run_options options = *test_options();
    options.virtual_clock = false;
    options.spin_us = 1000000000;
    if (strcmp(test_backend(), "sim") == 0)
        test_skip("its clock is virtual");
    CHECK_EQ(async_run_with(&options, sleep_beside_a_pipe), 0);
}
