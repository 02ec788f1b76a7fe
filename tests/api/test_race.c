/*
 * test_race.c: async_staggered_race: when attempts begin, which one wins, and how the others end.
 * Cancelled at each moment: switching_group.c.
 */
#include "run/coroutines.h"
#include "run/trace.h"

#include <limits.h>

/* How long each attempt takes, and its result. */
struct plan {
    double seconds; /* that it sleeps */
    int result;     /* then */
};

static int follow(size_t index, void *context)
{
    const struct plan *plan = (const struct plan *)context + index;
    note("%zu@%g", index, async_time());
    int slept = async_sleep(plan->seconds);
    if (slept < 0)
        note("%zu-refused", index);
    return slept < 0          ? slept
           : plan->result < 0 ? async_fail(plan->result, "attempt %zu", index)
                              : plan->result;
}

LOOP_TEST(race_of_one_that_succeeds_begins_no_other)
{
    struct plan plans[] = {{0.5, 7}, {0, 8}};
    CHECK_EQ(async_staggered_race(follow, plans, 2, 1), 0);
    CHECK_TRACE("0@0");
    CHECK(async_time() == 0.5);
    return 0;
}

LOOP_TEST(race_begins_one_after_the_other_and_cancels_those_that_lose)
{
    struct plan plans[] = {{9, 0}, {1.5, 0}, {9, 0}, {9, 0}};
    CHECK_EQ(async_staggered_race(follow, plans, 4, 1), 1);
    CHECK_TRACE("0@0 1@1 2@2 0-refused 2-refused");
    CHECK(async_time() == 2.5);
    return 0;
}

LOOP_TEST(race_begins_the_next_as_soon_as_the_last_has_failed)
{
    struct plan plans[] = {{9, 0}, {0.5, -EIO}, {1, 0}};
    CHECK_EQ(async_staggered_race(follow, plans, 3, 2), 2);
    CHECK_TRACE("0@0 1@2 2@2.5 0-refused");
    CHECK(async_time() == 3.5);
    return 0;
}

LOOP_TEST(race_does_not_start_early_when_an_earlier_attempt_failed)
{
    struct plan plans[] = {{2.5, -EIO}, {9, 0}, {1, 0}};
    CHECK_EQ(async_staggered_race(follow, plans, 3, 2), 2);
    CHECK_TRACE("0@0 1@2 2@4 1-refused");
    return 0;
}

LOOP_TEST(race_in_which_all_fail_gives_the_error_of_the_first)
{
    struct plan plans[] = {{5, -ECONNREFUSED}, {1, -EIO}, {1, -EPROTO}};
    CHECK_EQ(async_staggered_race(follow, plans, 3, 1), -ECONNREFUSED);
    CHECK_STR(async_strerror(-ECONNREFUSED), "-ECONNREFUSED: attempt 0");
    CHECK_TRACE("0@0 1@1 2@2");
    CHECK(async_time() == 5);
    return 0;
}

LOOP_TEST(race_with_an_infinite_delay_waits_for_each_failure)
{
    struct plan plans[] = {{5, -EIO}, {5, -EIO}, {1, 3}};
    CHECK_EQ(async_staggered_race(follow, plans, 3, ASYNC_FOREVER), 2);
    CHECK_TRACE("0@0 1@5 2@10");
    return 0;
}

LOOP_TEST(race_with_no_delay_begins_all)
{
    struct plan plans[] = {{5, 0}, {3, 0}, {4, 0}};
    CHECK_EQ(async_staggered_race(follow, plans, 3, 0), 1);
    CHECK_TRACE("0@0 1@0 2@0 0-refused 2-refused");
    CHECK(async_time() == 3);
    return 0;
}

LOOP_TEST(race_that_is_cancelled_cancels_the_attempts_and_waits_for_them)
{
    struct plan plans[] = {{5, 0}, {5, 0}};
    CHECK_EQ(async_timeout(1.5, async_staggered_race(follow, plans, 2, 1)), -ETIMEDOUT);
    CHECK_TRACE("0@0 1@1 0-refused 1-refused");
    return async_sleep(100);
}

static int succeed_when_cancelled(size_t index, void *context)
{
    (void)context;
    CHECK_EQ(async_sleep(9), -ECANCELED);
    return (int)index;
}

LOOP_TEST(race_that_is_won_despite_cancel_is_won)
{
    CHECK_EQ(async_timeout(1.5, async_staggered_race(succeed_when_cancelled, NULL, 2, 1)), 0);
    return async_sleep(100);
}

LOOP_TEST(race_of_no_attempts_or_with_nan_is_an_error)
{
    struct plan plan = {0, 0};
    CHECK_EQ(async_staggered_race(NULL, &plan, 1, 1), -EINVAL);
    CHECK_EQ(async_staggered_race(follow, &plan, 0, 1), -EINVAL);
    CHECK_EQ(async_staggered_race(follow, &plan, (size_t)INT_MAX + 1, 1), -EINVAL);
    CHECK_EQ(async_staggered_race(follow, &plan, 1, NAN), -EINVAL);
    CHECK_TRACE("");
    return 0;
}

LOOP_TEST(race_without_memory_is_an_error)
{
    struct plan plans[] = {{1, 0}, {1, 0}};
    for (long allowed = 0; allowed < 2; allowed++) {
        test_allow_allocations(allowed);
        CHECK_EQ(async_staggered_race(follow, plans, 2, 1), -ENOMEM);
        test_allow_allocations(-1);
    }
    CHECK_EQ(async_staggered_race(follow, plans, 2, 1), 0);
    return 0;
}
