/*
 * test_model.c: the model of a loop and the threads that send to it: all orders of their steps,
 * with the library's own source. See tests/model/check.py.
 */
#include "run/runner.h"

SCRIPT_TEST(model_of_inbox_and_wake_up_in_every_order, "tests/model/check.py", "--scenarios",
            "-futex");
SCRIPT_TEST(model_of_a_loop_in_a_futex_wait_in_every_order, "tests/model/check.py", "--scenarios",
            "futex");
SCRIPT_TEST(model_finds_mutations_of_the_inbox, "tests/model/check.py", "--mutations",
            "src/sched/mailbox.c");
SCRIPT_TEST(model_finds_mutations_of_the_loop, "tests/model/check.py", "--mutations",
            "src/loop/iterate.c", "src/top/host.c");
SCRIPT_TEST(model_finds_mutations_of_the_signal_handler, "tests/model/check.py", "--mutations",
            "src/sched/catch.c");
SCRIPT_TEST(model_accepts_correct_changes, "tests/model/check.py", "--right");
