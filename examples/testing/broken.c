/*
 * broken.c: tests that fail, each by another mistake. The words with which they fail are shown in
 * docs/tutorial/testing.md.
 */
#include <asyncio/test.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int sleep_long(void)
{
    return async_sleep(3600);
}
async_fn(sleep_long);

static int check_sum(int sum)
{
    ASYNC_TRY(async_sleep(1));
    ASYNC_CHECK_EQ(sum, 4);
    return 0;
}
async_fn(check_sum, int);

ASYNC_TEST(failed_check)
{
    async_task *sleeper = async_create_task(sleep_long);
    async_task *checker = async_create_task(check_sum, 2 + 3);
    return async_gather(sleeper, checker);
}

ASYNC_TEST(failed_text)
{
    ASYNC_CHECK_STR(async_task_name(async_current_task()), "another name");
    return 0;
}

ASYNC_TEST(forgotten_task)
{
    async_task_detach(async_create_task(sleep_long));
    return 0;
}

ASYNC_TEST(forgotten_descriptor)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0 ? 0 : -errno;
}

ASYNC_TEST(forgotten_queue)
{
    async_queue *queue;
    return async_queue_new(&queue, 0, sizeof(int));
}

static async_lock left, right;

static int take_two(async_lock *first, async_lock *second)
{
    ASYNC_WITH(first);
    ASYNC_TRY(async_sleep(1));
    ASYNC_WITH(second);
    return 0;
}
async_fn(take_two, async_lock *, async_lock *);

ASYNC_TEST(two_locks)
{
    async_task *a = async_create_task(take_two, &left, &right);
    async_task *b = async_create_task(take_two, &right, &left);
    return async_gather(a, b);
}

ASYNC_TEST_WITH(clock_that_stands, .clock = ASYNC_TEST_STANDS)
{
    return async_sleep(1);
}

ASYNC_TEST(must_switch)
{
    async_event event = {0};
    async_event_set(&event);
    return ASYNC_MUST_SWITCH(async_event_wait(&event));
}

ASYNC_TEST(must_not_switch)
{
    return ASYNC_MUST_NOT_SWITCH(async_sleep(0));
}

ASYNC_TEST(wrong_result)
{
    return async_fail(-EIO, "the disk is gone");
}

ASYNC_TEST(crash)
{
    abort();
}

ASYNC_TEST_WITH(endless, .time_limit = 1)
{
    for (volatile unsigned i = 0;; i = i + 1)
        continue;
    return 0;
}

ASYNC_TEST_WITH(deaf, .time_limit = 1)
{
    return raise(SIGSTOP); /* the process is ended from outside then, some seconds later */
}

/* The peer keeps the connection open and never answers. */
static int read_answer(int fd)
{
    char answer[64];
    ssize_t length = async_recv(fd, answer, sizeof answer, 0);
    close(fd);
    return (int)length;
}
async_fn(read_answer, int);

ASYNC_TEST_WITH(no_answer, .time_limit = 1)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
        return -errno;
    int result = async_await(async_create_task(read_answer, fds[0]));
    close(fds[1]);
    return result;
}

ASYNC_TEST_DEADLOCKS(no_deadlock)
{
    return 0;
}

/*
 * A race that needs an unusual order: the count is read, and written after a wait, only if the door
 * was unlocked, the shop opened and the till taken away, one after the other, before both sales.
 */
static bool is_unlocked, is_open, till_is_away;
static int sold;

static int unlock_door(void)
{
    ASYNC_TRY(async_sleep(0));
    is_unlocked = true;
    return 0;
}
async_fn(unlock_door);

static int open_shop(void)
{
    ASYNC_TRY(async_sleep(0));
    is_open = is_unlocked;
    return 0;
}
async_fn(open_shop);

static int take_till_away(void)
{
    ASYNC_TRY(async_sleep(0));
    till_is_away = is_open;
    return 0;
}
async_fn(take_till_away);

static int sell(void)
{
    ASYNC_TRY(async_sleep(0));
    int before = sold;
    if (till_is_away)
        ASYNC_TRY(async_sleep(0));
    sold = before + 1;
    return 0;
}
async_fn(sell);

ASYNC_TEST(lost_race)
{
    async_task *a = async_create_task(sell), *b = async_create_task(sell);
    async_task *c = async_create_task(take_till_away), *d = async_create_task(open_shop);
    ASYNC_TRY(async_gather(a, b, c, d, async_create_task(unlock_door)));
    ASYNC_CHECK_EQ(sold, 2);
    return 0;
}

