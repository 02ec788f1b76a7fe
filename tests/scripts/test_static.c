/*
 * test_static.c: names the tests of the static library: of programs that are linked with it and
 * with no shared one, and of what its objects promise the loader.
 */
#include "run/runner.h"

SCRIPT_TEST(static_programs_run, "tests/scripts/static.py", "c");
SCRIPT_TEST(static_programs_in_cxx_find_weak_symbols, "tests/scripts/static.py", "c++");
SCRIPT_TEST(static_library_has_the_right_elf_marks, "tests/scripts/marks.py");
