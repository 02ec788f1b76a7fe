/*
 * test_overflow_libc.c: an overflow in a function of libc, which is compiled without a probe of
 * each page: its frame may end below the guard, where nothing or another stack is.
 */
#include "run/coroutines.h"
#include "run/runner.h"
#include "sys/tools.h"
#include <stdio.h>
#include <string.h>

#if defined(__GLIBC__)
enum { SMALLEST = 4096, MANY_DIGITS = 3000 };

/* glibc takes room for the digits on the stack, more than a small one and its guard have. */
static int print_many_digits(double number)
{
    char text[2 * MANY_DIGITS];
    snprintf(text, sizeof text, "%.*f", MANY_DIGITS, number);
    return text[0] == '1';
}
async_fn(print_many_digits, double);

static int print_on_a_small_stack(void)
{
    async_task_options options = {.stack_size = SMALLEST};
    return async_await(async_create_task_with(&options, print_many_digits, 1e300));
}
async_fn(print_on_a_small_stack);

DEATH_TEST(overflow_inside_of_libc_beyond_the_guard_is_reported_with_a_line_of_the_program,
           "task #2 'print_many_digits' |overflowed its stack of |print_many_digits |"
           "test_overflow_libc.c:")
{
    async_ignore(async_run_with(test_options(), print_on_a_small_stack));
}

static int sleep_on_a_small_stack(void)
{
    return async_sleep(1);
}
async_fn(sleep_on_a_small_stack);

/* Small stacks lie below and above. */
static int print_among_small_stacks(void)
{
    async_task_options options = {.stack_size = 16 * 1024};
    ASYNC_TASK_GROUP(group);
    for (int i = 0; i < 5; i++)
        async_group_create_task_with(&group, &options, sleep_on_a_small_stack);
    async_group_create_task_with(&group, &options, print_many_digits, 1e300);
    return async_group_wait(&group);
}
async_fn(print_among_small_stacks);

DEATH_TEST(overflow_inside_of_libc_beside_a_neighbour_is_reported_with_a_line_of_the_program,
           "task #7 'print_many_digits' |overflowed its stack of |print_many_digits |"
           "test_overflow_libc.c:")
{
    async_ignore(async_run_with(test_options(), print_among_small_stacks));
}
#endif

/* ---- faults in a call of the library -------------------------------------------------------- */

static int release_garbage(void)
{
    static async_lock lock;
    memset(&lock, 0x5b, sizeof lock);
    async_lock_release(&lock);
    return 0;
}
async_fn(release_garbage);

DEATH_TEST(
    fault_of_an_object_that_is_not_initialised_names_the_task_and_the_call,
    "task #1 'release_garbage' |that is not valid; initialise each object|async_lock_release")
{
    if (ASYNC_ASAN || ASYNC_TSAN || tools_under_valgrind())
        test_skip("the sanitizer, or valgrind, handles faults");
    async_ignore(async_run_with(test_options(), release_garbage));
}
