/*
 * asyncio/redis_reply.h: replies of Redis: values, and trees of values.
 *
 *     async_auto_redis_reply *reply = NULL;
 *     int64_t count;
 *     ASYNC_TRY(async_redis_command(redis, &reply, "HGETALL %s", key));
 *     ASYNC_TRY(async_redis_reply_integer(async_redis_reply_get(reply, "count"), &count));
 *
 * Version 3 of the protocol has more types than version 2: there a map is an array of keys and
 * values in turn, and a number is a string. The calls below treat both alike. An element that does
 * not exist is NULL, which every call accepts and reports.
 */
#ifndef ASYNCIO_REDIS_REPLY_H
#define ASYNCIO_REDIS_REPLY_H

#include <asyncio/base.h>

ASYNC_BEGIN_C

/* A reply of Redis: a value, or a tree of values. */
typedef struct async_redis_reply async_redis_reply;

/* The type of a reply. Those after ARRAY come with version 3 of the protocol only. */
typedef enum async_redis_type {
    ASYNC_REDIS_NIL,
    ASYNC_REDIS_STRING,
    ASYNC_REDIS_STATUS, /* a short text such as "OK" */
    ASYNC_REDIS_ERROR,  /* in a reply only; that of a command is its result */
    ASYNC_REDIS_INTEGER,
    ASYNC_REDIS_ARRAY,
    ASYNC_REDIS_DOUBLE,
    ASYNC_REDIS_BOOLEAN,
    ASYNC_REDIS_MAP, /* its elements are keys and values in turn */
    ASYNC_REDIS_SET,
    ASYNC_REDIS_PUSH
} async_redis_type;

/*
 * Returns the type; ASYNC_REDIS_NIL if reply is NULL.
 * Never switches.
 */
ASYNC_API async_redis_type async_redis_reply_type(const async_redis_reply *reply);

/*
 * Returns a string or a status as text[0..result), which a zero byte follows.
 *
 * The text is valid until the reply is freed.
 * Returns the length of the text, or the error if the reply is one.
 * -ENOENT if the reply is nil.
 * -EBADMSG if it is of another type, or NULL.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_redis_reply_text(const async_redis_reply *reply, const char **text);

/*
 * Stores an integer in *value. A string such as "-12" and a boolean are converted.
 *
 * Returns 0, or an error of async_redis_reply_text.
 * -EBADMSG also if a string is no integer.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_redis_reply_integer(const async_redis_reply *reply, int64_t *value);

/*
 * Stores a floating-point number in *value. An integer and a string such as "1.5" are converted.
 *
 * Returns 0, or an error of async_redis_reply_text.
 * -EBADMSG also if a string is no number.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_redis_reply_double(const async_redis_reply *reply, double *value);

/*
 * Returns the number of elements of an array, a set or a push, twice the number of pairs of a map,
 * and 0 for other types and NULL.
 * Never switches.
 */
ASYNC_API size_t async_redis_reply_size(const async_redis_reply *reply);

/*
 * Returns an element, borrowed; NULL if there is no such element, which the calls on replies accept
 * and report with -EBADMSG.
 * Never switches.
 */
ASYNC_API const async_redis_reply *async_redis_reply_at(const async_redis_reply *reply,
                                                        size_t index);

/*
 * Returns the value of a key in a map, or in an array of keys and values in turn, borrowed; NULL if
 * there is no such key.
 * Never switches.
 */
ASYNC_API const async_redis_reply *async_redis_reply_get(const async_redis_reply *reply,
                                                         const char *key);

/*
 * Frees a reply with all its elements. It must be the reply of a command, not an element.
 *
 * Takes the reply. NULL is ignored.
 * Never switches.
 */
ASYNC_API void async_redis_reply_free(async_redis_reply *reply);

static inline void asyncp_auto_redis_reply(async_redis_reply **reply)
{
    async_redis_reply_free(*reply);
}

/*
 * async_auto_redis_reply *reply = NULL;
 *
 * Declares a reply and frees it when the block is left. Free it before it is used again.
 */
#define async_auto_redis_reply ASYNC_CLEANUP(asyncp_auto_redis_reply) async_redis_reply

ASYNC_END_C
#endif
