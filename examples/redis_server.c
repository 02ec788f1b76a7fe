/*
 * redis_server.c: a Redis server for the time of an example or a test.
 */
#include "redis_server.h"
#include <asyncio/redis.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAX_ATTEMPTS = 1000 };
static const double pause_between = 0.01; /* seconds */

/* An empty folder, and in it the path of the socket. */
static int make_folder(struct redis_server *server)
{
    snprintf(server->folder, sizeof server->folder, "/tmp/redis-XXXXXX");
    if (mkdtemp(server->folder) == NULL) {
        int result = async_fail_errno(-errno, "make the folder %s", server->folder);
        server->folder[0] = 0;
        return result;
    }
    snprintf(server->socket, sizeof server->socket, "%s/socket", server->folder);
    snprintf(server->url, sizeof server->url, "unix://%s", server->socket);
    return 0;
}

static const char *program(void)
{
    const char *name = getenv("REDIS_SERVER");
    return name != NULL ? name : "redis-server";
}

/* The server ends also if this program is killed. */
static int start_process(struct redis_server *server)
{
    const async_process_options options = {
        .cwd = server->folder, .out = ASYNC_DEVNULL, .err = ASYNC_DEVNULL, .ends_with_us = true};
    return async_create_subprocess_exec(&server->process, &options, program(), "--port", "0",
                                        "--unixsocket", server->socket, "--save", "");
}

static bool answers(const struct redis_server *server)
{
    async_redis *redis;
    int result = async_redis_connect(&redis, server->url, NULL);
    async_redis_free_wait(redis);
    return result == 0;
}

static int fail_ended(int status)
{
    char text[64];
    async_strstatus(status, text, sizeof text);
    return async_fail(-ECHILD, "%s has ended: %s", program(), text);
}

/* Each pause is a wait for the end of the process, which would be a failure. */
static int wait_until_it_answers(const struct redis_server *server)
{
    for (int i = 0; i < MAX_ATTEMPTS; i++) {
        if (answers(server))
            return 0;
        int status = async_timeout(pause_between, async_process_wait(server->process));
        if (status != -ETIMEDOUT)
            return status < 0 ? status : fail_ended(status);
    }
    return async_fail(-ETIMEDOUT, "%s does not answer at %s", program(), server->socket);
}

int redis_server_start(struct redis_server *server)
{
    ASYNC_TRY(make_folder(server));
    ASYNC_TRY(start_process(server));
    return wait_until_it_answers(server);
}

/* A server that was killed leaves its socket. */
void redis_server_stop(struct redis_server *server)
{
    async_process_free_wait(server->process);
    if (server->folder[0] != 0) {
        unlink(server->socket);
        rmdir(server->folder);
    }
    *server = (struct redis_server){0};
}
