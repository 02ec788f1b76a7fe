/*
 * test_tls_peers.c: that our TLS and that of others understand each other.
 */
#include "run/runner.h"

SCRIPT_TEST(tls_client_of_openssl, "tests/tls/peers.py", "client");
SCRIPT_TEST(tls_server_of_openssl, "tests/tls/peers.py", "server");
SCRIPT_TEST(tls_curl, "tests/tls/peers.py", "curl");
SCRIPT_TEST(tls_unsuitable_clients_do_not_disturb_others, "tests/tls/peers.py", "strangers");
