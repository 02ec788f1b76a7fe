/* test_gdb_commands.c: the commands of gdb for tasks, on live programs and on cores. */
#include "run/runner.h"

#define GDB_TEST(name, words) SCRIPT_TEST(name, "tests/scripts/gdb_commands.py", words)

GDB_TEST(gdb_lists_tasks_in_every_state, "table");
GDB_TEST(gdb_shows_the_frames_of_a_task_and_works_in_them, "frames");
GDB_TEST(gdb_selects_the_thread_and_the_frame_as_before, "selection");
GDB_TEST(gdb_command_for_a_task_may_resume_the_program, "resuming");
GDB_TEST(gdb_groups_tasks_with_equal_calls, "groups");
GDB_TEST(gdb_says_why_there_is_no_such_task, "refusals");
GDB_TEST(gdb_tells_tasks_of_two_loops_apart, "loops");
GDB_TEST(gdb_finds_tasks_in_static_and_stripped_programs, "shapes");
GDB_TEST(gdb_finds_tasks_in_a_core_of_the_kernel, "cores");
GDB_TEST(gdb_says_that_a_core_of_gcore_has_no_stacks, "gcore");
GDB_TEST(gdb_shows_no_traceback_of_python_for_damaged_memory, "damage");
GDB_TEST(gdb_copies_no_stack_that_seems_to_be_very_large, "deep");
GDB_TEST(gdb_reads_no_task_of_chunks_that_overlap_twice, "overlaps");
GDB_TEST(gdb_lists_ten_thousand_tasks_in_seconds, "many");
GDB_TEST(gdb_loads_the_installed_commands_with_the_library, "installed");
GDB_TEST(gdb_shows_the_frames_of_a_task_on_other_processors, "emulated");
SCRIPT_TEST(gdb_names_the_program_whatever_file_the_library_is_in, "tests/scripts/places.py",
            "gdb");
