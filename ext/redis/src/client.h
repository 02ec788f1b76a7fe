/*
 * ext/redis/src/client.h: a client: its shared connection, the calls waiting for replies, and the
 * task that receives them.
 *
 * Invariants: the calls stand in the order of their commands on the connection, so the next reply
 * belongs to the first of them. Only the receiving task closes and opens the connection; others
 * write to it while it is up, and abort it after an error.
 */
#ifndef REDIS_CLIENT_H
#define REDIS_CLIENT_H

#include "redis.h"

/* Seconds before the first attempt to connect again; doubled from then on. */
#define REDISP_FIRST_PAUSE 0.01

/* Commands of one task that were sent together. The memory is the client's. */
struct call {
    struct call *next;
    struct async_redis_reply **replies; /* one for each command, in the task's frame */
    size_t expected, received;          /* replies */
    int error;                          /* why no more replies come; 0: none */
    bool is_abandoned;                  /* no task waits any more */
    async_event ended;
};

/* The watch for silence; its owner is silence.c. */
struct silence {
    async_handle timer; /* id 0: no reply is due */
    uint64_t progress;  /* at the last look */
    int looks;          /* without any since the one before */
    bool is_lost;       /* the connection was given up for it */
};

struct async_redis {
    struct settings settings;
    struct connection connection;
    bool is_up;
    bool allows_multi; /* MULTI was tried on this connection */
    bool is_over;      /* closed, or the run has ended: `error` says why */
    int error;
    async_event changed; /* the connection is up, or all is over */
    struct call *first, **last;
    struct call *spare; /* memory of calls, for reuse */
    struct silence silence;
    struct pool pool;
    struct subscriber *subscriber; /* NULL: there was no subscription yet */
    async_task *receiver;          /* NULL: it has ended */
    async_event receiver_ended;
    async_loop *loop;
    size_t references; /* of the program, the receiver, and each call under way */
    size_t queues;     /* that were freed and have not ended */
    async_event queues_ended;
    double longest_pause;
    unsigned random;
    void (*on_change)(async_redis *redis, int error, void *context);
    void *context;
};

/* Checks that the client may be used here, and keeps it. 0 or -errno. */
int redisp_hold(struct async_redis *redis, const char *call);
void redisp_release(struct async_redis *redis);

/*
 * Sends `count` commands, one after the other, and waits for their replies, which become the
 * caller's. After an error none is.
 */
int redisp_call(struct async_redis *redis, const struct command *command,
                struct async_redis_reply **replies, size_t count);

/* 0 while the connection is up; -ETIMEDOUT; the error of a client that is over. */
int redisp_wait_until_up(struct async_redis *redis, double seconds);

/* A reply, or its error as the result. */
int redisp_call_one(struct async_redis *redis, const struct command *command,
                    struct async_redis_reply **reply);

/* Runs a script with words: number of keys, keys, other arguments. */
int redisp_eval_words(struct async_redis *redis, async_redis_reply **reply,
                      async_redis_script *script, const struct iovec *words, size_t count);

/* A reply is due now: begins to watch, unless the watch has begun (silence.c). */
void redisp_watch_silence(struct async_redis *redis);
void redisp_end_silence(struct async_redis *redis);

/* The error of a connection that was lost: -ETIMEDOUT if the reason was its silence. */
int redisp_explain_silence(struct async_redis *redis, int error);

/* -ETIMEDOUT with a message. */
int redisp_fail_silent(const struct settings *settings);

/* The error of a client that is over. */
int redisp_fail_over(const struct async_redis *redis);

/* A pause before an attempt to connect again: spread, so that many clients do not come at once. */
double redisp_pause(struct async_redis *redis, double pause);

/* For the end of a task of the client: it releases its handle, and sets the event. */
void redisp_end_task(async_task **task, async_event *ended);

/* Cancels such a task, unless it has ended (NULL), and waits for its end. */
void redisp_cancel_task(async_task *task, async_event *ended);

/* Ends the task of the subscriptions and waits for it. */
void redisp_end_subscriber(struct async_redis *redis);

#endif
