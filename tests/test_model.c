/*
 * test_model.c: the model of a loop and those who send to it from other threads: all orders of
 * their steps, with the library's own source. tests/model/check.py says more.
 */
#include "runner.h"

SCRIPT_TEST(model_of_inbox_and_wake_up_in_every_order, "tests/model/check.py", "--scenarios",
            "-dozes");
SCRIPT_TEST(model_of_a_loop_that_dozes_in_every_order, "tests/model/check.py", "--scenarios",
            "dozes");
SCRIPT_TEST(model_finds_what_is_planted_in_the_inbox, "tests/model/check.py", "--planted",
            "src/sched/mailbox.c");
SCRIPT_TEST(model_finds_what_is_planted_in_the_loop, "tests/model/check.py", "--planted",
            "src/loop/iterate.c", "src/top/host.c");
SCRIPT_TEST(model_lets_pass_what_is_right, "tests/model/check.py", "--right");
