/*
 * ext/redis/src/batch.c: several commands sent together, also as a transaction. Their replies
 * become one.
 */
#include "client.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct async_redis_batch {
    struct command commands;
    size_t count;
    bool blocks; /* one of them does */
};

int async_redis_batch_new(async_redis_batch **batch)
{
    if (batch == NULL)
        return async_fail(-EINVAL, "async_redis_batch_new: the place for the batch is NULL");
    *batch = redisp_new(sizeof **batch);
    if (*batch == NULL)
        return -ENOMEM;
    redisp_command_open(&(*batch)->commands);
    return 0;
}

void async_redis_batch_free(async_redis_batch *batch)
{
    if (batch == NULL)
        return;
    redisp_command_close(&batch->commands);
    free(batch);
}

static int add_to_batch(struct async_redis_batch *batch, const char *format, va_list arguments)
{
    struct command *commands = &batch->commands;
    size_t before = commands->size;
    ASYNC_TRY(redisp_command_vadd(commands, format, arguments));
    const struct command added = {.bytes = commands->bytes + before,
                                  .size = commands->size - before};
    int result = redisp_check_pooled(&added);
    if (result < 0) {
        commands->size = before;
        return result;
    }
    batch->blocks |= redisp_command_blocks(&added);
    batch->count++;
    return 0;
}

int async_redis_batch_add(async_redis_batch *batch, const char *format, ...)
{
    va_list arguments;
    if (batch == NULL)
        return async_fail(-EINVAL, "async_redis_batch_add: the batch is NULL");
    va_start(arguments, format);
    int result = add_to_batch(batch, format, arguments);
    va_end(arguments);
    return result;
}

/* ---- replies -------------------------------------------------------------------------------- */

static struct async_redis_reply *last_of(struct async_redis_reply **replies, size_t count)
{
    return replies[count - 1];
}

/* The memory of each reply becomes the root's. */
static void adopt(struct root *root, struct async_redis_reply *reply, size_t index)
{
    struct chunk **end = &((struct root *)reply)->chunks;
    root->reply.value.elements[index] = *reply;
    while (*end != NULL)
        end = &(*end)->next;
    struct chunk *chunks = ((struct root *)reply)->chunks;
    *end = root->chunks->next;
    root->chunks->next = chunks;
}

/* One array of the replies, which it takes, also after an error. */
static int join_replies(struct async_redis_reply **replies, size_t count, async_redis_reply **reply)
{
    size_t size = sizeof(struct root) + count * sizeof **replies;
    struct chunk *chunk = redisp_realloc(NULL, sizeof *chunk + size);
    if (chunk == NULL) {
        redisp_free_replies(replies, count);
        return -ENOMEM;
    }
    *chunk = (struct chunk){.used = size, .size = size};
    struct root *root = (struct root *)chunk->bytes;
    *root = (struct root){.reply = {.type = ASYNC_REDIS_ARRAY, .size = count}, .chunks = chunk};
    root->reply.value.elements = (struct async_redis_reply *)(root + 1);
    for (size_t i = 0; i < count; i++)
        adopt(root, replies[i], i);
    *reply = &root->reply;
    return 0;
}

/* ---- sending -------------------------------------------------------------------------------- */

/* What becomes of the replies, which it takes. */
typedef int finishing(struct async_redis_reply **replies, size_t count, async_redis_reply **reply);

static int call_many(struct async_redis *redis, const struct command *commands, size_t count,
                     finishing *finish, async_redis_reply **reply)
{
    struct async_redis_reply **replies = redisp_new(count * sizeof *replies);
    if (replies == NULL)
        return -ENOMEM;
    int result = redisp_call(redis, commands, replies, count);
    if (result == 0)
        result = finish(replies, count, reply);
    free(replies);
    return result;
}

static int check_batch(const struct async_redis_batch *batch, async_redis_reply **reply,
                       const char *call)
{
    if (reply == NULL)
        return async_fail(-EINVAL, "%s: the place for the reply is NULL", call);
    *reply = NULL;
    if (batch == NULL || batch->count == 0)
        return async_fail(-EINVAL, "%s: the batch is NULL or empty", call);
    return 0;
}

int async_redis_pipeline(async_redis *redis, async_redis_reply **reply,
                         const async_redis_batch *batch)
{
    static const char call[] = "async_redis_pipeline";
    ASYNC_TRY(check_batch(batch, reply, call));
    if (batch->blocks)
        return async_fail(-EINVAL, "%s: a command of the batch would hold up all tasks", call);
    ASYNC_TRY(redisp_hold(redis, call));
    int result = call_many(redis, &batch->commands, batch->count, join_replies, reply);
    redisp_release(redis);
    return result;
}

/* Of MULTI, the commands, and EXEC. If EXEC fails, the first error says why. */
static int take_exec(struct async_redis_reply **replies, size_t count, async_redis_reply **reply)
{
    struct async_redis_reply *exec = last_of(replies, count);
    size_t first = 0;
    while (first + 1 < count && replies[first]->type != ASYNC_REDIS_ERROR)
        first++;
    int result = exec->type == ASYNC_REDIS_ERROR ? redisp_fail("the transaction", replies[first])
                                                 : 0;
    redisp_free_replies(replies, count - (result == 0));
    if (result == 0)
        *reply = exec;
    return result;
}

static int surround(struct command *command, const struct async_redis_batch *batch)
{
    ASYNC_TRY(redisp_command_add(command, "MULTI"));
    ASYNC_TRY(redisp_command_append(command, &batch->commands));
    return redisp_command_add(command, "EXEC");
}

/*
 * Were MULTI refused, the commands behind it would be executed one by one. So an empty transaction
 * comes first, once for each connection.
 */
static int check_multi(struct async_redis *redis)
{
    async_redis_reply *reply = NULL;
    struct command command;
    if (redis->allows_multi)
        return 0;
    redisp_command_open(&command);
    int result = redisp_command_add(&command, "MULTI");
    if (result == 0)
        result = redisp_command_add(&command, "EXEC");
    if (result == 0)
        result = call_many(redis, &command, 2, take_exec, &reply);
    redis->allows_multi = result == 0;
    redisp_command_close(&command);
    async_redis_reply_free(reply);
    return result;
}

int async_redis_transaction(async_redis *redis, async_redis_reply **reply,
                            const async_redis_batch *batch)
{
    static const char call[] = "async_redis_transaction";
    struct command command;
    ASYNC_TRY(check_batch(batch, reply, call));
    ASYNC_TRY(redisp_hold(redis, call));
    redisp_command_open(&command);
    int result = check_multi(redis);
    if (result == 0)
        result = surround(&command, batch);
    if (result == 0)
        result = call_many(redis, &command, batch->count + 2, take_exec, reply);
    redisp_command_close(&command);
    redisp_release(redis);
    return result;
}
