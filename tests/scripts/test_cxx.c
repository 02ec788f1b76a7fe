/*
 * test_cxx.c: names the tests that are C++ programs. They lie in tests/cxx, and
 * tests/scripts/cxx.py builds and runs them.
 */
#include "run/runner.h"

SCRIPT_TEST(cxx_programs_use_the_library, "tests/scripts/cxx.py", "everyday");
SCRIPT_TEST(cxx_tasks_may_wait_inside_a_catch, "tests/scripts/cxx.py", "catch");
SCRIPT_TEST(cxx_exceptions_belong_to_each_task, "tests/scripts/cxx.py", "exceptions");
SCRIPT_TEST(cxx_exception_that_leaves_a_coroutine_ends_the_program, "tests/scripts/cxx.py",
            "--dies", "uncaught");
SCRIPT_TEST(cxx_programs_are_tested, "tests/scripts/cxx.py", "--passes", "testing");
SCRIPT_TEST(cxx_arguments_with_constructors_are_refused, "tests/scripts/cxx.py", "--refuses",
            "string");
