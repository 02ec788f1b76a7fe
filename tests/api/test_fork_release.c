/*
 * test_fork_release.c: a child of fork() releases its copies of the parent's objects, at the end of
 * blocks or by hand, and the parent does not notice: its readers get their data, its writes are
 * sent once, its servers listen, its tasks have their turns. Children end by _exit.
 */
#include "run/forks.h"
#include "run/streams.h"
#include "run/queues.h"
#include "run/coroutines.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* ---- streams -------------------------------------------------------------------------------- */

static int read_five(async_stream *stream)
{
    char text[6] = "";
    int count = async_stream_readexactly(stream, text, 5);
    CHECK(count < 0 || strcmp(text, "hello") == 0);
    return count;
}
async_fn(read_five, async_stream *);

/*
 * Forks while a task reads; the child calls release on the streams. The parent's reader still gets
 * its data.
 */
static int read_beside(void (*in_child)(struct pair pair))
{
    struct pair pair = new_pair();
    async_task *reader = async_create_task(read_five, pair.here);
    CHECK_EQ(async_sleep(0), 0);
    pid_t child = fork_here();
    if (child == 0) {
        in_child(pair);
        _exit(0);
    }
    CHECK_EQ(end_of(child), 0);
    CHECK_EQ(async_sleep(0.001), 0);
    CHECK_EQ(async_stream_write(pair.there, "hello", 5), 0);
    CHECK_EQ(async_await(reader), 5);
    CHECK_EQ(async_stream_write(pair.here, "hello", 5), 0);
    CHECK_EQ(read_five(pair.there), 5);
    close_pair(pair);
    return 0;
}

static void abort_streams(struct pair pair)
{
    async_stream_abort(pair.here);
    async_stream_abort(pair.there);
    close_pair(pair);
}

static void close_streams_around_a_run(struct pair pair)
{
    async_runner runner = {.options = *test_options()};
    async_stream_close(pair.there);
    CHECK_EQ(async_runner_run(&runner, nothing), 0);
    async_stream_close(pair.here);
    async_runner_close(&runner);
}

static void close_descriptors(struct pair pair)
{
    int here = async_stream_fd(pair.here);
    CHECK(here >= 0);
    CHECK_EQ(write(here, "", 0), 0);
    close_pair(pair);
    CHECK_EQ(async_close(here), -EBADF);
}

LOOP_TEST(fork_child_that_closes_a_stream_leaves_the_parents_reader)
{
    CHECK_EQ(read_beside(close_pair), 0);
    CHECK_EQ(read_beside(abort_streams), 0);
    CHECK_EQ(read_beside(close_streams_around_a_run), 0);
    return read_beside(close_descriptors);
}

/* Frees everything with the loop, as a child that returns does. */
static int read_beside_a_child_that_returns(void)
{
    struct pair pair = new_pair();
    async_task *reader = async_create_task(read_five, pair.here);
    CHECK_EQ(async_sleep(0), 0);
    pid_t child = fork_here();
    if (child == 0)
        return 7;
    CHECK_EQ(end_of(child), 7);
    CHECK_EQ(async_stream_write(pair.there, "hello", 5), 0);
    CHECK_EQ(async_await(reader), 5);
    close_pair(pair);
    return 0;
}
async_fn(read_beside_a_child_that_returns);

TEST_EACH_BACKEND(fork_child_that_returns_leaves_the_parents_reader)
{
    int result = async_run_with(test_options(), read_beside_a_child_that_returns);
    if (is_child())
        _exit(result);
    CHECK_EQ(result, 0);
}

enum { MUCH = 1 << 18 }; /* more than a socket takes; little enough to be sent byte by byte */

static char much[MUCH];

static int count_to_the_end(async_stream *stream)
{
    static char part[65536];
    int count, total = 0;
    while ((count = async_stream_read(stream, part, sizeof part)) > 0)
        total += count;
    return count < 0 ? count : total;
}
async_fn(count_to_the_end, async_stream *);

/*
 * Bytes that the kernel did not take, and bytes that are only buffered. Returns how the child
 * ended.
 */
static int write_and_fork(bool closes)
{
    struct pair pair = new_pair(), small = new_pair();
    CHECK_EQ(async_stream_write(pair.here, much, sizeof much), 0);
    CHECK_EQ(async_stream_write(small.here, "hello", 5), 0);
    CHECK(async_stream_pending(pair.here) > 0 && async_stream_pending(small.here) == 5);
    pid_t child = fork_here();
    if (child == 0) {
        if (closes) {
            close_pair(pair);
            close_pair(small);
        }
        return 7;
    }
    CHECK_EQ(end_of(child), 7);
    async_stream_close(pair.here);
    async_stream_close(small.here);
    CHECK_EQ(count_to_the_end(small.there), 5);
    CHECK_EQ(count_to_the_end(pair.there), MUCH);
    async_stream_close(small.there);
    async_stream_close(pair.there);
    return 0;
}
async_fn(write_and_fork, bool);

