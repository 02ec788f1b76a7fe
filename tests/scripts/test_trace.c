/* test_trace.c: timelines of whole programs, and the command that shows them. */
#include "run/runner.h"

SCRIPT_TEST(trace_has_each_form, "tests/scripts/trace.py", "forms");
SCRIPT_TEST(trace_reads_processes_and_cores, "tests/scripts/trace.py", "process");
SCRIPT_TEST(trace_of_a_deadlock_is_written, "tests/scripts/trace.py", "deadlock");
SCRIPT_TEST(trace_of_a_stall_is_written, "tests/scripts/trace.py", "stall");
SCRIPT_TEST(trace_is_written_at_exit, "tests/scripts/trace.py", "exit");
SCRIPT_TEST(trace_of_a_damaged_file_ends_in_a_sentence, "tests/scripts/trace.py", "hostile");
