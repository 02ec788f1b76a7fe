/*
 * ext/redis/src/redis.h: the parts of asyncio-redis. They use the public headers of libasyncio
 * alone.
 *
 *     command ──> client ──> stream        text of a command; calls and replies
 *       reply <── reader <── stream        a reply from bytes; the tree and its accessors
 *
 * connection.c opens and logs in; client.c has the shared connection and its tasks; silence.c
 * notices that nothing comes on it; pool.c has the connections for commands that block. batch.c,
 * script.c and subscribe.c stand on client.c; queue.h begins the part with the queues.
 */
#ifndef REDIS_REDIS_H
#define REDIS_REDIS_H

#include <asyncio.h>
#include <stddef.h>
#include <asyncio/redis.h>

/* ---- memory (memory.c) ---------------------------------------------------------------------- */

/* realloc(3). Tests replace it. */
extern void *(*redisp_realloc)(void *block, size_t size);

/* The same for a new block, which is zero. NULL: out of memory. */
void *redisp_new(size_t size);

/* A copy of a text, or NULL. */
char *redisp_copy(const char *text);

/* ---- replies (reply.c) ---------------------------------------------------------------------- */

/* Memory of a reply's tree. */
struct chunk {
    struct chunk *next;
    size_t used, size; /* of bytes */
    max_align_t bytes[];
};

struct async_redis_reply {
    async_redis_type type;
    size_t size; /* bytes of the text; elements */
    union {
        char *text; /* STRING, STATUS, ERROR */
        struct async_redis_reply *elements;
        int64_t integer; /* INTEGER, BOOLEAN */
        double number;
    } value;
};

/* The reply of a command. */
struct root {
    struct async_redis_reply reply; /* must be the first field */
    struct chunk *chunks;
};

/* Frees the replies and clears their places. */
void redisp_free_replies(struct async_redis_reply **replies, size_t count);

/* The code for an error of Redis, with its sentence. about: the command's name, or NULL. */
int redisp_fail(const char *about, const struct async_redis_reply *error);

/* From text in the notation of C, whatever the locale is. 0, -EBADMSG, or -ENOMEM. */
int redisp_read_double(const char *text, size_t size, double *number);

/* From decimal digits. */
bool redisp_read_integer(const char *digits, size_t size, int64_t *value);

/* ---- from bytes to replies (reader.c) ------------------------------------------------------- */

enum { MAX_DEPTH = 32 };

/* An array, map or set whose elements are being read. */
struct frame {
    struct async_redis_reply *owner;
    size_t expected, capacity; /* elements in all; with room for them */
    bool is_attribute;         /* the owner is the next field, and is dropped */
    struct async_redis_reply attribute;
};

/* The state between two parts of a reply, which may be cut anywhere. */
struct reader {
    size_t limit;      /* bytes of memory for one reply */
    size_t memory;     /* so many are allocated */
    struct root *root; /* NULL: no reply has begun */
    struct frame frames[MAX_DEPTH];
    unsigned depth;                  /* frames in use */
    struct async_redis_reply *text;  /* a string whose bytes are being read; NULL: none */
    size_t text_size, text_received; /* of it, with its \r\n */
    size_t text_capacity;            /* bytes of memory it has */
    size_t text_prefix;              /* bytes at its beginning that are not part of the string */
};

void redisp_reader_open(struct reader *reader, size_t limit);
void redisp_reader_close(struct reader *reader);

/*
 * Reads bytes up to the end of a reply. *reply is NULL if it needs more.
 *
 * Returns how many were taken; -EPROTO, -EMSGSIZE or -ENOMEM, after which only the close follows.
 */
int redisp_reader_feed(struct reader *reader, const char *data, size_t size,
                       struct async_redis_reply **reply);

/* ---- commands (command.c) ------------------------------------------------------------------- */

enum { SHORT_COMMAND = 256 };

/* The text of a command, or of several. */
struct command {
    char *bytes;
    size_t size, capacity;
    char room[SHORT_COMMAND];
};

void redisp_command_open(struct command *command);
void redisp_command_close(struct command *command);

