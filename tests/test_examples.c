/*
 * test_examples.c: that the examples do what they are for, together with the programs that people would use them with:
 * nc, curl, redis-cli, wrk, dig. Where one of these is not there, its case is skipped.
 */
#include "runner.h"

SCRIPT_TEST(examples_echo_server, "tests/examples.py", "echo");
SCRIPT_TEST(examples_chat, "tests/examples.py", "chat");
SCRIPT_TEST(examples_proxy, "tests/examples.py", "proxy");
SCRIPT_TEST(examples_port_scanner, "tests/examples.py", "scanner");
