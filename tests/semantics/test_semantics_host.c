/*
 * test_semantics_host.c: a loop that a host loop drives step by step: with poll(2) on its
 * descriptor and its timeout, it runs timers, descriptors and calls from other threads, without
 * blocking inside.
 */
#include "run/trace.h"
#include "run/callbacks.h"
#include "run/coroutines.h"

#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static async_loop *open_loop(void)
{
    async_loop *loop = NULL;
    CHECK_EQ(async_new_event_loop(&loop, test_options()), 0);
    CHECK(loop != NULL && async_get_loop() == loop);
    return loop;
}

/* ---- stepping ------------------------------------------------------------------------------- */

TEST_EACH_BACKEND(a_step_runs_ready_tasks_and_returns_how_many_are_left)
{
    async_loop *loop = open_loop();
    CHECK_EQ(async_loop_step(loop, 0), 0);
    async_task_detach(async_create_task(note_result_after, 0, 1));
    async_task_detach(async_create_task(note_result_after, 0, 2));
    async_call_soon(note_argument, "callback");
    CHECK_TRACE("");
    CHECK_EQ(async_loop_step(loop, 0), 2);
    CHECK_TRACE("callback");
    CHECK_EQ(async_loop_step(loop, 0), 0);
    CHECK_TRACE("1 2");
    async_loop_close(loop);
    CHECK(async_get_loop() == NULL);
}

TEST_EACH_BACKEND(a_step_waits_no_longer_than_it_may)
{
    async_loop *loop = open_loop();
    async_task_detach(async_create_task(note_result_after, 5, 1));
    CHECK_EQ(async_loop_step(loop, 0), 1);
    CHECK_EQ(async_loop_step(loop, 0), 1);
    CHECK(async_time() == 0);
    CHECK_EQ(async_loop_step(loop, 3), 1);
    CHECK(async_time() == 3);
    CHECK_EQ(async_loop_step(loop, 10), 0);
    CHECK(async_time() == 5);
    async_task_detach(async_create_task(note_result_after, 1000, 2));
    CHECK_EQ(async_loop_step(loop, 0), 1);
    CHECK_EQ(async_loop_step(loop, ASYNC_FOREVER), 0);
    CHECK(async_time() == 1005);
    CHECK_TRACE("1 2");
    async_loop_close(loop);
}

TEST_EACH_BACKEND(a_step_needs_a_loop_and_a_time)
{
    async_loop *loop = open_loop();
    CHECK_EQ(async_loop_step(loop, NAN), -EINVAL);
    CHECK_EQ(async_loop_step(NULL, 0), -EINVAL);
    CHECK_EQ(async_new_event_loop(NULL, test_options()), -EINVAL);
    CHECK_EQ(async_loop_fd(NULL), -EINVAL);
    async_loop_close(loop);
    async_loop_close(NULL);
}

TEST_EACH_BACKEND(a_loop_says_how_long_a_host_loop_may_wait)
{
    async_loop *loop = open_loop();
    CHECK(async_loop_timeout(loop) == INFINITY);
    async_task *task = async_create_task(note_result_after, 5, 1);
    CHECK(async_loop_timeout(loop) == 0);
    CHECK_EQ(async_loop_step(loop, 0), 1);
    CHECK(async_loop_timeout(loop) == 5);
    CHECK_EQ(async_loop_step(loop, 2), 1);
    CHECK(async_loop_timeout(loop) == 3);
    CHECK_EQ(async_call_soon_threadsafe(loop, note_argument, "sent"), 0);
    CHECK(async_loop_timeout(loop) == 0);
    CHECK_EQ(async_loop_step(loop, 0), 1);
    CHECK(async_loop_timeout(loop) == 3);
    CHECK(async_task_cancel(task));
    CHECK(async_loop_timeout(loop) == 0);
    async_task_detach(task);
    CHECK_EQ(async_loop_step(loop, 0), 0);
    CHECK(async_loop_timeout(loop) == INFINITY);
    async_loop_close(loop);
}

