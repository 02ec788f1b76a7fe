/*
 * test_spinner.c: adaptive spinning: when a thread spins before it blocks, and how it adapts.
 */
#include "run/runner.h"
#include "sys/spin.h"
#include "sys/thread.h"

#include <sched.h>

/* No CPU has that number. */
static const last_cpu another_cpu = UINT32_MAX;

/* Counts the waits that do not spin until one does. */
static int count_skipped(struct spinner *spinner)
{
    int count = 0;
    while (!spin_is_worthwhile(spinner, &another_cpu))
        count++;
    return count;
}

TEST(spinner_only_for_a_thread_on_another_cpu)
{
    struct spinner spinner = {0};
    last_cpu cpu = 0;
    cpu_set_t one;
    CHECK(!spin_is_worthwhile(&spinner, &cpu)); /* the other thread was not seen yet */
    CHECK(spin_is_worthwhile(&spinner, &another_cpu));
    CPU_ZERO(&one);
    CPU_SET(asyncp_sys_cpu(), &one);
    if (sched_setaffinity(0, sizeof one, &one) < 0)
        test_skip("this thread cannot be pinned to a CPU");
    last_cpu_store(&cpu);
    CHECK(!spin_is_worthwhile(&spinner, &cpu));
}

TEST(spinner_skips_twice_as_many_waits_after_each_failure)
{
    struct spinner spinner = {0};
    const _Atomic uint32_t never = 0;
    for (int expected = 0; expected <= MAX_SPINS_SKIPPED; expected = expected * 2 + 1) {
        CHECK_EQ(count_skipped(&spinner), expected);
        asyncp_spin(&spinner, &never, UINT32_MAX);
    }
    CHECK_EQ(count_skipped(&spinner), MAX_SPINS_SKIPPED);
}

TEST(spinner_skips_nothing_after_a_success)
{
    struct spinner spinner = {0};
    const _Atomic uint32_t bits = 4;
    asyncp_spin(&spinner, &bits, 3);
    CHECK_EQ(count_skipped(&spinner), 1);
    asyncp_spin(&spinner, &bits, 4);
    CHECK_EQ(count_skipped(&spinner), 0);
}
