/*
 * asyncio/redis.h: a client of Redis and Valkey, in the library asyncio-redis.
 *
 *     async_auto_wait_redis *redis = NULL;
 *     ASYNC_TRY(async_redis_connect(&redis, "redis://localhost:6379", NULL));
 *     ASYNC_TRY(async_redis_command(redis, NULL, "SET %s %b", key, data, size));
 *
 *     async_auto_redis_reply *reply = NULL;
 *     const char *text;
 *     ASYNC_TRY(async_redis_command(redis, &reply, "GET %s", key));
 *     int length = async_redis_reply_text(reply, &text); // -ENOENT: there is no such key
 *
 * Pipelining: all tasks of the loop share the client's connection. The commands of one iteration
 * are sent together, and none waits for the reply to another. Commands of one task are executed in
 * its order.
 *
 * A command that blocks in Redis, such as BLPOP, would hold up all others. It is refused; use
 * async_redis_blocking_command, which has connections of its own.
 *
 * Reconnecting: if the connection is lost, the client connects again, for as long as it exists.
 * Commands wait meanwhile; put async_timeout around them for a limit. A command whose reply was
 * lost with the connection fails with -ECONNRESET: Redis may have executed it or not. A connection
 * on which nothing comes any more counts as lost after options.silence_limit.
 *
 * Errors of Redis have its sentence as their message, and one of these codes:
 *
 *     -EACCES      NOAUTH, WRONGPASS, NOPERM: the user may not do it
 *     -EAGAIN      LOADING, BUSY, TRYAGAIN, MASTERDOWN, CLUSTERDOWN, UNBLOCKED: try again later
 *     -EEXIST      BUSYGROUP, BUSYKEY: it exists already
 *     -ENOENT      NOSCRIPT, NOGROUP: it does not exist
 *     -ENOSPC      OOM: the server's memory is used up
 *     -EREMOTE     MOVED, ASK: another server of the cluster has the key
 *     -EROFS       READONLY: the server is a replica
 *     -EREMOTEIO   any other
 *
 * Only the loop and the thread that have connected a client may use it.
 */
#ifndef ASYNCIO_REDIS_H
#define ASYNCIO_REDIS_H

#include <asyncio/base.h>
#include <asyncio/queue.h>
#include <asyncio/redis_reply.h>
#include <stdarg.h>
#include <sys/uio.h>

ASYNC_BEGIN_C

struct async_tls;

/* A client: its connection, and the commands waiting for their replies. */
typedef struct async_redis async_redis;

/* Options of a client; {0} and NULL mean the defaults. Strings are borrowed for the call. */
typedef struct async_redis_options {
    const char *user;      /* NULL: the URL's; without one, Redis's user "default" */
    const char *password;  /* NULL: the URL's; without one, none */
    int database;          /* 0: the URL's; without one, 0 */
    const char *name;      /* of the connections, as CLIENT LIST shows it; NULL: none */
    struct async_tls *tls; /* for rediss://, borrowed as long as the client; see asyncio/tls.h */
    /* the version of the protocol; 0: 3, or 2 if the server does not know 3 */
    int protocol;
    double connect_timeout; /* seconds for a connection and its login; 0: 10 */
    double longest_pause;   /* the most seconds between two attempts to connect again; 0: 1 */
    /*
     * seconds in which the server neither takes nor sends a byte although a reply is due, after
     * which the connection is made anew: the server hangs, or its machine is gone; 0: 30, INFINITY:
     * no limit. A command or a script must not take as long in Redis.
     * async_redis_blocking_command has no such limit
     */
    double silence_limit;
    size_t max_reply; /* bytes of memory of one reply; 0: 1 GiB */
    /*
     * connections beside the shared one, at most: for async_redis_blocking_command, for each queue
     * in Redis that waits for items, and for each put of a durable one; 0: 128
     */
    size_t pool_size;
    /*
     * called when the connection is lost, when an attempt to connect fails, and with error 0 when
     * it is back; it must not switch. NULL: none
     */
    void (*on_change)(async_redis *redis, int error, void *context);
    void *context; /* for on_change, borrowed as long as the client */
    ASYNCP_RESERVED(8);
} async_redis_options;

