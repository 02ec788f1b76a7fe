/*
 * test_week_one.c: that the programs of the first week do what their twins in Python do, and how
 * long they are.
 */
#include "runner.h"

SCRIPT_TEST(week_one_in_virtual_time, "tests/week_one.py", "clock");
SCRIPT_TEST(week_one_cache, "tests/week_one.py", "cache");
SCRIPT_TEST(week_one_fetcher, "tests/week_one.py", "fetcher");
SCRIPT_TEST(week_one_lines_are_counted, "tools/week_one.py", "--check");
