/* test_trace.c: timelines of whole programs, and the command that shows them. */
#include "run/runner.h"

SCRIPT_TEST(trace_has_each_form, "tests/scripts/trace.py", "forms");
SCRIPT_TEST(trace_reads_processes_and_cores, "tests/scripts/trace.py", "process");
SCRIPT_TEST(trace_of_a_deadlock_is_written, "tests/scripts/trace.py", "deadlock");
SCRIPT_TEST(trace_of_a_stall_is_written, "tests/scripts/trace.py", "stall");
SCRIPT_TEST(trace_of_a_loop_that_is_held_is_written_once, "tests/scripts/trace.py", "held");
SCRIPT_TEST(trace_of_all_loops_is_written_at_sigquit, "tests/scripts/trace.py", "quit");
SCRIPT_TEST(trace_is_written_before_an_abort, "tests/scripts/trace.py", "abort");
SCRIPT_TEST(trace_is_read_from_the_core_of_a_crash, "tests/scripts/trace.py", "crash");
SCRIPT_TEST(trace_probes_are_found_by_gdb, "tests/scripts/trace.py", "probes");
SCRIPT_TEST(trace_is_written_at_exit, "tests/scripts/trace.py", "exit");
SCRIPT_TEST(trace_page_shows_a_hold_that_lasts_at_the_end, "tests/scripts/trace.py", "lanes");
SCRIPT_TEST(trace_of_a_damaged_file_ends_in_a_sentence, "tests/scripts/trace.py", "hostile");
SCRIPT_TEST(trace_page_shows_what_is_behind_a_damaged_timeline, "tests/scripts/trace_files.py",
            "page");
SCRIPT_TEST(trace_is_not_written_by_a_setuid_program, "tests/scripts/trace_files.py", "setuid");
SCRIPT_TEST(trace_of_perfetto_tells_records_of_a_loop_apart, "tests/scripts/trace_files.py",
            "records");
SCRIPT_TEST(trace_picture_is_xml_whatever_the_names_are, "tests/scripts/trace_files.py", "names");
SCRIPT_TEST(trace_names_are_cut_between_characters, "tests/scripts/trace_files.py", "cut");
SCRIPT_TEST(trace_picture_counts_the_tasks_without_a_row, "tests/scripts/trace_files.py", "rows");