TEST_EACH_BACKEND(fork_sends_what_was_written_once)
{
    for (int closes = 0; closes < 2; closes++) {
        int result = async_run_with(test_options(), write_and_fork, closes != 0);
        if (is_child())
            _exit(result);
        CHECK_EQ(result, 0);
    }
}

/* ---- servers -------------------------------------------------------------------------------- */

static int connect_and_read(const char *path, int port)
{
    async_auto_stream *stream = NULL;
    ASYNC_TRY(path != NULL ? async_open_unix_connection(&stream, path, NULL)
                           : async_open_connection(&stream, "127.0.0.1", port, NULL));
    return read_five(stream);
}

static void free_server(async_server *server)
{
    async_server_free_wait(server);
}

static void close_and_free_server(async_server *server)
{
    async_server_close(server);
    async_server_free_wait(server);
}

/* The child frees a server; the parent's goes on, and so does its connection of before. */
static int serve_beside(const char *path, void (*in_child)(async_server *server))
{
    async_server *server = NULL;
    async_stream *silent = NULL;
    CHECK_EQ(path != NULL ? async_start_unix_server(&server, serve_hello, NULL, path, NULL)
                          : async_start_server(&server, serve_hello, NULL, "127.0.0.1", 0, NULL),
             0);
    int port = async_server_port(server);
    CHECK_EQ(connect_and_read(path, port), 5);
    CHECK_EQ(path != NULL ? async_open_unix_connection(&silent, path, NULL)
                          : async_open_connection(&silent, "127.0.0.1", port, NULL),
             0);
    pid_t child = fork_here();
    if (child == 0) {
        in_child(server);
        async_stream_close(silent);
        _exit(0);
    }
    CHECK_EQ(end_of(child), 0);
    CHECK_EQ(connect_and_read(path, port), 5);
    CHECK_EQ(read_five(silent), 5);
    async_stream_close(silent);
    async_server_free_wait(server);
    CHECK(path == NULL || access(path, F_OK) < 0);
    return 0;
}

LOOP_TEST(fork_child_that_frees_a_server_leaves_the_parents)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/asyncio-fork-%d", (int)getpid());
    CHECK_EQ(serve_beside(NULL, free_server), 0);
    CHECK_EQ(serve_beside(NULL, close_and_free_server), 0);
    CHECK_EQ(serve_beside(path, free_server), 0);
    return serve_beside(path, close_and_free_server);
}

/* Forks for the connection, as a server does that has a process for each. */
static int serve_by_child(async_stream *stream, void *unused)
{
    char question;
    (void)unused;
    ASYNC_TRY(async_stream_readexactly(stream, &question, 1));
    pid_t child = fork_here();
    if (child != 0)
        return end_of(child) == question ? 0 : -EINVAL;
    ssize_t count = send(async_stream_fd(stream), "hello", 5, 0);
    return count == 5 ? question : -EPIPE;
}

static int ask(int port, char question)
{
    async_auto_stream *stream = NULL;
    ASYNC_TRY(async_open_connection(&stream, "127.0.0.1", port, NULL));
    ASYNC_TRY(async_stream_write(stream, &question, 1));
    return read_five(stream) == 5 ? 0 : -EPIPE;
}
async_fn(ask, int, char);

static int ask_a_server_that_forks(void)
{
    async_auto_wait_server *server = NULL;
    CHECK_EQ(async_start_server(&server, serve_by_child, NULL, "127.0.0.1", 0, NULL), 0);
    int port = async_server_port(server);
    CHECK_EQ(async_gather(async_create_task(ask, port, 1), async_create_task(ask, port, 2)), 0);
    return 0;
}
async_fn(ask_a_server_that_forks);

TEST_EACH_BACKEND(fork_child_of_a_connections_task_serves_it_and_returns)
{
    int result = async_run_with(test_options(), ask_a_server_that_forks);
    if (is_child())
        _exit(result);
    CHECK_EQ(result, 0);
}

/* ---- what is held --------------------------------------------------------------------------- */

static async_lock lock;
static async_semaphore semaphore;
static async_event event;
static async_queue *queue;
static int turns_of_others;

static int want_lock(void)
{
    ASYNC_WITH(&lock);
    CHECK(!is_child());
    turns_of_others++;
    return 0;
}
async_fn(want_lock);

