/*
 * test_adaptive_spin.c: adaptive spinning: when a thread spins before it sleeps, and how it adapts
 * to its last results.
 */
#include "run/runner.h"
#include "sys/patience.h"

#include <sched.h>

/* No processor has that number. */
static const seen_at elsewhere = UINT32_MAX;

/* How many waits in a row do without. */
static int skipped(struct patience *patience)
{
    int count = 0;
    while (!patience_try(patience, &elsewhere))
        count++;
    return count;
}

TEST(adaptive_spin_spins_only_for_a_thread_on_another_processor)
{
    struct patience patience = {0};
    seen_at place = 0;
    cpu_set_t one;
    CHECK(!patience_try(&patience, &place)); /* no thread was seen yet */
    CHECK(patience_try(&patience, &elsewhere));
    CPU_ZERO(&one);
    CPU_SET(asyncp_sys_processor(), &one);
    if (sched_setaffinity(0, sizeof one, &one) < 0)
        test_skip("this thread cannot be kept on a processor");
    seen_here(&place);
    CHECK(!patience_try(&patience, &place));
}

TEST(adaptive_spin_skips_more_waits_after_each_failure)
{
    struct patience patience = {0};
    const _Atomic uint32_t never = 0;
    for (int expected = 0; expected <= MOST_SKIPPED; expected = expected * 2 + 1) {
        CHECK_EQ(skipped(&patience), expected);
        asyncp_patience_look(&patience, &never, UINT32_MAX);
    }
    CHECK_EQ(skipped(&patience), MOST_SKIPPED);
}

TEST(adaptive_spin_recovers_after_one_success)
{
    struct patience patience = {0};
    const _Atomic uint32_t bits = 4;
    asyncp_patience_look(&patience, &bits, 3);
    CHECK_EQ(skipped(&patience), 1);
    asyncp_patience_look(&patience, &bits, 4);
    CHECK_EQ(skipped(&patience), 0);
}
