/*
 * test_testing.c: libasyncio-test by its programs: examples/testing and tests/testing/programs. The
 * scripts compare their TAP.
 */
#include "run/runner.h"

SCRIPT_TEST(testing_keeps_its_rules, "tests/scripts/testing.py", "rules");
SCRIPT_TEST(testing_finds_mistakes, "tests/scripts/testing.py", "mistakes");
SCRIPT_TEST(testing_says_why_a_test_does_not_end, "tests/scripts/testing.py", "limits");
SCRIPT_TEST(testing_reports_what_is_hard_to_see, "tests/scripts/testing.py", "reports");
SCRIPT_TEST(testing_passes_with_seeds, "tests/scripts/testing.py", "seeds");
SCRIPT_TEST(testing_replays_a_race, "tests/scripts/testing.py", "race");
SCRIPT_TEST(testing_replays_a_race_of_priorities, "tests/scripts/testing.py", "priorities");
SCRIPT_TEST(testing_replays_a_run_of_a_sweep, "tests/scripts/testing.py", "replay");
SCRIPT_TEST(testing_takes_arguments, "tests/scripts/testing.py", "arguments");
SCRIPT_TEST(testing_skip_in_async_test_run_has_status_77, "tests/scripts/testing.py", "skip");
SCRIPT_TEST(testing_runs_tests_in_the_order_of_the_source, "tests/scripts/testing.py", "order");
SCRIPT_TEST(testing_tutorial_shows_what_is_printed, "tests/scripts/testing.py", "document");
SCRIPT_TEST(testing_works_in_check, "tests/scripts/testing.py", "check");
SCRIPT_TEST(testing_works_in_cmocka, "tests/scripts/testing.py", "cmocka");
SCRIPT_TEST(testing_works_in_criterion, "tests/scripts/testing.py", "criterion");