/* Appends a command. 0, -ENOMEM, or -EINVAL with a message. */
int redisp_command_vadd(struct command *command, const char *format, va_list arguments);
int redisp_command_add(struct command *command, const char *format, ...);

/* The same with two words before those of the format. */
int redisp_command_vadd_behind(struct command *command, const char *first, const char *second,
                               const char *format, va_list arguments);

/* The same with words. */
int redisp_command_add_words_behind(struct command *command, const char *first, const char *second,
                                    const struct iovec *words, size_t count);

/* Appends the commands of another one. */
int redisp_command_append(struct command *command, const struct command *other);

int redisp_command_add_words(struct command *command, const struct iovec *words, size_t count);

/* The name of the command, printable, in name[0..size). */
void redisp_command_name(const struct command *command, char *name, size_t size);

/* Whether it makes its connection wait in Redis. */
bool redisp_command_blocks(const struct command *command);

/* -EINVAL with a message if the command changes its connection, which others use after it. */
int redisp_check_pooled(const struct command *command);

/* The same also if it blocks the connection, which others use meanwhile. */
int redisp_check_shared(const struct command *command);

/* ---- connections (connection.c, url.c) ------------------------------------------------------ */

/* Where to connect to and how to log in. Each string is owned; NULL: none. */
struct settings {
    char *host; /* NULL: a Unix socket */
    char *path;
    char *user, *password, *name;
    int port, database, protocol;
    bool needs_tls;
    struct async_tls *tls;
    double connect_timeout, silence_limit;
    size_t max_reply;
};

/* From the URL and the options. 0, -EINVAL with a message, or -ENOMEM; closed also then. */
int redisp_settings_open(struct settings *settings, const char *url,
                         const async_redis_options *options);
void redisp_settings_close(struct settings *settings);

struct connection {
    async_stream *stream; /* NULL: closed */
    struct reader reader;
    uint64_t sent, received; /* bytes given to the stream, and taken from it */
};

/* Connects and logs in, within the time limit. 0, or an error with a message. */
int redisp_connection_open(struct connection *connection, const struct settings *settings);
void redisp_connection_close(struct connection *connection);

/* Changes whenever the peer has taken or sent bytes. */
uint64_t redisp_progress(const struct connection *connection);

/* Does not wait until they are sent. */
int redisp_send(struct connection *connection, const void *bytes, size_t size);

/* Waits for the next reply. */
int redisp_receive(struct connection *connection, struct async_redis_reply **reply);

/* Sends a command and waits for its reply. */
int redisp_exchange(struct connection *connection, const struct command *command,
                    struct async_redis_reply **reply);

/* The same; -ETIMEDOUT if the peer neither takes nor sends a byte for so many seconds. */
int redisp_receive_in_time(struct connection *connection, struct async_redis_reply **reply,
                           double limit);
int redisp_exchange_in_time(struct connection *connection, const struct command *command,
                            struct async_redis_reply **reply, double limit);

/* Gives the reply to the caller, who may not want it (NULL), or returns the error it is. */
int redisp_take_reply(const struct command *command, struct async_redis_reply *got,
                      struct async_redis_reply **reply);

/* ---- the pool (pool.c) ---------------------------------------------------------------------- */

struct pooled;

/* Connections that are used by one task at a time. */
struct pool {
    const struct settings *settings;
    struct pooled *idle; /* the last used one first */
    struct pooled *busy;
    bool is_closed;
    async_semaphore permits;
};

void redisp_pool_open(struct pool *pool, const struct settings *settings, size_t size);

/* Closes the idle ones: a server that has ended has closed them. */
void redisp_pool_close_idle(struct pool *pool);

/* Closes all; calls under way fail with -EBADF. */
void redisp_pool_close(struct pool *pool);

/*
 * Calls talk(connection, context) with one of them, for several exchanges. After an error the
 * connection is closed.
 */
int redisp_pool_use(struct pool *pool, int (*talk)(struct connection *connection, void *context),
                    void *context);

/* Sends a command on one of them and waits for its reply. */
int redisp_pool_exchange(struct pool *pool, const struct command *command,
                         struct async_redis_reply **reply, double limit);

#endif
