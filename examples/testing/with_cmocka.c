/*
 * with_cmocka.c: tests of bank.c in the framework cmocka, all in one process.
 *
 *     cc with_cmocka.c bank.c $(pkg-config --cflags --libs asyncio-test cmocka)
 */
#include "bank.h"

#include <asyncio/test.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* A failed check does not end the process here, so the test returns. */
static int move(struct account *from, struct account *to, int amount)
{
    if (!ASYNC_CHECK_EQ(bank_transfer(from, to, amount), 0))
        return -EIO;
    ASYNC_CHECK(async_time() == 1);
    return 0;
}
async_fn(move, struct account *, struct account *, int);

static void transfer(void **state)
{
    struct account a = {.balance = 100}, b = {.balance = 0};
    (void)state;
    assert_int_equal(async_test_run(NULL, move, &a, &b, 30), 0);
    assert_int_equal(a.balance, 70);
    assert_int_equal(b.balance, 30);
}

static void transfer_with_a_seed(void **state)
{
    struct account a = {.balance = 100}, b = {.balance = 0};
    async_test_options options = {.seed = 5};
    (void)state;
    assert_int_equal(async_test_run(&options, move, &a, &b, 30), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transfer),
        cmocka_unit_test(transfer_with_a_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
