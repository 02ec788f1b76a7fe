/*
 * test_misuse.c: names the tests of wrong programs, which lie in tests/misuse: that compilers
 * refuse them in words that help, and that docs/tutorial/mistakes.md quotes what is really said.
 */
#include "run/runner.h"

SCRIPT_TEST(misuse_is_refused_by_compilers_with_a_helpful_message, "tests/scripts/misuse.py");
SCRIPT_TEST(misuse_page_quotes_the_actual_messages, "tests/scripts/misuse.py", "--current");