/*
 * Connects to a server, logs in and selects the database.
 *
 * url is redis://user:password@host:port/database, where everything after redis:// may be missing;
 * rediss://… for TLS; unix:///path?db=1 for a Unix socket. Special characters are written as %NN.
 * NULL means redis://localhost:6379. options may be NULL; an option replaces what the URL says.
 *
 * The caller owns *redis and frees it with async_redis_free_wait; after an error it is NULL.
 * Returns 0, or an error of async_open_connection or of Redis.
 * -EINVAL if the URL or an option is not valid; rediss:// needs options.tls.
 * -EACCES if the server refuses the user or the password.
 * -EAGAIN if the server is loading its data.
 * -ETIMEDOUT if the server does not answer within options.connect_timeout.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_redis_connect(async_redis **redis, const char *url,
                                             const async_redis_options *options);

/*
 * Closes the connections, waits for the client's task, and frees the client. Commands waiting for a
 * reply fail with -EBADF; they may have been executed.
 *
 * Takes the client. NULL is ignored.
 * Switches.
 */
ASYNC_API void async_redis_free_wait(async_redis *redis);

/*
 * Sends a command and waits for its reply.
 *
 * Each word of the format is one argument of the command. In a word, %s stands for a string, %b for
 * bytes (two arguments: const void *, size_t), %d for an int, %lld for a long long, %zu for a
 * size_t, and %% for a percent sign. The arguments are sent as they are: spaces in them, quotes and
 * zero bytes have no meaning. The compiler cannot check the types of the arguments.
 *
 * If the task is cancelled while it waits, Redis may execute the command all the same; its reply is
 * dropped, and others are not affected. After an error *reply is NULL. reply may be NULL.
 *
 * The caller owns *reply and frees it with async_redis_reply_free.
 * Returns 0, or an error of Redis.
 * -EINVAL if the format is not valid, or the command blocks or changes the connection (BLPOP,
 * MULTI, SUBSCRIBE and others).
 * -ECONNRESET if the connection was lost before the reply came.
 * -EBADF if the client was freed meanwhile; -EXDEV in another loop than the client's; -ENOMEM.
 * -EMSGSIZE if the reply is larger than options.max_reply; the connection is made anew.
 * -EPROTO if the server does not speak Redis's protocol; the connection is made anew.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_redis_command(async_redis *redis, async_redis_reply **reply,
                                             const char *format, ...);

/*
 * Sends a command as async_redis_command does, with its arguments in a va_list.
 *
 * Returns 0, or an error of async_redis_command.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_redis_vcommand(async_redis *redis, async_redis_reply **reply,
                                              const char *format, va_list arguments);

/*
 * Sends a command as async_redis_command does; words[0..count) are its name and its arguments.
 *
 * Returns 0, or an error of async_redis_command.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_redis_command_words(async_redis *redis, async_redis_reply **reply,
                                                   const struct iovec *words, size_t count);

/*
 * Sends a command on a connection used by no other task, and waits for its reply: for commands that
 * block in Redis (BLPOP, XREAD with BLOCK). Not for WAIT after a command: it is about what its own
 * connection has written.
 *
 * The connection comes from the client's pool and is opened if none is free. At most
 * options.pool_size are in use; more calls wait. If the task is cancelled, the connection is
 * closed: Redis may have executed the command, and an element it has taken is lost. If the server
 * hangs, the call waits for ever: use async_timeout.
 *
 * The caller owns *reply and frees it with async_redis_reply_free.
 * Returns 0, or an error of async_redis_command or async_redis_connect.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_redis_blocking_command(async_redis *redis, async_redis_reply **reply,
                                                      const char *format, ...);

static inline void asyncp_auto_wait_redis(async_redis **redis)
{
    async_redis_free_wait(*redis);
}

/*
 * async_auto_wait_redis *redis = NULL;
 *
 * Declares a client and frees it, with async_redis_free_wait, when the block is left.
 */
#define async_auto_wait_redis ASYNC_CLEANUP(asyncp_auto_wait_redis) async_redis

/* ---- several commands, scripts -------------------------------------------------------------- */

/* Commands to be sent together. */
typedef struct async_redis_batch async_redis_batch;

/*
 * Creates an empty batch.
 *
 * The caller owns *batch and frees it with async_redis_batch_free; after an error it is NULL.
 * Returns 0; -ENOMEM; -EINVAL if batch is NULL.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_redis_batch_new(async_redis_batch **batch);

/*
 * Frees a batch.
 *
 * Takes the batch. NULL is ignored.
 * Never switches.
 */
ASYNC_API void async_redis_batch_free(async_redis_batch *batch);

