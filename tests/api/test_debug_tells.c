/*
 * test_debug_tells.c: mistakes that debug mode reports although the program may go on, and calls
 * that a signal handler must not make. A death test reads the report after the abort.
 */
#include "run/capture.h"
#include "run/coroutines.h"
#include "run/queues.h"
#include "run/sockets.h"
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#define TELLS(name, coroutine, pattern)                                                            \
    DEATH_TEST(debug_tells_##name, pattern)                                                        \
    {                                                                                              \
        async_run_options options = with_debug();                                                  \
        async_ignore(async_run_with(&options, coroutine));                                         \
        abort();                                                                                   \
    }                                                                                              \
    struct test__semicolon

static int lock_twice(void)
{
    async_lock lock = {0};
    ASYNC_TRY(async_lock_acquire(&lock));
    return async_timeout(1, async_lock_acquire(&lock));
}
async_fn(lock_twice);

TELLS(of_a_lock_that_its_holder_acquires, lock_twice,
      "task #1 'lock_twice' (created at |acquires a lock that it already holds|release it first");

static int join_without_task_done(void)
{
    int item = 7;
    async_auto_queue *queue = new_queue(0, sizeof(int));
    ASYNC_TRY(async_queue_put(queue, &item));
    ASYNC_TRY(async_queue_put(queue, &item));
    ASYNC_TRY(async_queue_get(queue, &item));
    return async_queue_join(queue);
}
async_fn(join_without_task_done);

DEATH_TEST(debug_reports_a_queue_join_without_task_done_when_the_loop_is_idle,
           "deadlock: nothing is left that could wake a task of this loop|waits|in "
           "async_queue_join|1 item was taken but not reported")
{
    async_run_options options = with_debug();
    options.on_deadlock = ASYNC_DEADLOCK_ABORT;
    async_ignore(async_run_with(&options, join_without_task_done));
}

static int write_without_drain(void)
{
    static char chunk[1 << 20];
    int ends[2];
    async_stream *stream;
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    ASYNC_TRY(async_stream_new(&stream, ends[0]));
    for (int i = 0; i < 20; i++)
        CHECK(async_stream_write(stream, chunk, sizeof chunk) >= 0);
    abort();
}
async_fn(write_without_drain);

TELLS(of_much_that_is_written_and_never_drained, write_without_drain,
      "task #1 'write_without_drain' (created at |has written to a stream with 16 MiB "
      "pending|async_stream_drain");

static int read_to_the_end(int fd)
{
    static char chunk[1 << 16];
    ssize_t count;
    while ((count = async_recv(fd, chunk, sizeof chunk, 0)) > 0)
        continue;
    close(fd);
    return (int)count;
}
async_fn(read_to_the_end, int);

static int write_much_and_drain(void)
{
    static char much[20 << 20];
    int ends[2];
    async_stream *stream;
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    async_task *reader = async_create_task(read_to_the_end, ends[1]);
    ASYNC_TRY(async_stream_new(&stream, ends[0]));
    CHECK(async_stream_write(stream, much, sizeof much) >= 0);
    ASYNC_TRY(async_stream_drain(stream));
    async_stream_close(stream);
    return async_await(reader);
}
async_fn(write_much_and_drain);

TEST_EACH_BACKEND(debug_accuses_no_task_of_one_large_write_before_a_drain)
{
    async_run_options options = with_debug();
    capture_begin();
    int result = async_run_with(&options, write_much_and_drain);
    const char *said = capture_end();
    CHECK_EQ(result, 0);
    CHECK(strstr(said, "pending") == NULL);
}

static int close_under_a_waiter(void)
{
    int ends[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    async_task *waiter = async_create_task(wait_readable, ends[0]);
    ASYNC_TRY(async_sleep(0));
    close(ends[0]);
    CHECK_EQ(async_await(waiter), -EBADF);
    return close(ends[1]);
}
async_fn(close_under_a_waiter);

TELLS(of_a_descriptor_that_is_closed_under_a_task, close_under_a_waiter,
      "task #2 'wait_readable' (created at |waits in async_wait_readable for descriptor |gets "
      "-EBADF|async_close");

TEST_EACH_BACKEND(debug_ends_the_wait_for_a_descriptor_that_was_closed)
{
    async_run_options options = with_debug();
    CHECK_EQ(async_run_with(&options, close_under_a_waiter), 0);
}

/* The other task waits for the file that has the number now. */
static int give_the_number_away_under_a_waiter(void)
{
    int ends[2], later[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, later), 0);
    async_task *waiter = async_create_task(wait_readable, ends[0]);
    ASYNC_TRY(async_sleep(0));
    CHECK_EQ(dup2(later[0], ends[0]), ends[0]);
    async_task *rightful = async_create_task(wait_readable, ends[0]);
    CHECK_EQ(async_await(waiter), -EBADF);
    CHECK_EQ(write(later[1], "x", 1), 1);
    CHECK_EQ(async_await(rightful), 0);
    for (int i = 0; i < 2; i++) {
        close(ends[i]);
        close(later[i]);
    }
    return 0;
}
async_fn(give_the_number_away_under_a_waiter);

TELLS(of_a_descriptor_that_has_another_file, give_the_number_away_under_a_waiter,
      "task #2 'wait_readable' (created at |waits in async_wait_readable for descriptor |was "
      "closed, and has another file by now|gets -EBADF|async_close");

TEST_EACH_BACKEND(debug_ends_the_wait_for_a_descriptor_that_has_another_file)
{
    async_run_options options = with_debug();
    CHECK_EQ(async_run_with(&options, give_the_number_away_under_a_waiter), 0);
}

/* ---- signals --------------------------------------------------------------------------------- */

static sem_t begun, end;

/* libc blocks all signals of a thread until it begins. */
static void *rest(void *unused)
{
    sem_post(&begun);
    sem_wait(&end);
    return unused;
}

static int name_a_signal(bool in_all_threads)
{
    async_signals *signals;
    sigset_t mask;
    pthread_t other;
    if (!in_all_threads) {
        CHECK_EQ(pthread_create(&other, NULL, rest, NULL), 0);
        sem_wait(&begun);
    }
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &mask, NULL);
    ASYNC_TRY(async_signals_new(&signals, SIGUSR1, SIGUSR2));
    async_signals_free(signals);
    pthread_sigmask(SIG_UNBLOCK, &mask, NULL);
    sem_post(&end);
    return in_all_threads ? 0 : pthread_join(other, NULL);
}
async_fn(name_a_signal, bool);

