/* test_inspect.c: the command asyncio, on programs of every shape. */
#include "run/runner.h"

SCRIPT_TEST(inspect_finds_programs_of_every_shape, "tests/scripts/inspect.py", "shapes");
SCRIPT_TEST(inspect_prints_a_table, "tests/scripts/inspect.py", "table");
SCRIPT_TEST(inspect_prints_trees_and_a_deadlock, "tests/scripts/inspect.py", "tree");
SCRIPT_TEST(inspect_sees_no_deadlock_that_never_was, "tests/scripts/inspect.py", "swaps");
SCRIPT_TEST(inspect_shows_what_a_crowd_waits_for_in_one_line, "tests/scripts/inspect.py", "crowd");
SCRIPT_TEST(inspect_looks_for_the_name_of_a_variable_once, "tests/scripts/inspect.py", "names");
SCRIPT_TEST(inspect_finds_the_tasks_of_a_core, "tests/scripts/inspect.py", "cores");
SCRIPT_TEST(inspect_says_where_a_task_that_runs_is, "tests/scripts/inspect.py", "running");
SCRIPT_TEST(inspect_says_what_has_ended_a_process_and_where, "tests/scripts/inspect.py", "endings");
SCRIPT_TEST(inspect_of_a_core_that_lies_ends, "tests/scripts/inspect.py", "forged");
SCRIPT_TEST(inspect_reads_a_program_that_changes, "tests/scripts/inspect.py", "churn");
SCRIPT_TEST(inspect_of_a_program_that_lies_ends, "tests/scripts/inspect.py", "hostile");
SCRIPT_TEST(inspect_helps_and_says_what_is_wrong_with_a_call, "tests/scripts/inspect.py", "help");
SCRIPT_TEST(inspect_says_why_it_cannot_look, "tests/scripts/inspect.py", "refusals");
SCRIPT_TEST(inspect_tells_copies_of_a_forked_loop, "tests/scripts/inspect.py", "fork");
SCRIPT_TEST(inspect_looks_at_a_process_without_its_first_thread, "tests/scripts/subjects.py",
            "leaderless");
SCRIPT_TEST(inspect_shows_no_mixture_of_two_programs, "tests/scripts/subjects.py", "program");
SCRIPT_TEST(inspect_tells_root_which_capability_is_missing, "tests/scripts/subjects.py", "rights");
SCRIPT_TEST(inspect_says_that_a_core_is_compressed, "tests/scripts/subjects.py", "compressed");
SCRIPT_TEST(inspect_says_of_a_core_that_is_cut_off_only_what_is_true, "tests/scripts/subjects.py",
            "part");
SCRIPT_TEST(inspect_takes_no_text_of_a_core_for_an_option, "tests/scripts/untrusted.py", "option");
SCRIPT_TEST(inspect_refuses_a_core_without_its_segments, "tests/scripts/untrusted.py", "segments");
SCRIPT_TEST(inspect_refuses_a_core_with_more_headers_than_a_process_has,
            "tests/scripts/untrusted.py", "headers");
SCRIPT_TEST(inspect_looks_at_the_begin_of_a_core_first, "tests/scripts/untrusted.py", "size");
SCRIPT_TEST(inspect_leaves_out_what_is_too_much_to_read, "tests/scripts/untrusted.py", "joins");
SCRIPT_TEST(inspect_reads_no_task_of_chunks_that_overlap_twice, "tests/scripts/untrusted.py",
            "chunks");
SCRIPT_TEST(inspect_reads_no_ring_twice, "tests/scripts/untrusted.py", "rings");
SCRIPT_TEST(inspect_tells_a_hidden_process_from_none, "tests/scripts/untrusted.py", "hidden");
SCRIPT_TEST(inspect_survives_a_file_of_the_process_that_becomes_shorter,
            "tests/scripts/untrusted.py", "file");
SCRIPT_TEST(inspect_survives_a_core_that_becomes_shorter, "tests/scripts/untrusted.py", "cut");
SCRIPT_TEST(inspect_maps_no_core, "tests/scripts/untrusted.py", "mapped");
SCRIPT_TEST(report_has_the_line_of_a_library_that_is_still_the_same, "tests/scripts/replaced.py",
            "same");
SCRIPT_TEST(report_has_the_offset_in_a_library_that_was_replaced, "tests/scripts/replaced.py",
            "other");
SCRIPT_TEST(report_has_the_offset_in_a_library_without_build_id_that_was_replaced,
            "tests/scripts/replaced.py", "unnamed");
SCRIPT_TEST(report_has_the_function_of_a_library_that_was_stripped, "tests/scripts/replaced.py",
            "stripped");
SCRIPT_TEST(inspect_names_the_program_whatever_file_the_library_is_in, "tests/scripts/places.py",
            "command");
SCRIPT_TEST(inspect_and_gdb_name_the_program_of_a_task_that_is_blocked_in_libc,
            "tests/scripts/places.py", "blocked");