TEST_EACH_BACKEND(a_thread_has_one_loop)
{
    async_loop *loop = open_loop(), *another = NULL;
    CHECK_EQ(async_new_event_loop(&another, test_options()), -EBUSY);
    CHECK_EQ(async_run_with(test_options(), note_result_after, 0, 1), -EBUSY);
    CHECK(another == NULL && async_get_loop() == loop);
    async_loop_close(loop);
}

static int end_slowly(void)
{
    CHECK_EQ(async_sleep(INFINITY), -ECANCELED);
    CHECK_EQ(async_no_cancel(async_sleep(2)), 0);
    note("goodbye");
    return 0;
}
async_fn(end_slowly);

TEST_EACH_BACKEND(closing_cancels_the_remaining_tasks_and_runs_them_to_their_end)
{
    async_loop *loop = open_loop();
    async_task_detach(async_create_task(end_slowly));
    CHECK_EQ(async_loop_step(loop, 0), 1);
    async_task_detach(async_create_task(end_slowly)); /* this one has not begun */
    async_loop_close(loop);
    CHECK_TRACE("goodbye goodbye");
}

/* ---- driven by poll(2) ---------------------------------------------------------------------- */

/* Milliseconds for poll(2), never less. */
static int milliseconds_of(double seconds)
{
    if (seconds > 1000)
        return -1;
    return seconds > 0 ? (int)(seconds * 1000) + 1 : 0;
}

/* One round of a host loop; false when nothing is left to do. */
static bool poll_once(async_loop *loop)
{
    struct pollfd polled = {.fd = async_loop_fd(loop), .events = POLLIN};
    double seconds = async_loop_timeout(loop);
    CHECK(poll(&polled, 1, milliseconds_of(seconds < 2 ? seconds : 2)) >= 0); /* for faults */
    return async_loop_step(loop, 0) > 0;
}

/* A loop on the real clock; NULL where the backend has no descriptor to poll. */
static async_loop *open_loop_for_poll(void)
{
    async_loop *loop = NULL;
    async_run_options options = *test_options();
    options.virtual_clock = false;
    CHECK_EQ(async_new_event_loop(&loop, &options), 0);
    if (async_loop_fd(loop) >= 0)
        return loop;
    CHECK_EQ(async_loop_fd(loop), -EOPNOTSUPP);
    CHECK_STR(test_backend(), "sim");
    async_loop_close(loop);
    return NULL;
}

TEST_EACH_BACKEND(a_host_loop_drives_timers)
{
    async_loop *loop = open_loop_for_poll();
    if (loop == NULL)
        return;
    async_task_detach(
        /* far apart: they begin late on a slow machine */
        async_create_task(note_result_after, 0.2, 2));
    async_task_detach(async_create_task(note_result_after, 0.001, 1));
    CHECK(async_call_later(0.4, note_argument, "callback").id != 0);
    while (poll_once(loop))
        continue;
    while (strstr(trace_text, "callback") == NULL)
        poll_once(loop);
    CHECK(strchr(trace_text, '1') != NULL &&
          strchr(trace_text, '2') != NULL); /* a slow machine mixes them */
    async_loop_close(loop);
}

static int relay(int input, int output, int times)
{
    char byte;
    for (int i = 0; i < times; i++) {
        ASYNC_TRY(async_wait_readable(input));
        CHECK_EQ(read(input, &byte, 1), 1);
        CHECK_EQ(write(output, &byte, 1), 1);
    }
    return 0;
}
async_fn(relay, int, int, int);

TEST_EACH_BACKEND(a_host_loop_drives_descriptors)
{
    int there[2], back[2];
    char byte = 'x';
    async_loop *loop = open_loop_for_poll();
    if (loop == NULL)
        return;
    CHECK(pipe(there) == 0 && pipe(back) == 0);
    async_task *relaying = async_create_task(relay, there[0], back[1], 10);
    CHECK(relaying != NULL);
    async_task_detach(relaying);
    for (int i = 0; i < 10; i++) {
        while (async_loop_timeout(loop) < INFINITY)
            CHECK(poll_once(loop));
        CHECK_EQ(write(there[1], &byte, 1), 1);
        struct pollfd answer = {.fd = back[0], .events = POLLIN};
        while (poll(&answer, 1, 0) == 0)
            CHECK(poll_once(loop) || i == 9); /* the loop waits for the descriptor only */
        CHECK_EQ(read(back[0], &byte, 1), 1);
    }
    CHECK_EQ(async_loop_step(loop, 0), 0);
    async_loop_close(loop);
    for (int i = 0; i < 2; i++)
        CHECK(close(there[i]) == 0 && close(back[i]) == 0);
}

