/*
 * bank_test.c: tests of bank.c. All pass, in every order of tasks: build/bank_test --seeds 1000.
 */
#include "bank.h"

#include <asyncio/test.h>
#include <string.h>

async_fn(bank_transfer, struct account *, struct account *, int);
async_fn(bank_serve, async_stream *, struct account *);

/* A second of the virtual clock passes at once. */
ASYNC_TEST(a_transfer_takes_a_second)
{
    struct account a = {.balance = 100}, b = {.balance = 0};
    ASYNC_CHECK_EQ(bank_transfer(&a, &b, 30), 0);
    ASYNC_CHECK_EQ(a.balance, 70);
    ASYNC_CHECK_EQ(b.balance, 30);
    ASYNC_CHECK(async_time() == 1);
    return 0;
}

ASYNC_TEST(transfers_in_both_directions)
{
    struct account a = {.balance = 100}, b = {.balance = 100};
    async_task *there = async_create_task(bank_transfer, &a, &b, 10);
    async_task *back = async_create_task(bank_transfer, &b, &a, 5);
    ASYNC_CHECK_EQ(async_gather(there, back), 0);
    ASYNC_CHECK_EQ(a.balance, 95);
    ASYNC_CHECK_EQ(b.balance, 105);
    return 0;
}

/* The clock stands: the test says when the second is over. */
ASYNC_TEST_WITH(nothing_has_moved_before_the_second_is_over, .clock = ASYNC_TEST_STANDS)
{
    struct account a = {.balance = 100}, b = {.balance = 0};
    async_task *transfer = async_create_task(bank_transfer, &a, &b, 30);
    ASYNC_CHECK_EQ(async_test_settle(), 0);
    ASYNC_CHECK(async_lock_locked(&a.lock));
    ASYNC_CHECK_EQ(async_test_advance(0.5), 0);
    ASYNC_CHECK_EQ(b.balance, 0);
    ASYNC_CHECK(async_test_next() == 1);
    ASYNC_CHECK(async_task_done(transfer));
    ASYNC_CHECK_EQ(b.balance, 30);
    return async_await(transfer);
}

/* Cancelled at each of its stops, a transfer gives both locks back and moves all or nothing. */
static int transfer_and_check(void)
{
    struct account a = {.balance = 100}, b = {.balance = 0};
    int result = bank_transfer(&a, &b, 30);
    ASYNC_CHECK(a.balance + b.balance == 100 && (result == 0) == (b.balance == 30));
    ASYNC_CHECK(!async_lock_locked(&a.lock) && !async_lock_locked(&b.lock));
    return result;
}
async_fn(transfer_and_check);

ASYNC_TEST(a_cancelled_transfer_moves_nothing)
{
    ASYNC_CHECK(async_test_cancel_everywhere(NULL, transfer_and_check) > 1);
    return 0;
}

static int ask(async_stream *server, char *answer, int size)
{
    ASYNC_TRY(async_stream_write(server, "balance\n", strlen("balance\n")));
    ASYNC_TRY(async_stream_readline(server, answer, (size_t)size));
    return 0;
}

/* Without a socket; each read gets from 1 to 3 bytes, half a second after they were written. */
ASYNC_TEST(the_server_answers_a_slow_client)
{
    struct account account = {.balance = 42};
    async_test_pipe_options slow = {.a_to_b = {.max_chunk = 3, .delay = 0.5}, .seed = 7};
    async_auto_stream *client = NULL, *server = NULL;
    char answer[16];
    ASYNC_TRY(async_test_pipe(&client, &server, &slow));
    async_task *serving = async_create_task(bank_serve, server, &account);
    ASYNC_CHECK_EQ(ask(client, answer, sizeof answer), 0);
    ASYNC_CHECK_STR(answer, "42\n");
    ASYNC_CHECK(async_time() == 0.5);
    ASYNC_CHECK_EQ(async_stream_write_eof(client), 0);
    return async_await(serving);
}

/* The connection is reset in the middle of a line. */
ASYNC_TEST(the_server_survives_a_reset)
{
    struct account account = {.balance = 42};
    async_test_pipe_options broken = {.a_to_b = {.reset_after = 3}};
    async_auto_stream *client = NULL, *server = NULL;
    char answer[16];
    ASYNC_TRY(async_test_pipe(&client, &server, &broken));
    async_task *serving = async_create_task(bank_serve, server, &account);
    ASYNC_CHECK(ask(client, answer, sizeof answer) < 0);
    ASYNC_CHECK_EQ(async_await(serving), -ECONNRESET);
    return 0;
}

ASYNC_TEST_MAIN
