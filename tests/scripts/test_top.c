/* test_top.c: `asyncio top` on running programs, and the metrics of a program as text. */
#include "run/runner.h"

SCRIPT_TEST(top_tells_shares_within_its_errors, "tests/scripts/top.py", "shares");
SCRIPT_TEST(top_tells_loops_apart, "tests/scripts/top.py", "loops");
SCRIPT_TEST(top_prints_json_that_adds_up, "tests/scripts/top.py", "json");
SCRIPT_TEST(top_ends_with_the_program, "tests/scripts/top.py", "ends");
SCRIPT_TEST(top_leaves_the_terminal_as_it_was, "tests/scripts/top.py", "screen");
SCRIPT_TEST(top_takes_a_terminal_without_a_size_for_a_usual_one, "tests/scripts/top.py", "unsized");
SCRIPT_TEST(top_ends_though_a_look_takes_longer_than_its_interval, "tests/scripts/top.py", "slow");
SCRIPT_TEST(top_says_why_it_cannot_watch, "tests/scripts/top.py", "refusals");
SCRIPT_TEST(metrics_text_is_that_of_prometheus, "tests/scripts/top.py", "text");
