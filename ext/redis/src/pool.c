/*
 * ext/redis/src/pool.c: connections that are used by one task at a time, for commands that block.
 */
#include "redis.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

struct pooled {
    struct pooled *next; /* of its list, idle or busy */
    struct connection connection;
};

void redisp_pool_open(struct pool *pool, const struct settings *settings, size_t size)
{
    *pool = (struct pool){.settings = settings,
                          .permits = {.value = size < INT_MAX ? (int)size : INT_MAX}};
}

static void push(struct pooled **list, struct pooled *pooled)
{
    pooled->next = *list;
    *list = pooled;
}

static void remove_from(struct pooled **list, const struct pooled *pooled)
{
    while (*list != pooled)
        list = &(*list)->next;
    *list = pooled->next;
}

static void close_pooled(struct pooled *pooled)
{
    redisp_connection_close(&pooled->connection);
    free(pooled);
}

void redisp_pool_close_idle(struct pool *pool)
{
    while (pool->idle != NULL) {
        struct pooled *pooled = pool->idle;
        pool->idle = pooled->next;
        close_pooled(pooled);
    }
}

void redisp_pool_close(struct pool *pool)
{
    pool->is_closed = true;
    redisp_pool_close_idle(pool);
    for (struct pooled *pooled = pool->busy; pooled != NULL; pooled = pooled->next)
        async_stream_abort(pooled->connection.stream);
}

/* An idle connection, or a new one. */
static int take_connection(struct pool *pool, struct pooled **out)
{
    struct pooled *pooled = pool->idle;
    int result = 0;
    if (pooled != NULL) {
        pool->idle = pooled->next;
    } else if ((pooled = redisp_new(sizeof *pooled)) == NULL) {
        return -ENOMEM;
    } else if ((result = redisp_connection_open(&pooled->connection, pool->settings)) < 0) {
        free(pooled);
        return result;
    }
    push(&pool->busy, pooled);
    *out = pooled;
    return 0;
}

static int fail_closed(void)
{
    return async_fail(-EBADF, "the Redis client was freed");
}

typedef int talking(struct connection *connection, void *context);

static int use(struct pool *pool, talking *talk, void *context)
{
    struct pooled *pooled;
    ASYNC_TRY(take_connection(pool, &pooled));
    int result = pool->is_closed ? -EBADF : talk(&pooled->connection, context);
    remove_from(&pool->busy, pooled);
    if (result == 0 && !pool->is_closed) {
        push(&pool->idle, pooled);
        return 0;
    }
    close_pooled(pooled); /* a reply may be on its way */
    return result < 0 && pool->is_closed ? fail_closed() : result;
}

int redisp_pool_use(struct pool *pool, talking *talk, void *context)
{
    ASYNC_TRY(async_semaphore_acquire(&pool->permits));
    int result = pool->is_closed ? fail_closed() : use(pool, talk, context);
    async_semaphore_release(&pool->permits);
    return result;
}

struct exchange {
    const struct command *command;
    struct async_redis_reply **reply;
    double limit;
};

static int exchange(struct connection *connection, void *context)
{
    const struct exchange *exchange = context;
    return redisp_exchange_in_time(connection, exchange->command, exchange->reply, exchange->limit);
}

int redisp_pool_exchange(struct pool *pool, const struct command *command,
                         struct async_redis_reply **reply, double limit)
{
    struct exchange context = {.command = command, .reply = reply, .limit = limit};
    return redisp_pool_use(pool, exchange, &context);
}
