/*
 * test_scripts.c: the tests that are Python programs. It only names them; they take their settings
 * from the environment.
 */
#include "run/runner.h"

SCRIPT_TEST(tidy, "tests/tidy.py");
SCRIPT_TEST(links_go_down_and_rooms_are_closed, "tests/links.py");
SCRIPT_TEST(tidy_finds_each_kind_of_mistake, "tests/tidy.py", "--self-test");
SCRIPT_TEST(first_hour_finds_the_commands_of_the_readme, "tests/scripts/first_hour.py",
            "--self-test");
SCRIPT_TEST(reference_matches_the_headers, "tools/reference.py", "--check");
SCRIPT_TEST(map_leaves_no_name_out, "tests/asyncio_map.py");
SCRIPT_TEST(map_that_is_wrong_is_found, "tests/asyncio_map.py", "--self-test");
SCRIPT_TEST(bench_self_test, "bench/run.py", "--self-test");
SCRIPT_TEST(conformance_with_cpython, "tests/conformance/compare.py", "--quiet", "300", "suite");
SCRIPT_TEST(conformance_of_queues_in_redis, "tests/conformance/compare.py", "--queues", "redis",
            "--quiet", "40", "suite");
SCRIPT_TEST(conformance_mutations_fit_the_source, "tests/conformance/mutations.py", "--fits");
SCRIPT_TEST(processes_keep_what_cpythons_tests_check, "tests/scripts/cpython_process_tests.py");
SCRIPT_TEST(processes_table_that_is_wrong_is_found, "tests/scripts/cpython_process_tests.py",
            "--self-test");
