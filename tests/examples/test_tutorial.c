/*
 * test_tutorial.c: the programs of the tutorial print the same as their counterparts in Python, and
 * the documents show the code as it is.
 */
#include "run/runner.h"

SCRIPT_TEST(tutorial_in_virtual_time, "tests/scripts/tutorial.py", "virtual");
SCRIPT_TEST(tutorial_in_real_time, "tests/scripts/tutorial.py", "real");
SCRIPT_TEST(tutorial_reads_a_terminal_to_its_end, "tests/scripts/tutorial.py", "terminal");
SCRIPT_TEST(documents_show_the_real_code, "tools/include_code.py", "--check");
SCRIPT_TEST(documents_that_are_stale_are_found, "tools/include_code.py", "--self-test");
