/* deadlocks.h: runs that end in a deadlock, and checks of what is reported of them. */
#ifndef TEST_DEADLOCKS_H
#define TEST_DEADLOCKS_H

#include "run/capture.h"
#include "run/coroutines.h"
#include "sys/tools.h"

#include <string.h>

ASYNC_UNUSED static async_run_options options_with(async_deadlock_action action)
{
    async_run_options options = *test_options();
    options.on_deadlock = action;
    return options;
}

/* A deadlock is certain only in a process without threads but those of the library. */
ASYNC_UNUSED static void skip_where_a_tool_has_threads(void)
{
    if (ASYNC_TSAN)
        test_skip("ThreadSanitizer has a thread of its own");
    if (test_is_emulated())
        test_skip("the emulator has threads of its own");
}

ASYNC_UNUSED static int call(int (*coroutine)(void))
{
    return coroutine();
}
async_fn(call, int (*)(void));

/* Runs a coroutine that ends in a deadlock, which cancels it. What was reported. */
ASYNC_UNUSED static const char *run_into_deadlock(int (*coroutine)(void))
{
    async_run_options options = options_with(ASYNC_DEADLOCK_CANCEL);
    capture_begin();
    int result = async_run_with(&options, call, coroutine);
    const char *said = capture_end();
    if (result != -EDEADLK)
        test_fail(__FILE__, __LINE__, "the result is %d, and this was said:\n%s", result, said);
    return said;
}

ASYNC_UNUSED static void check_says(const char *said, const char *words)
{
    if (strstr(said, words) == NULL)
        test_fail(__FILE__, __LINE__, "\"%s\" is missing from:\n%s", words, said);
}

#endif
