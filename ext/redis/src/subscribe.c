/*
 * ext/redis/src/subscribe.c: subscriptions of a client: one connection, and one task which receives
 * the messages and puts them into the queues.
 *
 * Invariant: a subscription is in the list until it is freed; it is confirmed while Redis has it.
 * The task keeps a reference to the subscription whose queue it waits for.
 */
#include "client.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char PING[] = "*1\r\n$4\r\nPING\r\n";

struct async_redis_subscription {
    struct async_redis_subscription *next;
    struct async_redis *redis;
    async_queue *queue;
    bool is_pattern, is_confirmed, is_ended;
    int error;            /* Redis has refused it; 0: it has not */
    char *reason;         /* its sentence; NULL: out of memory */
    uint64_t asked;       /* the number of its SUBSCRIBE on this connection */
    unsigned references;  /* of the program, and of the task */
    uint64_t last_number; /* of the last message it was given */
    uint64_t connection;  /* the number of the one on which it was confirmed */
    async_event changed;  /* confirmed, or all is over */
    size_t size;          /* bytes of the name */
    char name[];
};

struct subscriber {
    struct connection connection;
    bool is_up, was_up; /* now; since the last attempt to connect */
    struct async_redis_subscription *first;
    async_task *task; /* NULL: it has ended */
    async_event task_ended;
    uint64_t number;          /* of messages */
    uint64_t connections;     /* made so far */
    uint64_t asked, answered; /* SUBSCRIBEs on this connection */
};

/* ---- messages ------------------------------------------------------------------------------- */

/* A message and its texts in one block. */
struct parcel {
    async_redis_message message; /* must be the first field */
    char text[];
};

void async_redis_message_free(async_redis_message *message)
{
    free(message);
}

void async_redis_message_drop(void *item, void *context)
{
    (void)context;
    free(*(async_redis_message **)item);
}

struct text {
    const char *bytes;
    size_t size;
};

static char *append_text(char **end, struct text text)
{
    char *copy = *end;
    if (text.size > 0)
        memcpy(copy, text.bytes, text.size);
    copy[text.size] = 0;
    *end += text.size + 1;
    return copy;
}

/* pattern.bytes NULL: it came by its channel. */
static async_redis_message *new_message(struct text channel, struct text pattern,
                                        struct text payload)
{
    struct parcel *parcel = redisp_realloc(NULL, sizeof *parcel + channel.size + pattern.size +
                                                     payload.size + 3);
    if (parcel == NULL)
        return NULL;
    char *end = parcel->text;
    parcel->message = (async_redis_message){.size = payload.size};
    parcel->message.channel = append_text(&end, channel);
    parcel->message.payload = append_text(&end, payload);
    if (pattern.bytes != NULL)
        parcel->message.pattern = append_text(&end, pattern);
    return &parcel->message;
}

/* ---- the list ------------------------------------------------------------------------------- */

static void release(struct async_redis_subscription *subscription)
{
    struct async_redis *redis = subscription->redis;
    if (--subscription->references > 0)
        return;
    free(subscription->reason);
    free(subscription);
    redisp_release(redis);
}

static bool has_name(const struct async_redis_subscription *subscription, bool is_pattern,
                     struct text name)
{
    return subscription->is_pattern == is_pattern && subscription->size == name.size &&
           memcmp(subscription->name, name.bytes, name.size) == 0;
}

/* One of a name that was not given the current message yet; NULL: none. */
static struct async_redis_subscription *next_to_serve(struct subscriber *subscriber,
                                                      bool is_pattern, struct text name)
{
    struct async_redis_subscription *subscription = subscriber->first;
    while (subscription != NULL && (subscription->last_number == subscriber->number ||
                                    !has_name(subscription, is_pattern, name)))
        subscription = subscription->next;
    return subscription;
}

static bool is_subscribed(const struct subscriber *subscriber,
                          const struct async_redis_subscription *other)
{
    const struct text name = {other->name, other->size};
    for (const struct async_redis_subscription *subscription = subscriber->first;
         subscription != NULL; subscription = subscription->next)
        if (has_name(subscription, other->is_pattern, name))
            return true;
    return false;
}

/* ---- putting messages into queues ----------------------------------------------------------- */

