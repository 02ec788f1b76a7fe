/* redis_server.c: starting and ending a Redis server. */
#include "redis/redis_server.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *server_program(void)
{
    const char *program = getenv("REDIS_SERVER");
    return program != NULL ? program : "redis-server";
}

/* It loads its data first. The time is real, whatever the loop's clock is. */
static void wait_until_ready(const struct redis_server *server)
{
    enum { TRIES = 2000 };
    async_stream *stream;
    for (int i = 0; i < TRIES; i++) {
        if (async_open_unix_connection(&stream, server->socket, NULL) == 0) {
            async_stream_close(stream);
            return;
        }
        CHECK_EQ(async_process_returncode(server->process), -EINPROGRESS);
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    test_fail(__FILE__, __LINE__, "the server does not listen");
}

void server_start(struct redis_server *server)
{
    const async_process_options options = {
        .out = ASYNC_DEVNULL, .err = ASYNC_DEVNULL, .cwd = server->folder, .ends_with_us = true};
    char command[512];
    snprintf(command, sizeof command,
             "exec '%s' --port 0 --unixsocket ./socket --save '' --dir . %s", server_program(),
             server->extra != NULL ? server->extra : "");
    CHECK_EQ(async_create_subprocess_shell(&server->process, &options, command), 0);
    wait_until_ready(server);
}

/* It says "Redis server v=7.0.15 sha=…", or "Valkey server v=8.0.1 …". */
double server_version(void)
{
    double version = 0;
    async_auto_output output = {0};
    if (async_run_process(NULL, &output, server_program(), "--version") < 0)
        test_skip("redis-server is not installed");
    const char *number = strstr(output.out, " v=");
    CHECK(number != NULL && sscanf(number, " v=%lf", &version) == 1);
    return version;
}

void server_open_since(struct redis_server *server, double version, const char *why,
                       const char *extra)
{
    static char reason[128];
    double found = server_version();
    if (found < version) {
        snprintf(reason, sizeof reason, "%s need Redis %.1f; this server is %.1f", why, version,
                 found);
        test_skip(reason);
    }
    server_open(server, extra);
}

void server_open(struct redis_server *server, const char *extra)
{
    *server = (struct redis_server){.folder = "/tmp/asyncio-redis-XXXXXX", .extra = extra};
    server_version();
    CHECK(mkdtemp(server->folder) != NULL);
    snprintf(server->socket, sizeof server->socket, "%.100s/socket", server->folder);
    snprintf(server->url, sizeof server->url, "unix://%.100s/socket", server->folder);
    server_start(server);
}

void server_kill(struct redis_server *server)
{
    CHECK_EQ(async_process_kill(server->process), 0);
    async_process_free_wait(server->process);
    server->process = NULL;
}

void server_close(struct redis_server *server)
{
    async_process_free_wait(server->process);
    CHECK_EQ(async_run_process(NULL, NULL, "rm", "-rf", server->folder), 0);
}

void server_close_declared(struct redis_server *const *server)
{
    server_close(*server);
}

async_redis *server_client(const struct redis_server *server, const async_redis_options *options)
{
    async_redis *redis;
    CHECK_EQ(async_redis_connect(&redis, server->url, options), 0);
    return redis;
}
