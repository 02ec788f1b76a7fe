/*
 * test_million.c: examples/million.c with a thousand tasks, and its message when memory is short.
 */
#include "run/runner.h"
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int status_of(const char *command)
{
    if (access(TEST_BUILD_DIR "/million", X_OK) != 0)
        test_skip("the example is not here");
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(million_example_runs_with_a_thousand_tasks)
{
    CHECK_EQ(status_of(TEST_WRAPPER " '" TEST_BUILD_DIR "/million' 1000 | grep -q '^ended'"), 0);
}

TEST(million_example_says_that_memory_is_short_before_it_begins)
{
    CHECK_EQ(
        status_of(TEST_WRAPPER
                  " '" TEST_BUILD_DIR
                  "/million' 2000000000 2>&1 | grep -q '^2000000000 tasks need .* available here'"),
        0);
}
