/*
 * test_faults.c: programs for tests/scripts/faults.py, which makes each of their calls fail in
 * turn. They take each error as an answer and go on or give up; at the end the counts must be
 * equal: each item that was put was got exactly once, each task that was created has ended and was
 * awaited. Then nothing fails any more, and the same program must succeed: the failure has left no
 * trace. In the ordinary suite both runs are without failures.
 */
#include "fault_test.h"
#include "run/queues.h"
#include "run/coroutines.h"

#include <math.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- tasks ---------------------------------------------------------------------------------- */

static int sleep_and_end(int number)
{
    int result = answer(async_sleep(number % 3));
    return result < 0 ? result : number;
}
async_fn(sleep_and_end, int);

static void has_ended(async_task *task, void *argument)
{
    CHECK(async_task_done(task));
    kept[(intptr_t)argument]++;
}

/* More than the first slab holds, some with a name or a stack of their own. */
static async_task *create(int number)
{
    async_task_options named = {.name = "named"}, large = {.stack_size = 1 << 17};
    if (number % 7 == 1)
        return async_create_task_with(&named, sleep_and_end, number);
    if (number % 7 == 2)
        return async_create_task_with(&large, sleep_and_end, number);
    return async_create_task(sleep_and_end, number);
}

FAULTS_TEST(every_task_that_was_made_ends_and_gives_its_result)
{
    async_task *tasks[ACCOUNTS];
    int results[ACCOUNTS];
    for (int i = 0; i < ACCOUNTS; i++) {
        tasks[i] = create(i);
        answer(tasks[i] != NULL ? 0 : -ENOMEM);
        if (async_task_add_done_callback(tasks[i], has_ended, (void *)(intptr_t)i) == 0)
            promised[i]++;
    }
    CHECK_EQ(async_gather_n(tasks, ACCOUNTS, results, ASYNC_RETURN_EXCEPTIONS), 0);
    for (int i = 0; i < ACCOUNTS; i++)
        CHECK(results[i] == i || answer(results[i]) == -ENOMEM);
    async_ignore(async_sleep(0)); /* the last callbacks run */
    return 0;
}

static int fail_with_words(int number)
{
    return async_fail(-EPROTO, "number %d did not keep to it", number);
}
async_fn(fail_with_words, int);

FAULTS_TEST(an_error_without_memory_for_its_message_stays_the_same)
{
    async_task *task = async_create_task(fail_with_words, 1);
    async_task *again = async_task_ref(task);
    int result = async_await(task), same = async_await(again);
    CHECK_EQ(result, same);
    CHECK(result == -EPROTO || answer(result) == -ENOMEM);
    CHECK(strncmp(async_strerror(result), result == -EPROTO ? "-EPROTO: " : "-ENOMEM: ", 9) == 0);
    return 0;
}

/* ---- queues --------------------------------------------------------------------------------- */

enum { PRODUCERS = 2, CONSUMERS = 2, ITEMS = ACCOUNTS / PRODUCERS };

static int produce(async_queue *queue, int first)
{
    for (int item = first; item < first + ITEMS; item++)
        if (answer(async_queue_put(queue, &item)) == 0)
            promised[item]++;
    return 0;
}
async_fn(produce, async_queue *, int);

static int consume(async_queue *queue)
{
    int item, result;
    while ((result = async_queue_get(queue, &item)) == 0) {
        kept[item]++;
        async_queue_task_done(queue);
        answer(async_sleep(item % 2));
    }
    CHECK_EQ(result, -ESHUTDOWN);
    return 0;
}
async_fn(consume, async_queue *);

/*
 * Waits until all items were taken, if a consumer exists, and closes the queue; takes the rest
 * itself.
 */
static int use_queue(async_queue *queue)
{
    async_task *tasks[PRODUCERS + CONSUMERS];
    int item;
    if (answer(queue != NULL ? 0 : -ENOMEM) < 0)
        return -ENOMEM;
    for (int i = 0; i < CONSUMERS; i++)
        answer((tasks[i] = async_create_task(consume, queue)) != NULL ? 0 : -ENOMEM);
    bool taken = tasks[0] != NULL || tasks[1] != NULL;
    for (int i = 0; i < PRODUCERS && taken; i++)
        answer((tasks[CONSUMERS + i] = async_create_task(produce, queue, i * ITEMS)) != NULL
                   ? 0
                   : -ENOMEM);
    if (taken)
        answer(async_gather_n(tasks + CONSUMERS, PRODUCERS, NULL, ASYNC_RETURN_EXCEPTIONS));
    if (taken)
        CHECK_EQ(async_queue_join(queue), 0);
    async_queue_shutdown(queue, false);
    CHECK_EQ(async_gather_n(tasks, CONSUMERS, NULL, ASYNC_RETURN_EXCEPTIONS), 0);
    while (async_queue_get_nowait(queue, &item) == 0)
        kept[item]++;
    async_queue_free(queue);
    return 0;
}

FAULTS_TEST(each_item_that_was_put_is_got_once)
{
    return use_queue(new_queue(2, sizeof(int)));
}

FAULTS_TEST(each_item_of_a_queue_without_limit_is_got_once)
{
    return use_queue(new_lifo_queue(0, sizeof(int)));
}

FAULTS_TEST(each_item_of_a_priority_queue_is_got_once)
{
    return use_queue(new_priority_queue(3, sizeof(int), compare_ints));
}

/* ---- time and cancellation ------------------------------------------------------------------ */

static int say_goodbye(int number)
{
    int result = async_sleep(number < ACCOUNTS / 2 ? INFINITY : 1);
    int goodbye = async_no_cancel(async_sleep(1));
    answer(goodbye);
    kept[number]++;
    return result;
}
async_fn(say_goodbye, int);

