/*
 * test_examples.c: the examples work together with common programs: nc, curl, redis-cli, wrk, dig.
 * A case is skipped where its program is not installed.
 */
#include "run/runner.h"

SCRIPT_TEST(examples_echo_server, "tests/scripts/examples.py", "echo");
SCRIPT_TEST(examples_chat, "tests/scripts/examples.py", "chat");
SCRIPT_TEST(examples_proxy, "tests/scripts/examples.py", "proxy");
SCRIPT_TEST(examples_port_scanner, "tests/scripts/examples.py", "scanner");
SCRIPT_TEST(examples_greeter, "tests/scripts/examples.py", "greeter");
SCRIPT_TEST(examples_exporter, "tests/scripts/examples.py", "exporter");
SCRIPT_TEST(examples_miniredis_answers_as_redis, "tests/scripts/miniredis.py", "answers");
SCRIPT_TEST(examples_miniredis_takes_requests_in_pieces, "tests/scripts/miniredis.py", "pieces");
SCRIPT_TEST(examples_miniredis_lets_clients_wait, "tests/scripts/miniredis.py", "waiting");
SCRIPT_TEST(examples_miniredis_with_its_tools, "tests/scripts/miniredis.py", "tools");
SCRIPT_TEST(examples_file_server_with_curl, "tests/scripts/file_server.py", "curl");
SCRIPT_TEST(examples_file_server_survives_malformed_requests, "tests/scripts/file_server.py",
            "requests");
SCRIPT_TEST(examples_file_server_under_load, "tests/scripts/file_server.py", "wrk");
SCRIPT_TEST(examples_name_forwarder_with_dig, "tests/scripts/name_forwarder.py", "dig");
SCRIPT_TEST(examples_name_forwarder_and_its_upstreams, "tests/scripts/name_forwarder.py",
            "upstream");
SCRIPT_TEST(examples_name_forwarder_survives_malformed_packets, "tests/scripts/name_forwarder.py",
            "garbage");
SCRIPT_TEST(examples_rot13_with_files_pipes_and_terminals, "tests/scripts/terminals.py", "filter");
SCRIPT_TEST(examples_password_on_a_terminal, "tests/scripts/terminals.py", "password");
SCRIPT_TEST(examples_timeout, "tests/scripts/commands.py", "timeout");
SCRIPT_TEST(examples_pipeline, "tests/scripts/commands.py", "pipeline");
SCRIPT_TEST(examples_parallel, "tests/scripts/commands.py", "parallel");
SCRIPT_TEST(examples_build, "tests/scripts/commands.py", "build");
SCRIPT_TEST(examples_supervise, "tests/scripts/commands.py", "supervise");
SCRIPT_TEST(examples_farm_in_one_process, "tests/scripts/farm.py", "local");
SCRIPT_TEST(examples_farm_with_a_queue_in_redis, "tests/scripts/farm.py", "shared");
SCRIPT_TEST(examples_farm_of_several_processes, "tests/scripts/farm.py", "processes");
SCRIPT_TEST(examples_farm_with_a_producer_in_python, "tests/scripts/farm.py", "texts");
