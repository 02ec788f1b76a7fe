/*
 * fault_test.h: for programs in which each call is made to fail in turn (tests/scripts/faults.py):
 * counts of what was promised and kept, which must be equal whatever fails; and two runs: the
 * second one without failures must succeed.
 */
#ifndef TEST_FAULT_TEST_H
#define TEST_FAULT_TEST_H

#include "run/faults.h"
#include "run/runner.h"

#include <stdatomic.h>

enum { ACCOUNTS = 20 }; /* of anything that is counted, one by one */

/* How often each was promised (created, put, sent) and how often kept (ended, got, called). */
static atomic_int promised[ACCOUNTS], kept[ACCOUNTS];

/* Nothing can fail now. */
static bool nothing_fails;

/*
 * An answer that may be an error, unless nothing fails; but never one that only says "once more".
 */
static inline int answer(int result)
{
    if (nothing_fails && result < 0)
        test_fail(__FILE__, __LINE__, "%d (%s), and nothing fails", result, async_strerror(result));
    CHECK(result != -EINTR && result != -EAGAIN && result != -EBUSY);
    return result;
}

static inline void balance(void)
{
    for (int i = 0; i < ACCOUNTS; i++) {
        CHECK_EQ(kept[i], promised[i]);
        CHECK(!nothing_fails || promised[i] <= 1);
        promised[i] = kept[i] = 0;
    }
}

/* A callback: the call of that number was made. */
ASYNC_UNUSED static void keep_callback(void *number)
{
    kept[(intptr_t)number]++;
}

/* Runs the program twice: under whatever fails, and without. */
static inline void run_under_faults(void (*program)(void))
{
    program();
    balance();
    faults_end();
    nothing_fails = true;
    program();
    balance();
}

/* FAULTS_TEST(name) { … }: the body, a coroutine on a virtual clock, on each backend. */
#define FAULTS_TEST(name)                                                                          \
    static int coroutine_##name(void);                                                             \
    async_fn(coroutine_##name);                                                                    \
    static void program_##name(void)                                                               \
    {                                                                                              \
        answer(async_run_with(test_options(), coroutine_##name));                                  \
    }                                                                                              \
    TEST_EACH_BACKEND(faults_##name)                                                               \
    {                                                                                              \
        run_under_faults(program_##name);                                                          \
    }                                                                                              \
    static int coroutine_##name(void)

#endif
