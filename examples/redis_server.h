/*
 * redis_server.h: a Redis server for the time of an example or a test. It listens at a Unix socket
 * in a temporary folder only, and stores nothing on the disk. The program is redis-server, which
 * must be installed, or the one that REDIS_SERVER in the environment names. You may copy
 * redis_server.h and redis_server.c into your program without any condition.
 *
 *     ASYNC_CLEANUP(redis_server_stop) struct redis_server server = {0};
 *     ASYNC_TRY(redis_server_start(&server));
 *     async_auto_wait_redis *redis = NULL; // declared after the server, so it is freed first
 *     ASYNC_TRY(async_redis_connect(&redis, server.url, NULL));
 */
#ifndef REDIS_SERVER_H
#define REDIS_SERVER_H

#include <asyncio.h>

/* {0} at first. */
struct redis_server {
    async_process *process;
    char folder[32]; /* a temporary one; "": there is none */
    char socket[48]; /* path of the socket, in the folder */
    char url[64];    /* for async_redis_connect */
};

/*
 * Starts a server and waits until it answers. Call redis_server_stop also after an error.
 *
 * Returns 0.
 * -ENOENT if the program is not installed.
 * -ECHILD if the server has ended.
 * -ETIMEDOUT if it does not answer within ten seconds.
 * Switches.
 */
int redis_server_start(struct redis_server *server);

/*
 * Ends the server, waits for its end, and removes the folder. Does nothing for {0}.
 *
 * Switches.
 */
void redis_server_stop(struct redis_server *server);

#endif
