/* test_watchdog.c: reports about loops that are held: tests/scripts/watchdog.py. */
#include "run/runner.h"

SCRIPT_TEST(watchdog_names_the_cause_and_disturbs_no_call, "tests/scripts/watchdog.py", "causes");
SCRIPT_TEST(watchdog_advises_a_task_where_a_callback_blocks, "tests/scripts/watchdog.py",
            "callback");
SCRIPT_TEST(watchdog_is_silent_about_a_stopped_process, "tests/scripts/watchdog.py", "stopped");
SCRIPT_TEST(watchdog_reports_a_circle_of_tasks_once, "tests/scripts/watchdog.py", "circle");
SCRIPT_TEST(watchdog_reports_a_bounded_number_of_circles, "tests/scripts/watchdog.py", "circles");
SCRIPT_TEST(watchdog_follows_debug_mode_that_is_switched_later, "tests/scripts/watchdog.py",
            "switched");
SCRIPT_TEST(watchdog_tells_a_page_that_comes_late, "tests/scripts/watchdog.py", "page");
SCRIPT_TEST(watchdog_tells_a_control_group_without_processor_time, "tests/scripts/watchdog.py",
            "throttled");
SCRIPT_TEST(watchdog_is_silent_about_a_process_in_a_debugger, "tests/scripts/watchdog.py",
            "debugger");
