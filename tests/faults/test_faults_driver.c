/*
 * test_faults_driver.c: tests of tests/scripts/faults.py: it distinguishes cases that end badly in
 * different ways when memory fails; and a sample of all faults in the programs written for them
 * runs as part of the ordinary suite.
 */
#include "run/runner.h"
#include "run/queues.h"

#include <stdlib.h>
#include <unistd.h>

static bool memory_fails(void)
{
    async_queue *queue = new_queue(1, sizeof(int));
    async_queue_free(queue);
    return queue == NULL;
}

TEST(selftest_fault_is_reported)
{
    CHECK(!memory_fails());
}

TEST(selftest_fault_kills)
{
    if (memory_fails())
        abort();
}

TEST(selftest_fault_stops_everything)
{
    while (memory_fails())
        pause();
}

TEST(selftest_fault_leaves_a_descriptor)
{
    if (memory_fails())
        CHECK(dup(STDIN_FILENO) > 0);
}

TEST(selftest_fault_does_no_harm)
{
    async_ignore(memory_fails());
}

TEST(selftest_faults_lose_an_item)
{
    CHECK(!memory_fails());
}

/* A library without checks has no seam to make the kernel fail at. */
#if ASYNC_CHECKS
SCRIPT_TEST(failures_are_told_apart_by_the_harm_they_do, "tests/scripts/faults.py", "--self-test");
SCRIPT_TEST(failures_drawn_at_random_do_no_harm, "tests/scripts/faults.py", "--sample", "100",
            "faults_");
#endif