/*
 * Adds a command, written as for async_redis_command.
 *
 * Copies the arguments.
 * Returns 0; -ENOMEM.
 * -EINVAL if the format is not valid, or the command changes the connection.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_redis_batch_add(async_redis_batch *batch, const char *format, ...);

/*
 * Sends the commands of a batch and waits for their replies: an array, in the order of the
 * commands. An error of Redis is an element of it. The commands of other tasks may be executed
 * between them.
 *
 * The batch may be used again.
 *
 * The caller owns *reply and frees it with async_redis_reply_free.
 * Returns 0, or an error of async_redis_command except those of Redis.
 * -EINVAL also if the batch is empty or one of its commands blocks, or reply is NULL.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_redis_pipeline(async_redis *redis, async_redis_reply **reply,
                                              const async_redis_batch *batch);

/*
 * Executes the commands of a batch as a transaction, MULTI and EXEC: all or none, with no command
 * of another client between them. The reply is the array of their replies. An error of one command
 * while it is executed is an element of it and does not stop the others. If Redis refuses a
 * command, none is executed; whether it allows MULTI is asked once for each connection. A command
 * such as BLPOP does not wait in a transaction.
 *
 * The batch may be used again.
 *
 * The caller owns *reply and frees it with async_redis_reply_free.
 * Returns 0, or an error of async_redis_command.
 * -EINVAL also if the batch is empty, or reply is NULL.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_redis_transaction(async_redis *redis, async_redis_reply **reply,
                                                 const async_redis_batch *batch);

static inline void asyncp_auto_redis_batch(async_redis_batch **batch)
{
    async_redis_batch_free(*batch);
}

/*
 * async_auto_redis_batch *batch = NULL;
 *
 * Declares a batch and frees it when the block is left.
 */
#define async_auto_redis_batch ASYNC_CLEANUP(asyncp_auto_redis_batch) async_redis_batch

/*
 * A script in Lua, executed by Redis as one step. Declare it static:
 *
 *     static async_redis_script take = {.text = "return redis.call('GETDEL', KEYS[1])"};
 */
typedef struct async_redis_script {
    const char *text;
    char asyncp_hash[48]; /* private: its name in the server, once it is known */
} async_redis_script;

/*
 * Runs a script. The format, as for async_redis_command, has the number of keys, the keys, and the
 * other arguments: "2 %s %s %d". The text is sent once to a server; later calls send its hash.
 * reply may be NULL.
 *
 * The caller owns *reply and frees it with async_redis_reply_free.
 * Returns 0, or an error of async_redis_command.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_redis_eval(async_redis *redis, async_redis_reply **reply,
                                          async_redis_script *script, const char *format, ...);

/* ---- publish and subscribe ------------------------------------------------------------------ */

/* A message of a channel. async_redis_message_free frees it. */
typedef struct async_redis_message {
    const char *channel; /* NULL: the connection was lost and is back; messages may be missing */
    const char *pattern; /* by which it came; NULL: by its channel */
    const char *payload; /* with a zero byte behind it */
    size_t size;         /* bytes of the payload */
} async_redis_message;

/* A subscription to a channel or a pattern. */
typedef struct async_redis_subscription async_redis_subscription;

/*
 * Subscribes to a channel: from now on its messages are put into the queue, whose items are
 * pointers to messages (async_redis_message *). Free each with async_redis_message_free.
 *
 * The subscriptions of a client share one connection. If a queue is full, all of them, and calls
 * of async_redis_subscribe, wait until a message is taken, and in the end Redis closes the
 * connection (client-output-buffer-limit).
 * After a reconnection each subscription puts a message without a channel into its queue.
 *
 * Borrows the client and the queue until the subscription is freed. The caller owns *subscription
 * and frees it with async_redis_unsubscribe; after an error it is NULL.
 * Returns 0 when Redis has confirmed it; an error of async_redis_connect or async_redis_command.
 * -EINVAL also if the items of the queue have another size.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_redis_subscribe(async_redis_subscription **subscription,
                                               async_redis *redis, async_queue *queue,
                                               const char *channel);

/*
 * Subscribes to all channels whose names match a pattern such as "news.*", as async_redis_subscribe
 * does.
 *
 * Returns 0, or an error of async_redis_subscribe.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_redis_psubscribe(async_redis_subscription **subscription,
                                                async_redis *redis, async_queue *queue,
                                                const char *pattern);

/*
 * Ends a subscription. Messages in the queue stay there.
 *
 * Takes the subscription. NULL is ignored.
 * Never switches.
 */
ASYNC_API void async_redis_unsubscribe(async_redis_subscription *subscription);

/*
 * Frees a message.
 *
 * Takes the message. NULL is ignored.
 * Never switches.
 */
ASYNC_API void async_redis_message_free(async_redis_message *message);

/*
 * Frees the message of an item: for async_queue_on_drop, with NULL as its context.
 *
 * Never switches.
 */
ASYNC_API void async_redis_message_drop(void *item, void *context);

ASYNC_END_C
#endif
