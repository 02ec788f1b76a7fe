/*
 * test_jobs.c: programs on a terminal that a shell gives and takes.
 */
#include "run/runner.h"

SCRIPT_TEST(terminal_jobs_leave_the_terminal_as_it_was, "tests/scripts/terminals.py", "keys");