static int want_permit(void)
{
    ASYNC_WITH(&semaphore);
    CHECK(!is_child());
    turns_of_others++;
    return 0;
}
async_fn(want_permit);

static int want_event(void)
{
    ASYNC_TRY(async_event_wait(&event));
    CHECK(!is_child());
    turns_of_others++;
    return 0;
}
async_fn(want_event);

static int want_item(void)
{
    int item;
    ASYNC_TRY(async_queue_get(queue, &item));
    CHECK(!is_child());
    turns_of_others++;
    return 0;
}
async_fn(want_item);

static int sleep_long(void)
{
    return async_sleep(10);
}
async_fn(sleep_long);

static void begin_others(void)
{
    turns_of_others = 0;
    async_task_detach(async_create_task(want_lock));
    async_task_detach(async_create_task(want_permit));
    async_task_detach(async_create_task(want_event));
    async_task_detach(async_create_task(want_item));
}

static void give_back_all(void)
{
    const int item = 5;
    async_semaphore_release(&semaphore);
    async_event_set(&event);
    CHECK_EQ(async_queue_put_nowait(queue, &item), 0);
}

/* Everything was given back, and no task of the parent's has got it. */
static int use_all_in_child(void)
{
    int item = 0;
    ASYNC_WITH(&lock);
    ASYNC_WITH(&semaphore);
    CHECK(async_event_is_set(&event));
    CHECK_EQ(async_queue_get(queue, &item), 0);
    CHECK_EQ(item, 5);
    CHECK_EQ(async_queue_put(queue, &item), 0);
    async_event_set(&event);
    CHECK_EQ(async_sleep(0.001), 0);
    return async_queue_get_nowait(queue, &item);
}
async_fn(use_all_in_child);

/* Leaves blocks of every kind, in the child as in the parent. */
static int fork_inside_blocks(void)
{
    async_task *task = async_create_task(sleep_long);
    async_auto_completion completion = {0};
    CHECK_EQ(async_as_completed(&completion, &task, 1, ASYNC_FOREVER), 0);
    ASYNC_TASK_GROUP(group);
    async_group_create_task(&group, sleep_long);
    ASYNC_WITH(&lock);
    begin_others();
    CHECK_EQ(async_sleep(0.001), 0);
    pid_t child = fork_here();
    if (child == 0) {
        async_task_detach(task);
        give_back_all();
        return async_fail(-ENOENT, "said in the child");
    }
    CHECK_EQ(end_of(child), 0);
    give_back_all();
    async_task_cancel(task);
    async_task_detach(task);
    async_group_cancel(&group);
    return 0;
}

static int fork_inside_limits(void)
{
    return async_timeout(5, async_no_cancel(async_timeout(3, fork_inside_blocks())));
}
async_fn(fork_inside_limits);

static int expect_others(void)
{
    ASYNC_TRY(fork_inside_limits());
    CHECK_EQ(async_sleep(0.001), 0);
    CHECK_EQ(turns_of_others, 4);
    return 0;
}
async_fn(expect_others);

TEST_EACH_BACKEND(fork_child_leaves_blocks_and_the_parents_tasks_have_their_turns)
{
    skip_where_the_forking_task_is_not_watched();
    semaphore = (async_semaphore){.value = 0};
    queue = new_queue(0, sizeof(int));
    int result = async_run_with(test_options(), expect_others);
    if (is_child()) {
        CHECK_EQ(result, -ENOENT);
        CHECK_EQ(async_run_with(test_options(), use_all_in_child), 0);
        async_queue_free(queue);
        _exit(0);
    }
    CHECK_EQ(result, 0);
    async_queue_free(queue);
}

/* Runs its own loop inside the blocks of the parent's tasks, and then leaves them. */
static int use_what_others_want(void)
{
    const int item = 5;
    int taken = 0;
    async_event_set(&event);
    CHECK_EQ(async_queue_put(queue, &item), 0);
    CHECK_EQ(async_queue_get(queue, &taken), 0);
    async_semaphore_release(&semaphore);
    CHECK_EQ(async_semaphore_acquire(&semaphore), 0);
    return async_sleep(0.001);
}
async_fn(use_what_others_want);

static async_runner own;

static int fork_inside_lock(void)
{
    ASYNC_WITH(&lock);
    begin_others();
    CHECK_EQ(async_sleep(0.001), 0);
    pid_t child = fork_here();
    if (child == 0) {
        own.options = *test_options();
        CHECK_EQ(async_runner_run(&own, use_what_others_want), 0);
        return 7;
    }
    CHECK_EQ(end_of(child), 7);
    give_back_all();
    return 0;
}
async_fn(fork_inside_lock);

