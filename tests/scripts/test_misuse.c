/*
 * test_misuse.c: the tests of wrong programs, which are in tests/misuse: compilers refuse them with
 * helpful messages, and docs/tutorial/mistakes.md quotes the actual messages.
 */
#include "run/runner.h"

SCRIPT_TEST(misuse_is_refused_by_compilers_with_a_helpful_message, "tests/scripts/misuse.py");
SCRIPT_TEST(misuse_page_quotes_the_actual_messages, "tests/scripts/misuse.py", "--current");
SCRIPT_TEST(misuse_reports_name_the_line_of_each_mistake, "tests/scripts/broken.py");