/* Takes the message, which may be NULL: out of memory. Waits for room in the queue. */
static int put_message(struct async_redis_subscription *subscription, async_redis_message *message)
{
    if (message == NULL)
        return -ENOMEM;
    subscription->references++;
    int result = subscription->is_ended ? -ESHUTDOWN
                                        : async_queue_put(subscription->queue, &message);
    if (result < 0)
        async_redis_message_free(message);
    release(subscription);
    return result == -ENOMEM ? result : 0; /* a queue that was shut down takes no more */
}

static int deliver_message(struct subscriber *subscriber, struct text channel, struct text pattern,
                           struct text payload)
{
    bool by_pattern = pattern.bytes != NULL;
    struct async_redis_subscription *subscription;
    subscriber->number++;
    while ((subscription = next_to_serve(subscriber, by_pattern, by_pattern ? pattern : channel)) !=
           NULL) {
        subscription->last_number = subscriber->number;
        ASYNC_TRY(put_message(subscription, new_message(channel, pattern, payload)));
    }
    return 0;
}

/* A subscription that Redis had already: between the two connections messages may be missing. */
static int confirm(struct subscriber *subscriber, bool is_pattern, struct text name)
{
    struct async_redis_subscription *subscription;
    subscriber->number++;
    while ((subscription = next_to_serve(subscriber, is_pattern, name)) != NULL) {
        bool is_back = subscription->is_confirmed &&
                       subscription->connection != subscriber->connections;
        subscription->last_number = subscriber->number;
        subscription->connection = subscriber->connections;
        subscription->is_confirmed = true;
        async_event_set(&subscription->changed);
        if (is_back) /* the subscription may be freed meanwhile */
            ASYNC_TRY(put_message(subscription, redisp_new(sizeof(async_redis_message))));
    }
    return 0;
}

static void refuse(struct async_redis_subscription *subscription, int error)
{
    char reason[200];
    async_strerror_copy(error, reason, sizeof reason);
    subscription->error = error;
    free(subscription->reason);
    subscription->reason = redisp_copy(reason);
    async_event_set(&subscription->changed);
}

/* Redis answers in the order of the requests, and an error does not name the channel. */
static void refuse_next(struct subscriber *subscriber, int error)
{
    for (struct async_redis_subscription *subscription = subscriber->first; subscription != NULL;
         subscription = subscription->next)
        if (subscription->asked == subscriber->answered && !subscription->is_confirmed)
            refuse(subscription, error);
}

/* Without a connection that Redis accepts no request is answered. */
static void refuse_waiting(struct subscriber *subscriber, int error)
{
    for (struct async_redis_subscription *subscription = subscriber->first; subscription != NULL;
         subscription = subscription->next)
        if (!subscription->is_confirmed)
            refuse(subscription, error);
}

static struct text text_at(const struct async_redis_reply *reply, size_t index)
{
    struct text text = {NULL, 0};
    int size = async_redis_reply_text(async_redis_reply_at(reply, index), &text.bytes);
    text.size = size > 0 ? (size_t)size : 0;
    return text;
}

static bool is(struct text text, const char *word)
{
    return text.bytes != NULL && text.size == strlen(word) &&
           memcmp(text.bytes, word, text.size) == 0;
}

/* message channel payload; pmessage pattern channel payload; (p)subscribe name count */
static int handle(struct subscriber *subscriber, const struct async_redis_reply *reply)
{
    const struct text none = {NULL, 0}, kind = text_at(reply, 0), second = text_at(reply, 1);
    bool is_answer = is(kind, "subscribe") || is(kind, "psubscribe");
    subscriber->answered += is_answer || reply->type == ASYNC_REDIS_ERROR;
    if (reply->type == ASYNC_REDIS_ERROR)
        refuse_next(subscriber, redisp_fail(NULL, reply));
    if (second.bytes == NULL)
        return 0;
    if (is(kind, "message"))
        return deliver_message(subscriber, second, none, text_at(reply, 2));
    if (is(kind, "pmessage"))
        return deliver_message(subscriber, text_at(reply, 2), second, text_at(reply, 3));
    if (is_answer)
        return confirm(subscriber, is(kind, "psubscribe"), second);
    return 0;
}

/* ---- the connection ------------------------------------------------------------------------- */

