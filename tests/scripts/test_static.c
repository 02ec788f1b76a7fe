/*
 * test_static.c: the tests of the static library: programs that are linked with it and with no
 * shared one, and the marks of its objects for the loader.
 */
#include "run/runner.h"

SCRIPT_TEST(static_programs_run, "tests/scripts/static.py", "c");
SCRIPT_TEST(static_programs_in_cxx_find_weak_symbols, "tests/scripts/static.py", "c++");
SCRIPT_TEST(static_library_finds_places_in_a_program_that_libc_has_a_name_for,
            "tests/scripts/static.py", "name");
SCRIPT_TEST(static_library_has_the_right_elf_marks, "tests/scripts/marks.py");
SCRIPT_TEST(report_names_the_program_whatever_file_the_library_is_in, "tests/scripts/places.py",
            "report");
SCRIPT_TEST(debug_mode_knows_live_frames_whatever_file_the_library_is_in, "tests/scripts/places.py",
            "lent");
