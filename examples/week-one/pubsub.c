/*
 * pubsub.c: a topic, and listeners that come and go; some are too slow.
 *
 * Each listener has a queue, so publishing never waits: a listener with a full queue is dropped.
 * The struct listener is in the stack frame of its task, and in the topic's list as long as the
 * task listens.
 */
#include <asyncio.h>
#include <stdio.h>

enum { ROOM = 2 };

struct listener {
    struct listener *next;
    const char *name;
    async_queue *news;
};

struct topic {
    struct listener *first;
};

static void subscribe(struct topic *topic, struct listener *listener)
{
    listener->next = topic->first;
    topic->first = listener;
}

static void unsubscribe(struct topic *topic, struct listener *listener)
{
    struct listener **place = &topic->first;
    while (*place != listener)
        place = &(*place)->next;
    *place = listener->next;
}

/* Never switches, so the list cannot change during the loop. */
static void publish(struct topic *topic, int number)
{
    printf("publishing %d\n", number);
    for (struct listener *listener = topic->first; listener != NULL; listener = listener->next)
        if (async_queue_put_nowait(listener->news, &number) == -EAGAIN) {
            printf("    %s is too slow\n", listener->name);
            async_queue_shutdown(listener->news, true);
        }
}

static void close_topic(struct topic *topic)
{
    for (struct listener *listener = topic->first; listener != NULL; listener = listener->next)
        async_queue_shutdown(listener->news, false);
}

static int hear(const struct listener *me, double seconds_each)
{
    int number;
    for (;;) {
        ASYNC_TRY(async_queue_get(me->news, &number));
        printf("    %s hears %d\n", me->name, number);
        ASYNC_TRY(async_sleep(seconds_each));
    }
}

static int listen(struct topic *topic, const char *name, double comes_after, double seconds_each)
{
    ASYNC_TRY(async_sleep(comes_after));
    async_auto_queue *news = NULL;
    ASYNC_TRY(async_queue_new(&news, ROOM, sizeof(int)));
    struct listener me = {.name = name, .news = news};
    subscribe(topic, &me);
    int result = hear(&me, seconds_each);
    unsubscribe(topic, &me);
    printf("    %s leaves\n", name);
    return result == -ESHUTDOWN ? 0 : result;
}
async_fn(listen, struct topic *, const char *, double, double);

static int amain(void)
{
    struct topic topic = {NULL};
    ASYNC_TASK_GROUP(listeners);
    async_group_create_task(&listeners, listen, &topic, "Ada", 0.0, 0.1);
    async_group_create_task(&listeners, listen, &topic, "Bob", 1.5, 0.7);
    async_group_create_task(&listeners, listen, &topic, "Cleo", 0.5, 3.3);
    for (int number = 1; number <= 6; number++) {
        ASYNC_TRY(async_sleep(1));
        publish(&topic, number);
    }
    close_topic(&topic);
    return async_group_wait(&listeners);
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