/* ---- calls between two steps ----------------------------------------------------------------- */

static int receive_one(int fd)
{
    char byte;
    return async_recv(fd, &byte, 1, 0);
}
async_fn(receive_one, int);

/* Polls as the loop says, a few times at most. Returns whether the task has ended. */
static bool ends_soon(async_loop *loop, async_task *task)
{
    for (int i = 0; i < 5 && !async_task_done(task); i++) {
        struct pollfd polled = {.fd = async_loop_fd(loop), .events = POLLIN};
        double seconds = async_loop_timeout(loop);
        CHECK(poll(&polled, 1, seconds < 0.2 ? milliseconds_of(seconds) : 200) >= 0);
        if (polled.revents != 0 || seconds < 0.2)
            async_ignore(async_loop_step(loop, 0));
    }
    return async_task_done(task);
}

/* A task of either kind that waits for a socket to which nothing comes. */
static async_task *begin_to_wait(async_loop *loop, int fd, bool receives)
{
    async_task *task = receives ? async_create_task(receive_one, fd)
                                : async_create_task(wait_readable, fd);
    CHECK(task != NULL);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(async_loop_step(loop, 0), 1);
    return task;
}

TEST_EACH_BACKEND(a_host_loop_is_woken_by_a_cancellation_between_two_steps)
{
    async_loop *loop = open_loop_for_poll();
    if (loop == NULL)
        return;
    for (int receives = 0; receives < 2; receives++) {
        int ends[2];
        CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        async_task *task = begin_to_wait(loop, ends[0], receives);
        async_task_cancel(task);
        CHECK(ends_soon(loop, task));
        CHECK_EQ(async_task_result(task), -ECANCELED);
        async_task_detach(task);
        CHECK(close(ends[0]) == 0 && close(ends[1]) == 0);
    }
    async_loop_close(loop);
}

TEST_EACH_BACKEND(a_host_loop_is_woken_by_a_close_between_two_steps)
{
    async_loop *loop = open_loop_for_poll();
    if (loop == NULL)
        return;
    for (int receives = 0; receives < 2; receives++) {
        int ends[2];
        CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        async_task *task = begin_to_wait(loop, ends[0], receives);
        CHECK_EQ(async_close(ends[0]), 0);
        CHECK(ends_soon(loop, task));
        CHECK_EQ(async_task_result(task), -EBADF);
        async_task_detach(task);
        CHECK_EQ(close(ends[1]), 0);
    }
    async_loop_close(loop);
}

static int close_when_told(async_stream *stream, async_event *told)
{
    ASYNC_TRY(async_event_wait(told));
    return async_stream_wait_closed(stream);
}
async_fn(close_when_told, async_stream *, async_event *);

TEST_EACH_BACKEND(a_host_loop_sends_bytes_written_between_two_steps_and_closes)
{
    async_loop *loop = open_loop_for_poll();
    if (loop == NULL)
        return;
    for (int waits = 0; waits < 2; waits++) {
        async_event told = {0};
        async_stream *stream;
        int ends[2];
        char text[8];
        CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        CHECK_EQ(async_stream_new(&stream, ends[0]), 0);
        async_task *closing = waits ? async_create_task(close_when_told, stream, &told) : NULL;
        for (int i = 0; i < 3; i++)
            CHECK_EQ(async_loop_step(loop, 0), waits);
        CHECK_EQ(async_stream_write(stream, "hello", 5), 0);
        if (waits)
            async_event_set(&told);
        else
            async_stream_close(stream);
        if (waits)
            CHECK(ends_soon(loop, closing));
        for (int i = 0; i < 5 && recv(ends[1], text, 5, MSG_PEEK | MSG_DONTWAIT) < 5; i++)
            poll_once(loop);
        CHECK_EQ(recv(ends[1], text, sizeof text, MSG_DONTWAIT), 5);
        CHECK_EQ(recv(ends[1], text, sizeof text, MSG_DONTWAIT), 0);
        async_task_detach(closing);
        CHECK_EQ(close(ends[1]), 0);
    }
    async_loop_close(loop);
}

