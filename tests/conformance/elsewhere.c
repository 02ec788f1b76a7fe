/*
 * elsewhere.c: the queues of a program in Redis, on the real clock, if the environment says so:
 *
 *     CONFORMANCE_REDIS    the URL of the server
 *     CONFORMANCE_UNIT     seconds that a second of the program takes
 *
 * redis_queues.py starts the server and the player, and says which programs can be compared so.
 */
#include "player.h"

#include <asyncio/redis_queue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAME_BYTES = 64, MAX_LEFT = 256, PRIORITY_KIND = 2, PRIORITIES = 10 /* values */ };

static async_redis *redis;
static int programs; /* played by this process */

static const char *url(void)
{
    return getenv("CONFORMANCE_REDIS");
}

bool is_elsewhere(void)
{
    return url() != NULL;
}

double real_seconds(int duration)
{
    static double unit;
    const char *text = getenv("CONFORMANCE_UNIT");
    if (unit == 0)
        unit = text != NULL ? atof(text) : 1;
    return duration * unit;
}

static _Noreturn void fail(const char *call, int error)
{
    fprintf(stderr, "%s: %s\n", call, async_strerror(error));
    exit(2);
}

static async_redis *connect_client(void)
{
    async_redis *client;
    int result = async_redis_connect(&client, url(), NULL);
    if (result < 0)
        fail("async_redis_connect", result);
    return client;
}

/* Each program has queues of its own. */
static void write_name(char *name, int number)
{
    snprintf(name, NAME_BYTES, "%d-%d-%d", (int)getpid(), programs, number);
}

static int priority_of(const void *item)
{
    return *(const int *)item;
}

async_queue *open_elsewhere(int number, int kind, size_t maxsize)
{
    const async_redis_queue_options options = {.maxsize = maxsize,
                                               .priorities = kind == PRIORITY_KIND ? PRIORITIES : 0,
                                               .priority = priority_of};
    char name[NAME_BYTES];
    async_queue *queue;
    if (redis == NULL) {
        redis = connect_client();
        programs++;
    }
    write_name(name, number);
    int result = async_redis_queue_open(&queue, redis, name, sizeof(int), &options);
    if (result < 0)
        fail("async_redis_queue_open", result);
    return queue;
}

/* ---- the end -------------------------------------------------------------------------------- */

void wait_for_the_end(void)
{
    for (int i = 0; i < play.frame_count; i++)
        while (!play.frames[i].ended)
            async_ignore(async_sleep(0.01));
}

static int compare_items(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* Adds the items of a stream, of which there is one for each priority: their number then. */
static size_t read_items(async_redis *client, int number, int priority, int *items, size_t count)
{
    async_auto_redis_reply *reply = NULL;
    char name[NAME_BYTES], suffix[12] = "";
    write_name(name, number);
    if (priority > 0)
        snprintf(suffix, sizeof suffix, "%d", priority);
    int result = async_redis_command(client, &reply, "XRANGE {%s}:s%s - +", name, suffix);
    if (result < 0)
        fail("XRANGE", result);
    for (size_t i = 0; i < async_redis_reply_size(reply) && count < MAX_LEFT; i++) {
        const async_redis_reply *fields = async_redis_reply_at(async_redis_reply_at(reply, i), 1);
        const char *bytes;
        for (size_t k = 0; k + 1 < async_redis_reply_size(fields); k += 2)
            if (async_redis_reply_text(async_redis_reply_at(fields, k), &bytes) == 1 &&
                bytes[0] == 'b' &&
                async_redis_reply_text(async_redis_reply_at(fields, k + 1), &bytes) == sizeof(int))
                memcpy(&items[count++], bytes, sizeof(int));
    }
    return count;
}

static void print_items(async_redis *client, int number)
{
    int items[MAX_LEFT];
    size_t count = 0;
    for (int priority = 0; priority < PRIORITIES; priority++)
        count = read_items(client, number, priority, items, count);
    qsort(items, count, sizeof items[0], compare_items);
    printf("0 left%d", number);
    for (size_t i = 0; i < count; i++)
        printf(" %d", items[i]);
    putchar('\n');
}

/* The queues give their items back before their client has ended. */
void print_what_is_left(void)
{
    async_redis_free_wait(redis);
    redis = NULL;
    async_redis *client = connect_client();
    for (int i = 0; i < MAX_OBJECTS; i++)
        if (play.queues[i].queue != NULL)
            print_items(client, i);
    async_redis_free_wait(client);
}