static int send_about(struct subscriber *subscriber, const char *word,
                      const struct async_redis_subscription *subscription)
{
    struct command command;
    redisp_command_open(&command);
    int result = redisp_command_add(&command, "%s%s %b", subscription->is_pattern ? "P" : "", word,
                                    subscription->name, subscription->size);
    if (result == 0)
        result = redisp_send(&subscriber->connection, command.bytes, command.size);
    redisp_command_close(&command);
    return result;
}

static int ask_for(struct subscriber *subscriber, struct async_redis_subscription *subscription)
{
    subscription->asked = ++subscriber->asked;
    return send_about(subscriber, "SUBSCRIBE", subscription);
}

static int subscribe_to_all(struct subscriber *subscriber)
{
    subscriber->asked = subscriber->answered = 0;
    for (struct async_redis_subscription *subscription = subscriber->first; subscription != NULL;
         subscription = subscription->next)
        ASYNC_TRY(ask_for(subscriber, subscription));
    return 0;
}

/* Channels may be silent for long: PING asks whether the server is there. */
static int receive_message(struct subscriber *subscriber, const struct settings *settings,
                           struct async_redis_reply **reply)
{
    struct connection *connection = &subscriber->connection;
    for (bool has_asked = false;; has_asked = true) {
        uint64_t received = connection->received;
        double limit = subscriber->first != NULL ? settings->silence_limit / 2 : INFINITY;
        int result = async_timeout(limit, redisp_receive(connection, reply));
        if (result != -ETIMEDOUT)
            return result;
        if (has_asked && connection->received == received)
            return redisp_fail_silent(settings);
        ASYNC_TRY(async_stream_write(connection->stream, PING, sizeof PING - 1));
    }
}

static int receive_messages(struct subscriber *subscriber, const struct settings *settings)
{
    for (;;) {
        async_auto_redis_reply *reply = NULL;
        ASYNC_TRY(receive_message(subscriber, settings, &reply));
        ASYNC_TRY(handle(subscriber, reply));
    }
}

static int serve_connection(struct async_redis *redis)
{
    struct subscriber *subscriber = redis->subscriber;
    ASYNC_TRY(redisp_connection_open(&subscriber->connection, &redis->settings));
    subscriber->is_up = subscriber->was_up = true;
    subscriber->connections++;
    int result = subscribe_to_all(subscriber);
    if (result == 0)
        result = receive_messages(subscriber, &redis->settings);
    subscriber->is_up = false;
    redisp_connection_close(&subscriber->connection);
    return result;
}

/* Wakes the tasks waiting for a confirmation. */
static void end_all(struct subscriber *subscriber)
{
    for (struct async_redis_subscription *subscription = subscriber->first; subscription != NULL;
         subscription = subscription->next)
        async_event_set(&subscription->changed);
}

/* A server that is away may come back; one that refuses the login will do so again. */
static bool is_final(int error)
{
    return error == -EACCES || error == -EREMOTEIO || error == -EPROTO || error == -EBADMSG;
}

/* Until the client is freed, or the run ends. */
static int receive_for_all(void *argument)
{
    struct async_redis *redis = argument;
    double pause = REDISP_FIRST_PAUSE;
    int result = 0;
    while (result != -ECANCELED && !redis->is_over) {
        redis->subscriber->was_up = false;
        result = serve_connection(redis);
        if (result == -ECANCELED)
            break;
        if (!redis->subscriber->was_up && is_final(result))
            refuse_waiting(redis->subscriber, result);
        pause = redis->subscriber->was_up ? REDISP_FIRST_PAUSE : pause * 2;
        result = async_sleep(redisp_pause(redis, pause));
    }
    end_all(redis->subscriber);
    redisp_end_task(&redis->subscriber->task, &redis->subscriber->task_ended);
    redisp_release(redis);
    return 0;
}

static int start(struct async_redis *redis)
{
    static const async_task_options options = {.name = "subscriptions of Redis"};
    if (redis->subscriber != NULL)
        return 0;
    struct subscriber *subscriber = redisp_new(sizeof *subscriber);
    if (subscriber == NULL)
        return -ENOMEM;
    subscriber->task = asyncp_create_task_ptr(receive_for_all, redis, &options, ASYNCP_HERE);
    if (subscriber->task == NULL) {
        free(subscriber);
        return -ENOMEM;
    }
    redis->references++;
    redis->subscriber = subscriber;
    return 0;
}

