/*
 * ext/redis/src/reply.c: the tree of a reply: looking at it, and the errors in it.
 */
#include "redis.h"
#include <errno.h>
#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers -------------------------------------------------------------------------------- */

bool redisp_read_integer(const char *digits, size_t size, int64_t *value)
{
    bool is_negative = size > 0 && digits[0] == '-';
    size_t i = size > 0 && (digits[0] == '-' || digits[0] == '+') ? 1 : 0;
    int64_t result = 0;
    if (i == size)
        return false;
    for (; i < size; i++) {
        int digit = digits[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(result, 10, &result) ||
            __builtin_add_overflow(result, is_negative ? -digit : digit, &result))
            return false;
    }
    *value = result;
    return true;
}

static locale_t plain_locale;

static void make_plain_locale(void)
{
    plain_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

int redisp_read_double(const char *text, size_t size, double *number)
{
    enum { LONGEST = 64 };
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    char copy[LONGEST + 1], *end;
    pthread_once(&once, make_plain_locale);
    if (plain_locale == (locale_t)0)
        return -ENOMEM;
    if (size == 0 || size > LONGEST)
        return -EBADMSG;
    memcpy(copy, text, size);
    copy[size] = 0;
    locale_t before = uselocale(plain_locale);
    *number = strtod(copy, &end);
    uselocale(before);
    return end == copy + size ? 0 : -EBADMSG;
}

/* ---- errors --------------------------------------------------------------------------------- */

/* The code for the first word of an error. */
static int code_of_word(const char *text, size_t length)
{
    static const struct {
        const char *word;
        int code;
    } codes[] = {{"NOAUTH", -EACCES},     {"WRONGPASS", -EACCES},   {"NOPERM", -EACCES},
                 {"LOADING", -EAGAIN},    {"BUSY", -EAGAIN},        {"TRYAGAIN", -EAGAIN},
                 {"MASTERDOWN", -EAGAIN}, {"CLUSTERDOWN", -EAGAIN}, {"UNBLOCKED", -EAGAIN},
                 {"BUSYGROUP", -EEXIST},  {"BUSYKEY", -EEXIST},     {"NOSCRIPT", -ENOENT},
                 {"NOGROUP", -ENOENT},    {"OOM", -ENOSPC},         {"MOVED", -EREMOTE},
                 {"ASK", -EREMOTE},       {"READONLY", -EROFS}};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (strlen(codes[i].word) == length && memcmp(codes[i].word, text, length) == 0)
            return codes[i].code;
    return -EREMOTEIO;
}

int redisp_fail(const char *about, const struct async_redis_reply *error)
{
    const char *text = error->value.text;
    int code = code_of_word(text, strcspn(text, " "));
    return async_fail(code, "%s%s%s", about != NULL ? about : "", about != NULL ? ": " : "", text);
}

/* Why it has no value of the wanted type. */
static int fail_type(const struct async_redis_reply *reply, const char *wanted)
{
    static const char *const names[] = {"nil",
                                        "a string",
                                        "a status",
                                        "an error",
                                        "an integer",
                                        "an array",
                                        "a floating-point number",
                                        "a boolean",
                                        "a map",
                                        "a set",
                                        "a push"};
    if (reply == NULL)
        return async_fail(-EBADMSG, "the reply has no such element");
    if (reply->type == ASYNC_REDIS_NIL)
        return async_fail(-ENOENT, "the reply is nil: there is no value");
    if (reply->type == ASYNC_REDIS_ERROR)
        return redisp_fail(NULL, reply);
    return async_fail(-EBADMSG, "the reply is %s, not %s", names[reply->type], wanted);
}

/* ---- values --------------------------------------------------------------------------------- */

async_redis_type async_redis_reply_type(const async_redis_reply *reply)
{
    return reply != NULL ? reply->type : ASYNC_REDIS_NIL;
}

static bool has_text(const struct async_redis_reply *reply)
{
    return reply != NULL &&
           (reply->type == ASYNC_REDIS_STRING || reply->type == ASYNC_REDIS_STATUS);
}

int async_redis_reply_text(const async_redis_reply *reply, const char **text)
{
    if (text == NULL)
        return async_fail(-EINVAL, "async_redis_reply_text: the place for the text is NULL");
    *text = NULL;
    if (!has_text(reply))
        return fail_type(reply, "a string");
    *text = reply->value.text;
    return (int)reply->size; /* the reader takes no more than INT_MAX */
}

int async_redis_reply_integer(const async_redis_reply *reply, int64_t *value)
{
    if (value == NULL)
        return async_fail(-EINVAL, "async_redis_reply_integer: the place for the value is NULL");
    *value = 0;
    if (reply != NULL &&
        (reply->type == ASYNC_REDIS_INTEGER || reply->type == ASYNC_REDIS_BOOLEAN)) {
        *value = reply->value.integer;
        return 0;
    }
    if (!has_text(reply))
        return fail_type(reply, "an integer");
    if (!redisp_read_integer(reply->value.text, reply->size, value))
        return async_fail(-EBADMSG, "the reply is a string, and no integer");
    return 0;
}

int async_redis_reply_double(const async_redis_reply *reply, double *value)
{
    if (value == NULL)
        return async_fail(-EINVAL, "async_redis_reply_double: the place for the value is NULL");
    *value = 0;
    if (reply != NULL && reply->type == ASYNC_REDIS_DOUBLE) {
        *value = reply->value.number;
        return 0;
    }
    if (reply != NULL && reply->type == ASYNC_REDIS_INTEGER) {
        *value = (double)reply->value.integer;
        return 0;
    }
    if (!has_text(reply))
        return fail_type(reply, "a floating-point number");
    int result = redisp_read_double(reply->value.text, reply->size, value);
    return result == -EBADMSG ? async_fail(result, "the reply is a string, and no number") : result;
}

/* ---- elements ------------------------------------------------------------------------------- */

static bool has_elements(const struct async_redis_reply *reply)
{
    return reply != NULL && (reply->type == ASYNC_REDIS_ARRAY || reply->type == ASYNC_REDIS_MAP ||
                             reply->type == ASYNC_REDIS_SET || reply->type == ASYNC_REDIS_PUSH);
}

size_t async_redis_reply_size(const async_redis_reply *reply)
{
    return has_elements(reply) ? reply->size : 0;
}

const async_redis_reply *async_redis_reply_at(const async_redis_reply *reply, size_t index)
{
    return index < async_redis_reply_size(reply) ? &reply->value.elements[index] : NULL;
}

const async_redis_reply *async_redis_reply_get(const async_redis_reply *reply, const char *key)
{
    size_t length = key != NULL ? strlen(key) : 0;
    for (size_t i = 0; key != NULL && i + 1 < async_redis_reply_size(reply); i += 2) {
        const struct async_redis_reply *name = &reply->value.elements[i];
        if (has_text(name) && name->size == length && memcmp(name->value.text, key, length) == 0)
            return name + 1;
    }
    return NULL;
}

void async_redis_reply_free(async_redis_reply *reply)
{
    if (reply == NULL)
        return;
    struct chunk *chunk = ((struct root *)reply)->chunks;
    while (chunk != NULL) {
        struct chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
}

void redisp_free_replies(struct async_redis_reply **replies, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        async_redis_reply_free(replies[i]);
        replies[i] = NULL;
    }
}
