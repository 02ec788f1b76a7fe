/*
 * ext/redis/src/connection.c: one connection: connecting, logging in, receiving replies.
 */
#include "redis.h"
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* ---- receiving ------------------------------------------------------------------------------ */

int redisp_receive(struct connection *connection, struct async_redis_reply **reply)
{
    size_t wanted = 1;
    *reply = NULL;
    while (*reply == NULL) {
        const char *data;
        int size = async_stream_peek(connection->stream, &data, wanted);
        if (size < 0)
            return size;
        if ((size_t)size < wanted)
            return async_fail(-ECONNRESET, "the Redis server has closed the connection");
        int fed = redisp_reader_feed(&connection->reader, data, (size_t)size, reply);
        if (fed < 0)
            return fed;
        async_stream_consume(connection->stream, (size_t)fed);
        connection->received += (size_t)fed;
        wanted = (size_t)(size - fed) + 1; /* the rest of a line, or new bytes */
    }
    return 0;
}

uint64_t redisp_progress(const struct connection *connection)
{
    int unsent = 0; /* bytes that the kernel still has */
    size_t pending = async_stream_pending(connection->stream);
    if (ioctl(async_stream_fd(connection->stream), TIOCOUTQ, &unsent) < 0)
        unsent = 0;
    return connection->received + connection->sent - pending - (uint64_t)unsent;
}

int redisp_send(struct connection *connection, const void *bytes, size_t size)
{
    ASYNC_TRY(async_stream_write(connection->stream, bytes, size));
    connection->sent += size;
    return 0;
}

int redisp_receive_in_time(struct connection *connection, struct async_redis_reply **reply,
                           double limit)
{
    uint64_t before;
    int result;
    do {
        before = redisp_progress(connection);
        result = async_timeout(limit, redisp_receive(connection, reply));
    } while (result == -ETIMEDOUT && redisp_progress(connection) != before);
    return result;
}

int redisp_exchange_in_time(struct connection *connection, const struct command *command,
                            struct async_redis_reply **reply, double limit)
{
    *reply = NULL;
    ASYNC_TRY(redisp_send(connection, command->bytes, command->size));
    do {
        async_redis_reply_free(*reply);
        ASYNC_TRY(redisp_receive_in_time(connection, reply, limit));
    } while ((*reply)->type == ASYNC_REDIS_PUSH);
    return 0;
}

int redisp_exchange(struct connection *connection, const struct command *command,
                    struct async_redis_reply **reply)
{
    return redisp_exchange_in_time(connection, command, reply, INFINITY);
}

int redisp_take_reply(const struct command *command, struct async_redis_reply *got,
                      struct async_redis_reply **reply)
{
    char name[32];
    int result = 0;
    if (got->type == ASYNC_REDIS_ERROR) {
        redisp_command_name(command, name, sizeof name);
        result = redisp_fail(name, got);
    }
    if (result == 0 && reply != NULL)
        *reply = got;
    else
        async_redis_reply_free(got);
    return result;
}

/* ---- the login ------------------------------------------------------------------------------ */

static int say(struct connection *connection, const char *format, ...)
{
    struct command command;
    struct async_redis_reply *reply = NULL;
    va_list arguments;
    redisp_command_open(&command);
    va_start(arguments, format);
    int result = redisp_command_vadd(&command, format, arguments);
    va_end(arguments);
    if (result == 0)
        result = redisp_exchange(connection, &command, &reply);
    if (result == 0)
        result = redisp_take_reply(&command, reply, NULL);
    redisp_command_close(&command);
    return result;
}

static int say_hello(struct connection *connection, const struct settings *settings)
{
    if (settings->password == NULL)
        return say(connection, "HELLO 3");
    return say(connection, "HELLO 3 AUTH %s %s",
               settings->user != NULL ? settings->user : "default", settings->password);
}

static int authenticate(struct connection *connection, const struct settings *settings)
{
    if (settings->password == NULL)
        return 0;
    return settings->user != NULL
               ? say(connection, "AUTH %s %s", settings->user, settings->password)
               : say(connection, "AUTH %s", settings->password);
}

/*
 * A server before Redis 6 answers HELLO with an error of no name; version 2 is spoken then. PING
 * fails while the server loads its data.
 */
static int log_in(struct connection *connection, const struct settings *settings)
{
    int result = settings->protocol != 2 ? say_hello(connection, settings) : -EREMOTEIO;
    if (result == -EREMOTEIO && settings->protocol != 3)
        result = authenticate(connection, settings);
    if (result == 0 && settings->name != NULL)
        result = say(connection, "CLIENT SETNAME %s", settings->name);
    if (result == 0 && settings->database != 0)
        result = say(connection, "SELECT %d", settings->database);
    return result == 0 ? say(connection, "PING") : result;
}

/* ---- the connection ------------------------------------------------------------------------- */

/* A peer that has vanished is noticed within half a minute. A Unix socket refuses the options. */
static void watch_peer(int fd)
{
    const int on = 1, idle = 15, interval = 5, probes = 3, unsent_ms = 30000;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unsent_ms, sizeof unsent_ms);
}

static int connect_and_log_in(struct connection *connection, const struct settings *settings)
{
    const async_connection_options options = {.tls = settings->tls};
    ASYNC_TRY(
        settings->path != NULL
            ? async_open_unix_connection(&connection->stream, settings->path, &options)
            : async_open_connection(&connection->stream, settings->host, settings->port, &options));
    watch_peer(async_stream_fd(connection->stream));
    redisp_reader_open(&connection->reader, settings->max_reply);
    return log_in(connection, settings);
}

int redisp_connection_open(struct connection *connection, const struct settings *settings)
{
    *connection = (struct connection){0};
    int result = async_timeout(settings->connect_timeout, connect_and_log_in(connection, settings));
    if (result == -ETIMEDOUT)
        async_fail(result, "no answer of the Redis server within %g seconds",
                   settings->connect_timeout);
    if (result < 0)
        redisp_connection_close(connection);
    return result;
}

void redisp_connection_close(struct connection *connection)
{
    redisp_reader_close(&connection->reader);
    async_stream_close(connection->stream);
    connection->stream = NULL;
}