void redisp_end_subscriber(struct async_redis *redis)
{
    if (redis->subscriber != NULL)
        redisp_cancel_task(redis->subscriber->task, &redis->subscriber->task_ended);
}

/* ---- subscriptions -------------------------------------------------------------------------- */

static struct async_redis_subscription *new_subscription(struct async_redis *redis,
                                                         async_queue *queue, bool is_pattern,
                                                         const char *name)
{
    size_t size = strlen(name);
    struct async_redis_subscription *subscription = redisp_new(sizeof *subscription + size + 1);
    if (subscription == NULL)
        return NULL;
    subscription->redis = redis;
    subscription->queue = queue;
    subscription->is_pattern = is_pattern;
    subscription->references = 1;
    subscription->size = size;
    memcpy(subscription->name, name, size);
    subscription->next = redis->subscriber->first;
    redis->subscriber->first = subscription;
    redis->references++;
    return subscription;
}

/* A failure of the write is noticed by the task, which subscribes to all again. */
static int wait_for_confirmation(struct async_redis_subscription *subscription)
{
    struct subscriber *subscriber = subscription->redis->subscriber;
    if (subscriber->is_up)
        async_ignore(ask_for(subscriber, subscription));
    while (!subscription->is_confirmed && subscription->error == 0 && !subscription->redis->is_over)
        ASYNC_TRY(async_event_wait(&subscription->changed));
    if (subscription->error != 0)
        return async_fail(subscription->error, "the subscription to %s: %s", subscription->name,
                          subscription->reason != NULL ? subscription->reason : "refused");
    return subscription->is_confirmed ? 0 : redisp_fail_over(subscription->redis);
}

static int subscribe(async_redis_subscription **out, struct async_redis *redis, async_queue *queue,
                     bool is_pattern, const char *name)
{
    ASYNC_TRY(start(redis));
    struct async_redis_subscription *subscription = new_subscription(redis, queue, is_pattern,
                                                                     name);
    if (subscription == NULL)
        return -ENOMEM;
    int result = wait_for_confirmation(subscription);
    if (result < 0)
        async_redis_unsubscribe(subscription);
    else
        *out = subscription;
    return result;
}

static int check_and_subscribe(async_redis_subscription **subscription, async_redis *redis,
                               async_queue *queue, bool is_pattern, const char *name)
{
    static const char call[] = "async_redis_subscribe";
    if (subscription == NULL)
        return async_fail(-EINVAL, "%s: the place for the subscription is NULL", call);
    *subscription = NULL;
    if (queue == NULL || name == NULL)
        return async_fail(-EINVAL, "%s: the queue or the name is NULL", call);
    if (async_queue_item_size(queue) != sizeof(async_redis_message *))
        return async_fail(-EINVAL,
                          "%s: the queue's items have %zu bytes; create it with "
                          "sizeof(async_redis_message *)",
                          call, async_queue_item_size(queue));
    ASYNC_TRY(redisp_hold(redis, call));
    int result = redis->is_over ? redisp_fail_over(redis)
                                : subscribe(subscription, redis, queue, is_pattern, name);
    redisp_release(redis);
    return result;
}

int async_redis_subscribe(async_redis_subscription **subscription, async_redis *redis,
                          async_queue *queue, const char *channel)
{
    return check_and_subscribe(subscription, redis, queue, false, channel);
}

int async_redis_psubscribe(async_redis_subscription **subscription, async_redis *redis,
                           async_queue *queue, const char *pattern)
{
    return check_and_subscribe(subscription, redis, queue, true, pattern);
}

void async_redis_unsubscribe(async_redis_subscription *subscription)
{
    if (subscription == NULL)
        return;
    struct subscriber *subscriber = subscription->redis->subscriber;
    struct async_redis_subscription **link = &subscriber->first;
    while (*link != subscription)
        link = &(*link)->next;
    *link = subscription->next;
    subscription->is_ended = true;
    if (subscriber->is_up && !is_subscribed(subscriber, subscription))
        async_ignore(send_about(subscriber, "UNSUBSCRIBE", subscription));
    release(subscription);
}
