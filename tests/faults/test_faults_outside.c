/*
 * test_faults_outside.c: as test_faults.c, for programs with something outside the loop: other
 * threads, a host loop, a signal, and the reports of debug mode.
 */
#include "fault_test.h"
#include "run/queues.h"

#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- other threads -------------------------------------------------------------------------- */

static void *send_calls(void *loop)
{
    for (int i = 0; i < ACCOUNTS; i++)
        if (answer(async_call_soon_threadsafe(loop, keep_callback, (void *)(intptr_t)i)) == 0)
            promised[i]++;
    return NULL;
}

static int count_kept(void)
{
    int count = 0;
    for (int i = 0; i < ACCOUNTS; i++)
        count += kept[i];
    return count;
}

/* The message has been sent; after a few iterations the loop has received it. */
FAULTS_TEST(each_call_that_another_thread_sent_is_made_once)
{
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, send_calls, async_get_loop()), 0);
    for (int i = 0; i < 10 && count_kept() < ACCOUNTS; i++)
        answer(async_sleep(0.001));
    CHECK_EQ(pthread_join(thread, NULL), 0);
    for (int i = 0; i < 10; i++)
        async_ignore(async_sleep(0));
    return 0;
}

static async_queue *calls;

static void put_number(void *number)
{
    CHECK_EQ(async_queue_put_nowait(calls, &(int){(int)(intptr_t)number}), 0);
}

/* One after the other: each finds the loop asleep, or about to be. */
static void *send_and_wait(void *loop)
{
    for (int i = 0; i < ACCOUNTS; i++) {
        if (answer(async_call_soon_threadsafe(loop, put_number, (void *)(intptr_t)i)) < 0)
            continue;
        promised[i]++;
        while (kept[i] == 0)
            usleep(100);
    }
    while (async_call_soon_threadsafe(loop, put_number, (void *)-1) < 0)
        faults_end(); /* the loop sleeps until the last message comes */
    return NULL;
}

static int count_calls(void)
{
    int number;
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, send_and_wait, async_get_loop()), 0);
    for (number = 0; number >= 0;) {
        CHECK_EQ(async_queue_get(calls, &number), 0);
        if (number >= 0)
            kept[number]++;
    }
    CHECK_EQ(pthread_join(thread, NULL), 0);
    return 0;
}
async_fn(count_calls);

static void wake_a_sleeping_loop(void)
{
    calls = new_queue(4, sizeof(int));
    answer(calls == NULL ? -ENOMEM : async_run_with(test_options(), count_calls));
    async_queue_free(calls);
}

TEST_EACH_BACKEND(faults_a_sleeping_loop_receives_each_call)
{
    run_under_faults(wake_a_sleeping_loop);
}

/* ---- a loop on a thread without a stack for signals, in debug mode -------------------------- */

static int dump_and_measure(int number)
{
    int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
    async_dump(nothing);
    close(nothing);
    size_t used = async_task_stack_used(async_current_task());
    CHECK(used < async_task_stack_size(async_current_task()) && (used > 0 || !nothing_fails));
    kept[number]++;
    return answer(async_sleep(0.001));
}
async_fn(dump_and_measure, int);

static int dump_twice(void)
{
    async_task *tasks[2];
    for (int i = 0; i < 2; i++) {
        tasks[i] = async_create_task(dump_and_measure, i);
        promised[i] = tasks[i] != NULL;
    }
    return async_gather_n(tasks, 2, NULL, ASYNC_RETURN_EXCEPTIONS);
}
async_fn(dump_twice);

static void *run_in_debug_mode(void *unused)
{
    async_run_options options = *test_options();
    options.debug = true;
    answer(async_run_with(&options, dump_twice));
    return unused;
}

static void run_on_a_thread(void)
{
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, run_in_debug_mode, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

TEST_EACH_BACKEND(faults_a_loop_on_a_thread_reports_what_it_can)
{
    run_under_faults(run_on_a_thread);
}

/* ---- a signal ------------------------------------------------------------------------------- */

/* Where SIGINT was not to be had it is left alone, and so are we. */
static int interrupt_ourselves(void)
{
    struct sigaction now;
    CHECK_EQ(sigaction(SIGINT, NULL, &now), 0);
    if (now.sa_handler == SIG_DFL)
        return answer(-EPERM);
    raise(SIGINT);
    int result = async_sleep(INFINITY);
    kept[0] += result == -ECANCELED;
    return result;
}
async_fn(interrupt_ourselves);

static void be_interrupted(void)
{
    int result = async_run_with(test_options(), interrupt_ourselves);
    promised[0] = result == -EINTR;
    CHECK(result == -EINTR || answer(result) < 0);
}

TEST_EACH_BACKEND(faults_sigint_cancels_main_if_it_is_ours)
{
    run_under_faults(be_interrupted);
}

/* ---- a host loop ---------------------------------------------------------------------------- */

static int relay(int input, int output)
{
    char byte;
    for (int i = 0; i < 5; i++) {
        int result = answer(async_wait_readable(input));
        if (result < 0)
            return result;
        CHECK_EQ(read(input, &byte, 1), 1);
        CHECK_EQ(write(output, &byte, 1), 1);
    }
    return 0;
}
async_fn(relay, int, int);

/* One wait of the host loop, which ends for our loop or for the other descriptor; then one step. */
static int step(async_loop *loop, int other)
{
    struct pollfd polled[] = {{.fd = other, .events = POLLIN},
                              {.fd = async_loop_fd(loop), .events = POLLIN}};
    double seconds = async_loop_timeout(loop);
    CHECK(poll(polled, 2, seconds > 1000 ? -1 : (int)(seconds * 1000) + 1) >= 0);
    return async_loop_step(loop, 0);
}

static void drive(async_loop *loop, const int there[2], const int back[2])
{
    async_task *task = async_create_task(relay, there[0], back[1]);
    char byte = 0;
    answer(task != NULL ? 0 : -ENOMEM);
    for (int i = 0; i < 5 && !async_task_done(task); i++) {
        struct pollfd answered = {.fd = back[0], .events = POLLIN};
        promised[i]++;
        CHECK_EQ(write(there[1], &(char){(char)i}, 1), 1);
        while (poll(&answered, 1, 0) == 0 && !async_task_done(task))
            CHECK(step(loop, back[0]) >= 0);
        if (poll(&answered, 1, 0) == 1)
            CHECK(read(back[0], &byte, 1) == 1 && byte == i);
        else
            CHECK(read(there[0], &byte, 1) == 1 && byte == i); /* it gave up, and left this */
        kept[i]++;
    }
    while (!async_task_done(task))
        CHECK(step(loop, there[1]) >= 0);
    async_task_detach(task);
}

static void be_driven(void)
{
    async_loop *loop = NULL;
    int there[2], back[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, there) == 0 &&
          socketpair(AF_UNIX, SOCK_STREAM, 0, back) == 0);
    async_run_options options = *test_options();
    options.virtual_clock = false;
    int result = answer(async_new_event_loop(&loop, &options));
    if (result == 0 && async_loop_fd(loop) >= 0)
        drive(loop, (int[]){there[1], there[0]}, back);
    if (result == 0)
        async_loop_close(loop);
    for (int i = 0; i < 2; i++)
        CHECK(close(there[i]) == 0 && close(back[i]) == 0);
}

TEST_EACH_BACKEND(faults_a_host_loop_is_not_left_waiting)
{
    run_under_faults(be_driven);
}