static int calls_received;

static void *send_call(void *loop)
{
    CHECK_EQ(async_call_soon_threadsafe(loop, count_callback, &calls_received), 0);
    return NULL;
}

/* Called from another thread, which has sent the call when this returns. */
static void send_from_elsewhere(async_loop *loop)
{
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, send_call, loop), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

/* A host loop that has read the timeout, and then waits. */
TEST_EACH_BACKEND(a_host_loop_is_woken_by_each_call_from_another_thread_also_before_its_first_step)
{
    async_loop *loop = open_loop_for_poll();
    if (loop == NULL)
        return;
    struct pollfd polled = {.fd = async_loop_fd(loop), .events = POLLIN};
    for (int i = 0; i < 5; i++) {
        CHECK(async_loop_timeout(loop) == INFINITY);
        CHECK_EQ(poll(&polled, 1, 0), 0);
        send_from_elsewhere(loop);
        CHECK_EQ(poll(&polled, 1, 5000), 1);
        CHECK_EQ(async_loop_step(loop, 0), 0);
        CHECK_EQ(calls_received, i + 1);
    }
    async_loop_close(loop);
}

enum { MANY_CALLS = 1000 };

static void *send_many_calls(void *loop)
{
    for (int i = 0; i < MANY_CALLS; i++)
        send_call(loop);
    return NULL;
}

TEST_EACH_BACKEND(a_host_loop_receives_all_calls_made_while_it_steps)
{
    pthread_t thread;
    async_loop *loop = open_loop_for_poll();
    if (loop == NULL)
        return;
    CHECK_EQ(async_loop_step(loop, 0), 0);
    CHECK_EQ(pthread_create(&thread, NULL, send_many_calls, loop), 0);
    while (calls_received < MANY_CALLS)
        poll_once(loop);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    async_loop_close(loop);
}

/* ---- misuse --------------------------------------------------------------------------------- */

static int step_inside(async_loop *loop)
{
    return async_loop_step(loop, 0);
}
async_fn(step_inside, async_loop *);

DEATH_TEST(a_step_inside_a_task_dies,
           "async_loop_step was called by a task or a callback of the loop")
{
    async_loop *loop = open_loop();
    async_task_detach(async_create_task(step_inside, loop));
    async_ignore(async_loop_step(loop, 0));
}

static void step_in_callback(void *loop)
{
    async_ignore(async_loop_step(loop, 0));
}

DEATH_TEST(a_step_inside_a_callback_dies,
           "async_loop_step was called by a task or a callback of the loop")
{
    async_loop *loop = open_loop();
    async_call_soon(step_in_callback, loop);
    async_ignore(async_loop_step(loop, 0));
}

static int close_inside(async_loop *loop)
{
    async_loop_close(loop);
    return 0;
}
async_fn(close_inside, async_loop *);

DEATH_TEST(closing_inside_a_task_dies,
           "async_loop_close was called by a task or a callback of the loop")
{
    async_loop *loop = open_loop();
    async_task_detach(async_create_task(close_inside, loop));
    async_ignore(async_loop_step(loop, 0));
}

static void *step_here(void *loop)
{
    async_ignore(async_loop_step(loop, 0));
    return NULL;
}

DEATH_TEST(a_step_on_another_thread_dies, "async_loop_step: this is not the calling thread's loop")
{
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, step_here, open_loop()), 0);
    pthread_join(thread, NULL);
}

DEATH_TEST(a_step_after_fork_dies, "async_loop_step: the loop was created before fork()")
{
    async_loop *loop = open_loop();
    pid_t child = fork();
    if (child == 0)
        async_ignore(async_loop_step(loop, 0));
    waitpid(child, NULL, 0);
    exit(1);
}