/*
 * A race that needs the same order many times in a row. Of two pumps the one that comes first has
 * the power. The tank bursts when it was full and is empty again: twelve times the one came first
 * more often, and then twelve times the other one.
 */
enum { FULL = 12 };

static int level, strokes[2];
static bool was_full;

static int pump(int self, int amount)
{
    for (int i = 0; i < 40; i++) {
        ASYNC_TRY(async_sleep(0));
        if (++strokes[self] > strokes[1 - self])
            level += amount;
        was_full |= level == FULL;
        ASYNC_CHECK(!was_full || level > 0);
    }
    return 0;
}
async_fn(pump, int, int);

ASYNC_TEST(burst_tank)
{
    async_task *fills = async_create_task(pump, 0, 1);
    return async_gather(fills, async_create_task(pump, 1, -1));
}

/* Cancelled while it waits, it loses the memory. */
static int forget_memory(void)
{
    async_queue *queue;
    ASYNC_TRY(async_queue_new(&queue, 1, sizeof(int)));
    ASYNC_TRY(async_sleep(1));
    async_queue_free(queue);
    return 0;
}
async_fn(forget_memory);

ASYNC_TEST(cancelled)
{
    async_test_cancel_everywhere(NULL, forget_memory);
    return 0;
}

/* It uses the queue without a look at the result. */
static int ignore_null(void)
{
    int item = 1;
    async_queue *queue;
    async_ignore(async_queue_new(&queue, 1, sizeof item));
    ASYNC_TRY(async_queue_put(queue, &item));
    async_queue_free(queue);
    return 0;
}
async_fn(ignore_null);

ASYNC_TEST(no_memory)
{
    async_test_fail_allocations(NULL, ignore_null);
    return 0;
}

/* Closes what was made so far, and returns the error. */
static int give_up(int a, int b)
{
    int error = -errno;
    close(a);
    close(b);
    return error;
}

/* Makes a connection of this process with itself. If accept fails, it forgets one of its ends. */
static int connect_to_self(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    int client = -1, server = socket(AF_INET, SOCK_STREAM, 0);
    if (server < 0 || bind(server, (struct sockaddr *)&address, size) != 0 ||
        listen(server, 1) != 0 || getsockname(server, (struct sockaddr *)&address, &size) != 0)
        return give_up(server, client);
    client = socket(AF_INET, SOCK_STREAM, 0);
    if (client < 0 || connect(client, (struct sockaddr *)&address, size) != 0)
        return give_up(server, client);
    int accepted = accept(server, NULL, NULL);
    if (accepted < 0)
        return give_up(server, accepted);
    give_up(client, accepted);
    close(server);
    return 0;
}
async_fn(connect_to_self);

ASYNC_TEST(failed_call)
{
    async_test_fail_system_calls(NULL, connect_to_self);
    return 0;
}

/* It has no end if it cannot open the file. */
static int insist(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        for (volatile unsigned i = 0;; i = i + 1)
            continue;
    return close(fd);
}
async_fn(insist);

ASYNC_TEST_WITH(endless_after_a_call, .time_limit = 2)
{
    async_test_fail_system_calls(NULL, insist);
    return 0;
}

/* Its result is an error although no call has failed. */
static int fail_always(void)
{
    return -EIO;
}
async_fn(fail_always);

ASYNC_TEST(no_failed_call)
{
    async_test_fail_system_calls(NULL, fail_always);
    return 0;
}

static int fail_at_once(void)
{
    return -EPIPE;
}
async_fn(fail_at_once);

ASYNC_TEST(forgotten_handle)
{
    async_task *task = async_create_task(fail_at_once);
    if (task == NULL)
        return -ENOMEM;
    return async_sleep(1);
}

ASYNC_TEST(lost_error)
{
    async_task_detach(async_create_task(fail_at_once));
    return async_sleep(1);
}

ASYNC_TEST(forgotten_stream)
{
    async_stream *reader, *writer;
    return async_test_pipe(&reader, &writer, NULL);
}

ASYNC_TEST(ends_the_process)
{
    ASYNC_TRY(async_sleep(1));
    exit(0);
    return -EIO;
}

ASYNC_TEST_MAIN
