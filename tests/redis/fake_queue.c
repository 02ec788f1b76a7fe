/* fake_queue.c: a queue in a server that is a task of the test. */
#include "redis/fake_queue.h"
#include <asyncio/redis_queue.h>
#include <string.h>

/* An entry of the stream {jobs}:s with an int. */
static const char ENTRIES[] = "*1\r\n*2\r\n$8\r\n{jobs}:s\r\n*1\r\n*2\r\n$3\r\n1-1\r\n"
                              "*4\r\n$1\r\nt\r\n$3\r\n4/0\r\n$1\r\nb\r\n$4\r\nabcd\r\n";

int fake_answer_queue(async_stream *stream, const async_redis_reply *command)
{
    const char *name = fake_word(command, 0);
    if (strcmp(name, "XREADGROUP") == 0)
        return fake_say(stream, ENTRIES);
    if (strcmp(name, "XPENDING") == 0)
        return fake_say(stream, "*0\r\n");
    if (strcmp(name, "EVAL") == 0 || strcmp(name, "WAIT") == 0)
        return fake_say(stream, ":1\r\n");
    return fake_answer(stream, command);
}

static int put_all(async_queue *queue)
{
    const int number = 1;
    ASYNC_TRY(async_queue_put(queue, &number));
    ASYNC_TRY(async_redis_queue_put_later(queue, &number, 1));
    return async_redis_queue_put_once(queue, &number, "once");
}

static int take_all(async_queue *queue)
{
    int number;
    ASYNC_TRY(async_queue_get(queue, &number));
    async_queue_task_done(queue);
    ASYNC_TRY(async_queue_get(queue, &number));
    async_queue_task_failed(queue, async_fail(-EIO, "a rather long reason for a failure"));
    return async_queue_get(queue, &number); /* not reported: it goes back */
}

static int use(async_redis *redis, const async_redis_queue_options *options)
{
    async_auto_queue *queue = NULL;
    ASYNC_TRY(async_redis_queue_open(&queue, redis, "jobs", sizeof(int), options));
    ASYNC_TRY(put_all(queue));
    return take_all(queue);
}

int fake_use_queue(async_redis *redis)
{
    const async_redis_queue_options limited = {.maxsize = 5}, durable = {.durable = 1};
    ASYNC_TRY(use(redis, &limited));
    return use(redis, &durable);
}
