/* redis_server.h: a Redis server on a Unix socket in a folder of its own, for tests. */
#ifndef TEST_REDIS_SERVER_H
#define TEST_REDIS_SERVER_H

#include "run/runner.h"
#include <asyncio/redis.h>

enum { SERVER_TEXT = 128 };

struct redis_server {
    async_process *process; /* NULL: it does not run */
    char folder[SERVER_TEXT], url[SERVER_TEXT], socket[SERVER_TEXT];
    const char *extra; /* more settings, borrowed; NULL: none */
};

/*
 * Starts a server, and waits until it answers: redis-server, or the program that REDIS_SERVER in
 * the environment names. Skips the case where it is not installed.
 */
void server_open(struct redis_server *server, const char *extra);

/*
 * The same; skips the case where the server's version is lower. Valkey, whose first version was
 * 7.2, has gone on from Redis's numbers. why: "queues".
 */
void server_open_since(struct redis_server *server, double version, const char *why,
                       const char *extra);

/* The server's version, of two numbers: 7.0. Skips the case where it is not installed. */
double server_version(void);

/* SIGKILL, and started again; with appendonly in the settings it keeps its data. */
void server_kill(struct redis_server *server);
void server_start(struct redis_server *server);

/* Ends the server and removes its folder. */
void server_close(struct redis_server *server);

/*
 * Ends the server at the end of the scope, after what is declared later. A queue that outlives its
 * server tries for two seconds to give its items back.
 */
#define AUTO_CLOSE_SERVER(server)                                                                  \
    ASYNC_CLEANUP(server_close_declared) struct redis_server *const closes_##server = &(server)
void server_close_declared(struct redis_server *const *server);

/* A client of the server. */
async_redis *server_client(const struct redis_server *server, const async_redis_options *options);

#endif
