/*
 * test_man.c: every public name has a man page whose example works, and the pages are well formed.
 */
#include "run/runner.h"

SCRIPT_TEST(man_every_name_has_its_page, "tests/man.py", "pages");
SCRIPT_TEST(man_gaps_are_found, "tests/man.py", "self-test");
SCRIPT_TEST(man_roff_is_clean, "tests/man.py", "roff");
SCRIPT_TEST(man_programs_print_what_they_say, "tests/man.py", "programs");
SCRIPT_TEST(man_programs_of_redis_print_what_they_say, "tests/man.py", "redis-programs");
