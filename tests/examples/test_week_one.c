/*
 * test_week_one.c: the programs of the first week print the same as their counterparts in Python,
 * and their lengths are those in the document.
 */
#include "run/runner.h"

SCRIPT_TEST(week_one_in_virtual_time, "tests/scripts/week_one.py", "clock");
SCRIPT_TEST(week_one_cache, "tests/scripts/week_one.py", "cache");
SCRIPT_TEST(week_one_fetcher, "tests/scripts/week_one.py", "fetcher");
SCRIPT_TEST(week_one_lines_are_counted, "tools/week_one.py", "--check");