FAULTS_TEST(cancellation_and_time_limits_reach_everyone)
{
    async_task *tasks[ACCOUNTS];
    int results[ACCOUNTS];
    for (int i = 0; i < ACCOUNTS; i++) {
        tasks[i] = async_create_task(say_goodbye, i);
        promised[i] = tasks[i] != NULL;
    }
    int result = async_timeout(2, async_sleep(INFINITY));
    CHECK(result == -ETIMEDOUT || answer(result) == -ENOMEM);
    for (int i = 0; i < ACCOUNTS; i++)
        async_task_cancel(tasks[i]);
    result = async_timeout(10, async_gather_n(tasks, ACCOUNTS, results, ASYNC_RETURN_EXCEPTIONS));
    CHECK(result == 0 || answer(result) == -ENOMEM);
    for (int i = 0; i < ACCOUNTS; i++)
        CHECK(results[i] == (i < ACCOUNTS / 2 ? -ECANCELED : 0) || results[i] == -ECANCELED ||
              answer(results[i]) == -ENOMEM);
    return 0;
}

FAULTS_TEST(each_callback_that_has_a_handle_is_called_once)
{
    for (int i = 0; i < ACCOUNTS; i++) {
        void *number = (void *)(intptr_t)i;
        async_handle handle = i % 2 == 0 ? async_call_soon(keep_callback, number)
                                         : async_call_later(i, keep_callback, number);
        promised[i] = handle.id != 0;
        if (i % 5 == 0 && async_handle_cancel(handle))
            promised[i] = 0;
    }
    while (answer(async_sleep(ACCOUNTS)) <
           0) { /* the timers of the callbacks have the memory that this one lacks */
        for (int i = 0; i < ACCOUNTS; i++)
            if (i % 5 != 0 && kept[i] < promised[i])
                async_ignore(async_sleep(0));
        if (async_time() >= ACCOUNTS || memcmp(promised, kept, sizeof kept) == 0)
            break;
    }
    return 0;
}

/* ---- descriptors ---------------------------------------------------------------------------- */

static int echo(int fd)
{
    char bytes[5];
    int count;
    while ((count = answer(async_recv(fd, bytes, sizeof bytes, 0))) > 0)
        if (send(fd, bytes, (size_t)count, MSG_NOSIGNAL) != count)
            break;
    shutdown(fd, SHUT_RDWR); /* a peer that waits for an answer gets an error */
    return count;
}
async_fn(echo, int);

/* Sends bytes one by one; each comes back, once, or the other side has ended. */
static int converse(int fd)
{
    for (int i = 0; i < ACCOUNTS; i++) {
        char byte = (char)i;
        int result = answer(async_wait_writable(fd));
        if (result < 0 || send(fd, &byte, 1, MSG_NOSIGNAL) != 1)
            return result < 0 ? result : -EPIPE;
        result = answer(async_recv(fd, &byte, 1, 0));
        CHECK(result != -ECANCELED); /* no task was cancelled */
        if (result <= 0)
            return result < 0 ? result : -EPIPE;
        CHECK_EQ(byte, i);
        promised[i]++;
        kept[i]++;
    }
    return 0;
}
async_fn(converse, int);

FAULTS_TEST(an_echo_answers_or_ends)
{
    int ends[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    async_task *server = async_create_task(echo, ends[0]);
    if (server == NULL)
        shutdown(ends[0], SHUT_RDWR);
    answer(converse(ends[1]));
    shutdown(ends[1], SHUT_RDWR);
    answer(async_await(server));
    close(ends[0]);
    close(ends[1]);
    return 0;
}

static int fill_and_wait_writable(int fd)
{
    char bytes[4096] = {0};
    while (send(fd, bytes, sizeof bytes, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
        continue;
    return async_wait_writable(fd);
}
async_fn(fill_and_wait_writable, int);

/*
 * One waits to read, then another to write, on the same descriptor; the second's failure is not the
 * first's.
 */
FAULTS_TEST(a_reader_is_not_lost_by_a_writer_s_failure)
{
    int ends[2], result;
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    async_task *reader = async_create_task(wait_readable, ends[0]);
    async_ignore(async_sleep(0));
    async_task *writer = async_create_task(fill_and_wait_writable, ends[0]);
    async_ignore(async_sleep(0));
    CHECK_EQ(send(ends[1], "x", 1, MSG_NOSIGNAL), 1);
    answer(async_await(reader));
    async_task_cancel(writer);
    result = async_await(writer);
    CHECK(result == -ECANCELED || answer(result) < 0);
    close(ends[0]);
    close(ends[1]);
    return 0;
}

/* A byte that comes while a receiver gives up, in one way or another, is there for the next one. */
FAULTS_TEST(a_receiver_that_times_out_loses_nothing)
{
    int ends[2], received = 0, result = 0;
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    for (int i = 0; i < 3; i++) {
        char byte = 0;
        result = async_timeout(0.0001 * i, async_recv(ends[0], &byte, 1, 0));
        CHECK(result == -ETIMEDOUT || answer(result) < 0 || received < i);
        CHECK(byte == (result == 1 ? 'x' : 0));
        received += result == 1;
        CHECK_EQ(send(ends[1], "x", 1, MSG_NOSIGNAL), 1);
        result = answer(async_recv(ends[0], &byte, 1, 0));
        CHECK(byte == (result == 1 ? 'x' : 0));
        received += result == 1;
    }
    for (char byte; recv(ends[0], &byte, 1, MSG_DONTWAIT) == 1;)
        received++;
    CHECK_EQ(received, 3);
    close(ends[0]);
    close(ends[1]);
    return 0;
}
