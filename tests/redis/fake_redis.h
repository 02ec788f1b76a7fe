/*
 * fake_redis.h: a server in a task of the test, which answers as Redis does, or as the test wants:
 * in pieces, late, wrongly, never.
 */
#ifndef TEST_FAKE_REDIS_H
#define TEST_FAKE_REDIS_H

#include "redis.h"
#include "run/runner.h"

struct fake_redis {
    async_server *server;
    struct async_tls *tls; /* the server's; NULL: a Unix socket without encryption */
    char url[64];
    int connections; /* accepted so far */
    bool hears_ping; /* `answer` is asked for a PING after that of the login, too */
    /*
     * Answers a command after the login; NULL: fake_answer. A negative result ends the connection.
     */
    int (*answer)(async_stream *stream, const async_redis_reply *command);
};

/* The word of a command at an index; "": it has none there. */
const char *fake_word(const async_redis_reply *command, size_t index);

/* The usual answer: OK, or what SUBSCRIBE, EXEC and scripts want. */
int fake_answer(async_stream *stream, const async_redis_reply *command);

/* Sends the text. */
int fake_say(async_stream *stream, const char *text);

void fake_open(struct fake_redis *fake);

/* The same where it may fail. */
int fake_try_open(struct fake_redis *fake);
void fake_close(struct fake_redis *fake);

/* A client of it. */
async_redis *fake_client(const struct fake_redis *fake, const async_redis_options *options);

/* Subscribes to a channel and ends that. */
int fake_subscribe(async_redis *redis);

#endif