TEST_EACH_BACKEND(fork_childs_loop_runs_no_task_of_the_parents)
{
    semaphore = (async_semaphore){.value = 0};
    event = (async_event){0};
    queue = new_queue(0, sizeof(int));
    int result = async_run_with(test_options(), fork_inside_lock);
    if (is_child()) {
        CHECK_EQ(result, 7);
        CHECK(!async_lock_locked(&lock));
        CHECK_EQ(async_runner_run(&own, use_what_others_want), 0);
        async_runner_close(&own);
        async_queue_free(queue);
        _exit(7);
    }
    CHECK_EQ(result, 0);
    CHECK_EQ(turns_of_others, 4);
    async_queue_free(queue);
}

LOOP_TEST(fork_child_frees_a_queue_on_which_the_parents_tasks_wait)
{
    queue = new_queue(0, sizeof(int));
    async_task *task = async_create_task(want_item);
    CHECK_EQ(async_sleep(0), 0);
    pid_t child = fork_here();
    if (child == 0) {
        async_queue_free(queue);
        CHECK_EQ(async_run_with(test_options(), nothing), 0);
        _exit(0);
    }
    CHECK_EQ(end_of(child), 0);
    const int item = 1;
    CHECK_EQ(async_queue_put(queue, &item), 0);
    CHECK_EQ(async_await(task), 0);
    async_queue_free(queue);
    return 0;
}

/* ---- threads -------------------------------------------------------------------------------- */

static int wait_for_ever(void)
{
    async_event never = {0};
    return async_event_wait(&never);
}
async_fn(wait_for_ever);

static void *ask_the_loop(void *loop)
{
    async_concurrent_future *future = async_run_coroutine_threadsafe((async_loop *)loop,
                                                                     wait_for_ever);
    pid_t child = fork_here();
    if (child == 0) {
        CHECK_EQ(async_concurrent_future_result(future, ASYNC_FOREVER), -ECANCELED);
        CHECK(!async_concurrent_future_cancel(future));
        async_concurrent_future_free(future);
        _exit(3);
    }
    CHECK_EQ(end_of(child), 3);
    CHECK(async_concurrent_future_cancel(future));
    CHECK_EQ(async_concurrent_future_result(future, ASYNC_FOREVER), -ECANCELED);
    async_concurrent_future_free(future);
    return NULL;
}

REAL_LOOP_TEST(fork_child_frees_a_concurrent_future)
{
    pthread_t thread;
    skip_where_threads_and_fork_do_not_mix();
    CHECK_EQ(pthread_create(&thread, NULL, ask_the_loop, async_get_loop()), 0);
    while (pthread_tryjoin_np(thread, NULL) != 0)
        CHECK_EQ(async_sleep(0.001), 0);
    return 0;
}

static void send_in_child(async_loop *loop)
{
    pid_t child = fork_here();
    if (child == 0)
        async_ignore(async_call_soon_threadsafe(loop, free, NULL));
    end_of(child);
    abort();
}

DEATH_TEST(fork_child_that_sends_to_its_parents_loop_dies,
           "async_call_soon_threadsafe: the loop was made before fork(), and is the parent's")
{
    async_loop *loop;
    CHECK_EQ(async_new_event_loop(&loop, test_options()), 0);
    send_in_child(loop);
}

static int stay_at_work(int fd)
{
    char byte;
    return (int)read(fd, &byte, 1);
}
async_fn(stay_at_work, int);

/* Work is under way and queued in an executor that is freed on the way out. */
static int fork_beside_work(void)
{
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    async_executor *executor;
    CHECK_EQ(async_executor_new(&executor, 1), 0);
    async_task_options options = {.executor = executor};
    async_task *first = async_create_task_with(&options, stay_at_work, ends[0]);
    async_task *second = async_create_task_with(&options, stay_at_work, ends[0]);
    CHECK_EQ(async_sleep(0), 0);
    pid_t child = fork_here();
    if (child == 0) {
        async_task_detach(first);
        async_task_detach(second);
        async_executor_free_wait(executor);
        return 7;
    }
    CHECK_EQ(end_of(child), 7);
    CHECK_EQ(write(ends[1], "xx", 2), 2);
    CHECK_EQ(async_await(first), 1);
    CHECK_EQ(async_await(second), 1);
    async_executor_free_wait(executor);
    close(ends[0]);
    close(ends[1]);
    return 0;
}
async_fn(fork_beside_work);

TEST_EACH_BACKEND(fork_child_returns_while_worker_threads_run)
{
    skip_where_threads_and_fork_do_not_mix();
    int result = async_run_with(test_options(), fork_beside_work);
    if (is_child())
        _exit(result);
    CHECK_EQ(result, 0);
}
