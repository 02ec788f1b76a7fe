/*
 * test_memory.c: out of memory is an ordinary error. One program that uses a bit of everything is
 * run again and again, and each time memory ends one allocation later, or one allocation fails: it
 * must end with 0 or -ENOMEM, and leave nothing behind. Then calls that must work without memory,
 * because they wake or clean up.
 */
#include "run/trace.h"
#include "run/queues.h"
#include "run/callbacks.h"
#include "run/coroutines.h"

#include <sys/socket.h>
#include <unistd.h>

/* ---- memory that fails where it is told ----------------------------------------------------- */

static struct {
    long made;     /* allocations so far in this run */
    long fails_at; /* the number of the first one that fails */
    bool for_good; /* and all after it */
} memory;

static void *reallocate(void *context, void *block, size_t old_size, size_t new_size)
{
    const async_allocator *counted = &test_options()->allocator;
    (void)context;
    if (new_size > 0) {
        long number = memory.made++;
        if (number == memory.fails_at || (memory.for_good && number > memory.fails_at))
            return NULL;
    }
    return counted->reallocate(counted->context, block, old_size, new_size);
}

/* ---- a program that uses a bit of everything ------------------------------------------------ */

struct parcel {
    char bytes[100]; /* some weight */
};

static int put_parcels(async_queue *queue)
{
    struct parcel parcel = {{0}};
    for (int i = 0; i < 20; i++)
        ASYNC_TRY(async_queue_put(queue, &parcel));
    return 0;
}

static int produce(async_queue *queue)
{
    int result = put_parcels(queue);
    async_queue_shutdown(queue, false);
    return result;
}
async_fn(produce, async_queue *);

static int consume(async_queue *queue)
{
    struct parcel parcel;
    while (async_queue_get(queue, &parcel) == 0)
        async_queue_task_done(queue);
    return 0;
}
async_fn(consume, async_queue *);

static int pass_parcels(void)
{
    async_auto_queue *queue = new_queue(0, sizeof(struct parcel));
    if (queue == NULL)
        return -ENOMEM;
    async_task *producer = async_create_task(produce, queue);
    if (producer == NULL)
        async_queue_shutdown(queue, false);
    ASYNC_TRY(async_gather(producer, async_create_task(consume, queue)));
    return async_queue_join(queue);
}

static int hear_of_a_failure(void)
{
    async_task_options options = {.name = "an unlucky task"};
    int result = async_await(
        async_create_task_with(&options, fail_with_message, "the disk is on fire"));
    CHECK(result == -EIO || result == -ENOMEM);
    CHECK(strncmp(async_strerror(-EIO), "-EIO: ", 6) == 0);
    return result == -EIO ? 0 : result;
}

static void note_end(async_task *task, void *argument)
{
    (void)task;
    ++*(int *)argument;
}

static int sleep_for(double seconds)
{
    return async_timeout(seconds + 1, async_sleep(seconds));
}
async_fn(sleep_for, double);

/* The callbacks point into this frame, so they must have been made or taken back when it goes. */
static int wait_for_callbacks(void)
{
    int ended = 0, called = 0;
    async_task *sleeper = async_create_task(sleep_for, 2);
    int result = sleeper != NULL ? async_task_add_done_callback(sleeper, note_end, &ended) : 0;
    async_handle handle = async_call_later(1, count_callback, &called);
    int slept = async_await(sleeper);
    ASYNC_TRY(async_sleep(0));
    CHECK_EQ(ended, sleeper != NULL && result == 0 ? 1 : 0);
    async_handle_cancel(handle);
    ASYNC_TRY(result);
    return slept;
}

static int receive(int socket, double limit)
{
    char bytes[4];
    int result = async_timeout(limit, async_recv(socket, bytes, sizeof bytes, 0));
    return result == -ETIMEDOUT ? 0 : result;
}

static int wait_for_descriptors(int ends[2])
{
    ASYNC_TRY(receive(ends[0], 1e-6)); /* nothing comes */
    CHECK_EQ(write(ends[1], "data", 4), 4);
    ASYNC_TRY(async_wait_readable(ends[0]));
    ASYNC_TRY(async_wait_writable(ends[1]));
    int received = receive(ends[0], 100);
    CHECK(received == 4 || received == -ENOMEM);
    return received == 4 ? 0 : received;
}

static int use_everything(int ends[2])
{
    char left[4];
    int result = pass_parcels();
    if (result == 0)
        result = hear_of_a_failure();
    if (result == 0)
        result = wait_for_callbacks();
    if (result == 0)
        result = wait_for_descriptors(ends);
    async_ignore(recv(ends[0], left, sizeof left, MSG_DONTWAIT));
    return result;
}
async_fn(use_everything, int *);

static int run_with_failure_at(long number, bool for_good, int ends[2])
{
    async_run_options options = *test_options();
    options.allocator = (async_allocator){.reallocate = reallocate};
    memory.made = 0;
    memory.fails_at = number;
    memory.for_good = for_good;
    return async_run_with(&options, use_everything, ends);
}

