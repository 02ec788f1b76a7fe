/*
 * case.h: the interface between the two halves of the runner: runner.c plans and starts cases and
 * examines their ends, case.c runs in the process of one case. Tests do not need it.
 */
#ifndef TEST_CASE_H
#define TEST_CASE_H

#include "run/runner.h"

/* The statuses by which a case ends that mean more than 0 does and not 0. */
enum {
    STATUS_LEAKS = 3,        /* it holds, and has left something behind */
    STATUS_SKIPPED = 77,     /* as automake and meson have it */
    STATUS_TIME_LIMIT = 124, /* as timeout(1) has it */
};

/*
 * Turns the process, a fresh child of the runner, into a case of that test. It writes to the
 * descriptor output, ends itself after time_limit seconds, and with status 0 only if the test holds
 * and has left nothing behind.
 */
_Noreturn void case_run(const struct test *test, const char *backend, int output,
                        unsigned time_limit);

#endif
