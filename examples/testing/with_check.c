/*
 * with_check.c: tests of bank.c in the framework Check, which makes a process for each test.
 *
 *     cc with_check.c bank.c $(pkg-config --cflags --libs asyncio-test check)
 */
#include "bank.h"

#include <asyncio/test.h>
#include <check.h>
#include <stdlib.h>

static int transfer_in_a_second(void)
{
    struct account a = {.balance = 100}, b = {.balance = 0};
    ASYNC_TRY(bank_transfer(&a, &b, 30));
    ASYNC_CHECK(async_time() == 1 && a.balance == 70);
    return 0;
}
async_fn(transfer_in_a_second);

START_TEST(transfer)
{
    int result = async_test_run(NULL, transfer_in_a_second);
    ck_assert_int_eq(result, 0);
}
END_TEST

START_TEST(cancelled_transfer)
{
    int stops = async_test_cancel_everywhere(NULL, transfer_in_a_second);
    ck_assert_int_gt(stops, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bank");
    TCase *cases = tcase_create("transfers");
    tcase_add_test(cases, transfer);
    tcase_add_test(cases, cancelled_transfer);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
