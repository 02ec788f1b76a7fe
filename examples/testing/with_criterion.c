/*
 * with_criterion.c: tests of bank.c in the framework Criterion, which makes a process for each.
 *
 *     cc with_criterion.c bank.c $(pkg-config --cflags --libs asyncio-test criterion)
 */
#include "bank.h"

#include <asyncio/test.h>
#include <criterion/criterion.h>

static int transfer_in_a_second(void)
{
    struct account a = {.balance = 100}, b = {.balance = 0};
    ASYNC_TRY(bank_transfer(&a, &b, 30));
    ASYNC_CHECK(async_time() == 1 && a.balance == 70);
    return 0;
}
async_fn(transfer_in_a_second);

Test(bank, transfer)
{
    int result = async_test_run(NULL, transfer_in_a_second);
    cr_assert_eq(result, 0);
}

Test(bank, cancelled_transfer)
{
    int stops = async_test_cancel_everywhere(NULL, transfer_in_a_second);
    cr_assert_gt(stops, 1);
}