static const char *told_of_a_signal(bool in_all_threads)
{
    async_run_options options = with_debug();
    capture_begin();
    CHECK_EQ(async_run_with(&options, name_a_signal, in_all_threads), 0);
    return capture_end();
}

TEST(debug_tells_of_a_signal_that_all_threads_block)
{
    const char *told = told_of_a_signal(true);
    if (strstr(told, "async_signals_new: SIGUSR1 never comes: all threads") == NULL ||
        strstr(told, "SIGUSR2") != NULL)
        test_fail(__FILE__, __LINE__, "%s", told);
}

TEST(debug_does_not_tell_of_a_signal_that_another_thread_may_take)
{
    CHECK(strstr(told_of_a_signal(false), "SIGUSR1") == NULL);
}

/* ---- signal handlers ------------------------------------------------------------------------ */

static struct {
    async_task *task;
    async_future *future;
    async_queue *queue;
    async_event event;
    int call; /* the call that the handler makes */
} handled;

static void note_nothing(void *argument)
{
    (void)argument;
}

static void handle(int number)
{
    switch (handled.call) {
    case 0:
        async_task_cancel(handled.task);
        break;
    case 1:
        async_task_cancel_because(handled.task, "signal %d", number);
        break;
    case 2:
        async_event_set(&handled.event);
        break;
    case 3:
        (void)async_call_soon(note_nothing, NULL);
        break;
    case 4:
        async_ignore(async_queue_put_nowait(handled.queue, &number));
        break;
    default:
        async_future_set_result(handled.future, 0);
    }
}

static int be_interrupted(void)
{
    /* when the loop sleeps */
    const struct itimerval soon = {.it_value = {test_is_emulated() ? 2 : 0, 50000}};
    handled.task = async_current_task();
    handled.future = async_future_new();
    handled.queue = new_queue(0, sizeof(int));
    signal(SIGALRM, handle);
    CHECK_EQ(setitimer(ITIMER_REAL, &soon, NULL), 0);
    return async_sleep(10);
}
async_fn(be_interrupted);

#define HANDLER(name, number, words)                                                               \
    DEATH_TEST(handler_of_a_signal_must_not_##name,                                                \
               words " was called in a signal handler|async_add_signal_handler")                   \
    {                                                                                              \
        async_run_options options = *test_options();                                               \
        options.virtual_clock = false;                                                             \
        options.backend = "epoll";                                                                 \
        handled.call = number;                                                                     \
        async_ignore(async_run_with(&options, be_interrupted));                                    \
    }                                                                                              \
    struct test__semicolon

HANDLER(cancel, 0, "async_task_cancel");
HANDLER(cancel_because, 1, "async_task_cancel_because");
HANDLER(set_an_event, 2, "async_event_set");
HANDLER(call_soon, 3, "async_call_soon");
HANDLER(put, 4, "async_queue_put_nowait");
HANDLER(set_a_future, 5, "async_future_set_result");