/* A run that never came to the allocation that was to fail has shown that there are no more. */
static void fail_everywhere(bool for_good)
{
    int ends[2], result, failures = 0;
    long number = 0;
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    do {
        result = run_with_failure_at(number, for_good, ends);
        CHECK(result == 0 || result == -ENOMEM);
        failures += result == -ENOMEM ? 1 : 0;
    } while (memory.made > number++);
    CHECK_EQ(result, 0);
    CHECK(failures > 8);
    close(ends[0]);
    close(ends[1]);
}

TEST_EACH_BACKEND(memory_that_ends_anywhere_is_an_error_and_leaves_nothing)
{
    fail_everywhere(true);
}

TEST_EACH_BACKEND(memory_that_fails_once_anywhere_is_an_error_and_leaves_nothing)
{
    fail_everywhere(false);
}

/* ---- queues --------------------------------------------------------------------------------- */

LOOP_TEST(memory_missing_for_a_queue_gives_no_queue)
{
    test_allow_allocations(0);
    async_queue *queue = new_queue(0, sizeof(int));
    test_allow_allocations(-1);
    CHECK(queue == NULL);
    return 0;
}

LOOP_TEST(memory_missing_for_one_more_item_loses_no_item)
{
    async_auto_queue *queue = new_queue(0, sizeof(int));
    int count = 0, item;
    for (; count < 8; count++)
        CHECK_EQ(async_queue_put(queue, &count), 0);
    test_allow_allocations(0);
    CHECK_EQ(async_queue_put(queue, &(int){99}), -ENOMEM);
    CHECK_EQ(async_queue_put_nowait(queue, &(int){99}), -ENOMEM);
    CHECK_EQ(async_queue_qsize(queue), 8);
    test_allow_allocations(-1);
    CHECK_EQ(async_queue_put(queue, &count), 0);
    for (int i = 0; i <= 8; i++) {
        CHECK_EQ(async_queue_get(queue, &item), 0);
        CHECK_EQ(item, i);
        async_queue_task_done(queue); /* once for each: a refused item was never put */
    }
    return async_timeout(1, async_queue_join(queue));
}

static int put_one(async_queue *queue, int item)
{
    return async_queue_put(queue, &item);
}
async_fn(put_one, async_queue *, int);

/* A queue for one item gets its memory with the first item; waiting putters need no more. */
LOOP_TEST(memory_is_not_needed_to_let_a_waiting_putter_in)
{
    async_auto_queue *queue = new_queue(1, sizeof(int));
    int item;
    CHECK_EQ(async_queue_put(queue, &(int){1}), 0);
    async_task *putter = async_create_task(put_one, queue, 2);
    CHECK_EQ(async_sleep(1), 0);
    test_allow_allocations(0);
    for (int expected = 1; expected <= 2; expected++) {
        CHECK_EQ(async_queue_get(queue, &item), 0);
        CHECK_EQ(item, expected);
    }
    CHECK_EQ(async_await(putter), 0);
    test_allow_allocations(-1);
    return 0;
}

/* ---- what must work without memory ---------------------------------------------------------- */

static int note_getting(async_queue *queue)
{
    int item, result = async_queue_get(queue, &item);
    note("%d", result < 0 ? result : item);
    return 0;
}
async_fn(note_getting, async_queue *);

LOOP_TEST(memory_is_not_needed_to_wake_cancel_and_end_tasks)
{
    async_auto_queue *queue = new_queue(0, sizeof(int));
    async_task *tasks[] = {async_create_task(note_getting, queue),
                           async_create_task(note_getting, queue),
                           async_create_task(note_getting, queue)};
    CHECK_EQ(async_sleep(1), 0);
    test_allow_allocations(0);
    CHECK_EQ(async_queue_put(queue, &(int){7}), 0);
    CHECK(async_task_cancel(tasks[1]));
    async_queue_shutdown(queue, true);
    async_queue_task_done(queue);
    CHECK_EQ(async_queue_join(queue), 0);
    CHECK_EQ(async_gather_n(tasks, 3, NULL, ASYNC_FIRST_ERROR), 0);
    CHECK_EQ(async_sleep(0), 0);
    test_allow_allocations(-1);
    CHECK_TRACE("7 -125 -108");
    return 0;
}

/* NULL stands for a task that has failed; every call that takes a handle accepts it. */
LOOP_TEST(memory_missing_for_a_task_gives_null_which_acts_as_a_failed_task)
{
    int results[2];
    CHECK_EQ(async_await(NULL), -ENOMEM);
    CHECK_EQ(async_gather(NULL, async_create_task(sleep_for, 1)), -ENOMEM);
    CHECK_EQ(async_gather_n((async_task *const[]){NULL, async_create_task(sleep_for, 1)}, 2,
                            results, ASYNC_RETURN_EXCEPTIONS),
             0);
    CHECK_EQ(results[0], -ENOMEM);
    CHECK_EQ(results[1], 0);
    async_task_detach(NULL);
    CHECK(async_task_ref(NULL) == NULL);
    CHECK(!async_task_cancel(NULL));
    CHECK(async_task_done(NULL) && !async_task_cancelled(NULL));
    CHECK_EQ(async_task_result(NULL), -ENOMEM);
    return 0;
}
