/*
 * commands.c: the commands. Each answers as Redis does, and returns 0, or 1 to end the connection.
 */
#include "client.h"
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_PENDING = 1 << 20 };

static int refuse(struct client *client, const char *message)
{
    async_stream_printf(client->stream, "-%s\r\n", message);
    return 0;
}

static int refuse_type(struct client *client)
{
    return refuse(client, "WRONGTYPE Operation against a key holding the wrong kind of value");
}

static struct word argument(const struct client *client, int index)
{
    return client->request.words[index];
}

/* ---- values --------------------------------------------------------------------------------- */

static int do_get(struct client *client)
{
    const struct entry *entry = store_find(client->store, argument(client, 1));
    if (entry != NULL && entry->items != NULL)
        return refuse_type(client);
    if (entry == NULL || entry->value.text == NULL)
        reply(client->stream, "$-1\r\n");
    else
        reply_word(client->stream, entry->value);
    return 0;
}

static int do_set(struct client *client)
{
    struct entry *entry = store_make(client->store, argument(client, 1));
    if (client->request.count > 3)
        return store_tidy(client->store, entry),
               refuse(client, "ERR syntax error"); /* SET has no options here */
    ASYNC_TRY(entry != NULL ? entry_set(entry, argument(client, 2)) : -ENOMEM);
    reply(client->stream, "+OK\r\n");
    return 0;
}

static int do_del(struct client *client)
{
    int deleted = 0;
    for (int i = 1; i < client->request.count; i++) {
        struct entry *entry = store_find(client->store, argument(client, i));
        if (entry == NULL || (entry->value.text == NULL && entry->items == NULL))
            continue;
        entry_clear(entry);
        store_tidy(client->store, entry);
        deleted++;
    }
    reply_number(client->stream, deleted);
    return 0;
}

/* True for canonical numbers only: no spaces, leading zeros or plus sign. */
static bool is_number(struct word word, long long *number)
{
    char text[32], again[32], *end;
    if (word.size == 0 || word.size >= sizeof text)
        return false;
    memcpy(text, word.text, word.size);
    text[word.size] = 0;
    errno = 0;
    *number = strtoll(text, &end, 10);
    snprintf(again, sizeof again, "%lld", *number);
    return errno == 0 && strlen(again) == word.size && memcmp(again, text, word.size) == 0;
}

static int do_incr(struct client *client)
{
    char text[32];
    long long number = 0;
    struct entry *entry = store_make(client->store, argument(client, 1));
    if (entry == NULL)
        return -ENOMEM;
    if (entry->items != NULL)
        return refuse_type(client);
    if (entry->value.text != NULL && !is_number(entry->value, &number))
        return refuse(client, "ERR value is not an integer or out of range");
    if (number == LLONG_MAX)
        return refuse(client, "ERR increment or decrement would overflow");
    int length = snprintf(text, sizeof text, "%lld", number + 1);
    ASYNC_TRY(entry_set(entry, (struct word){text, (size_t)length}));
    reply_number(client->stream, number + 1);
    return 0;
}

/* ---- lists ---------------------------------------------------------------------------------- */

static int push(struct client *client, bool first)
{
    struct entry *entry = store_make(client->store, argument(client, 1));
    if (entry == NULL)
        return -ENOMEM;
    if (entry->value.text != NULL)
        return refuse_type(client);
    for (int i = 2; i < client->request.count; i++)
        ASYNC_TRY(entry_push(entry, argument(client, i), first));
    reply_number(client->stream, (long long)entry->item_count);
    entry_serve_waiters(entry);
    return 0;
}

static int do_rpush(struct client *client)
{
    return push(client, false);
}

static int do_lpush(struct client *client)
{
    return push(client, true);
}

static void send_item(struct client *client, struct word key, struct item *item)
{
    reply_count(client->stream, 2);
    reply_word(client->stream, key);
    reply_word(client->stream, (struct word){item->text, item->size});
    free(item);
}

/* Sets the event at the end of the stream. Requests that arrive meanwhile stay in the buffer. */
static int watch_for_end(async_stream *stream, size_t unread, async_event *end)
{
    const char *text;
    int size;
    do {
        size = async_stream_peek(stream, &text, unread + 1);
        if (size < 0 || (size_t)size <= unread)
            async_event_set(end);
        unread = (size_t)size;
    } while (size > 0 && size < MAX_REQUEST && !async_event_is_set(end));
    return 0;
}
async_fn(watch_for_end, async_stream *, size_t, async_event *);

/* Stops waiting when the client disconnects, so that no item is given to a closed connection. */
static int await_item(struct client *client, struct item_wait *wait, double seconds)
{
    ASYNC_TASK_GROUP(group);
    client->waited = true;
    async_group_create_task(&group, watch_for_end, client->stream, client->unread, &wait->done);
    return async_timeout(seconds, async_event_wait(&wait->done));
}

/* Joins the waiters of all these lists, each once. Returns the number of lists. */
static int join_lists(struct client *client, struct waiter *waiters, int count,
                      struct item_wait *wait)
{
    int joined = 0;
    for (int i = 0; i < count; i++) {
        struct entry *entry = store_make(client->store, argument(client, 1 + i));
        bool known = entry == NULL;
        for (int j = 0; j < joined; j++)
            known = known || waiters[j].entry == entry;
        if (known)
            continue;
        waiters[joined].wait = wait;
        entry_join(entry, &waiters[joined++]);
    }
    return joined;
}

static int wait_for_item(struct client *client, int count, double seconds)
{
    struct item_wait wait = {0};
    struct waiter *waiters = calloc((size_t)count, sizeof *waiters);
    if (waiters == NULL)
        return -ENOMEM;
    int joined = join_lists(client, waiters, count, &wait);
    int result = joined > 0 ? await_item(client, &wait, seconds) : -ENOMEM;
    if (wait.item != NULL)
        send_item(client, wait.from->key, wait.item);
    else if (result == -ETIMEDOUT)
        reply(client->stream, "*-1\r\n");
    else if (result == 0)
        result = 1; /* the client has disconnected */
    for (int i = 0; i < joined; i++) {
        entry_leave(waiters[i].entry, &waiters[i]);
        store_tidy(client->store, waiters[i].entry);
    }
    free(waiters);
    return result == -ETIMEDOUT ? 0 : result;
}

/* Returns an error message, or NULL. */
static const char *parse_timeout(struct word word, double *seconds)
{
    char text[64], *end;
    snprintf(text, sizeof text, "%.*s", (int)word.size, word.text);
    *seconds = strtod(text, &end);
    if (end != text + word.size || end == text || !isfinite(*seconds))
        return "ERR timeout is not a float or out of range";
    return *seconds < 0 ? "ERR timeout is negative" : NULL;
}

static int do_blpop(struct client *client)
{
    int lists = client->request.count - 2;
    double seconds;
    const char *wrong = parse_timeout(argument(client, 1 + lists), &seconds);
    if (wrong != NULL)
        return refuse(client, wrong);
    for (int i = 1; i <= lists; i++) {
        struct entry *entry = store_find(client->store, argument(client, i));
        if (entry != NULL && entry->value.text != NULL)
            return refuse_type(client);
        if (entry != NULL && entry->items != NULL) {
            send_item(client, entry->key, entry_pop(entry));
            store_tidy(client->store, entry);
            return 0;
        }
    }
    return wait_for_item(client, lists, seconds > 0 ? seconds : ASYNC_FOREVER);
}

/* ---- channels ------------------------------------------------------------------------------- */

static void send_message(async_stream *stream, struct word channel, struct word message)
{
    reply(stream, "*3\r\n$7\r\nmessage\r\n");
    reply_word(stream, channel);
    reply_word(stream, message);
}

/*
 * Never switches, so the list cannot change during the loop. A subscriber that does not read is
 * disconnected.
 */
static int do_publish(struct client *client)
{
    int reached = 0;
    const struct entry *entry = store_find(client->store, argument(client, 1));
    const struct subscription *one = entry != NULL ? entry->subscriptions : NULL;
    for (; one != NULL; one = one->next_of_channel, reached++)
        if (async_stream_pending(one->stream) > MAX_PENDING)
            async_task_cancel_because(one->task, "it does not read");
        else
            send_message(one->stream, entry->key, argument(client, 2));
    reply_number(client->stream, reached);
    return 0;
}

/* The place of the client's subscription in its list, or the list's end. */
static struct subscription **find_subscription(struct client *client, struct word channel)
{
    struct subscription **place = &client->subscriptions;
    while (*place != NULL && ((*place)->channel->key.size != channel.size ||
                              memcmp((*place)->channel->key.text, channel.text, channel.size) != 0))
        place = &(*place)->next_of_client;
    return place;
}

static int subscribe(struct client *client, struct word channel)
{
    struct subscription **place = find_subscription(client, channel);
    if (*place != NULL)
        return 0;
    struct entry *entry = store_make(client->store, channel);
    struct subscription *one = entry != NULL ? malloc(sizeof *one) : NULL;
    if (one == NULL)
        return store_tidy(client->store, entry), -ENOMEM;
    *one = (struct subscription){entry->subscriptions, NULL, entry, client->stream, client->task};
    *place = entry->subscriptions = one;
    client->subscription_count++;
    return 0;
}

/* Removes the subscription from both lists. */
static void unsubscribe(struct client *client, struct subscription **place)
{
    struct subscription *one = *place, **of_channel = &one->channel->subscriptions;
    *place = one->next_of_client;
    while (*of_channel != one)
        of_channel = &(*of_channel)->next_of_channel;
    *of_channel = one->next_of_channel;
    client->subscription_count--;
    store_tidy(client->store, one->channel);
    free(one);
}

void forget_subscriptions(struct client *client)
{
    while (client->subscriptions != NULL)
        unsubscribe(client, &client->subscriptions);
}

static int do_subscribe(struct client *client)
{
    for (int i = 1; i < client->request.count; i++) {
        ASYNC_TRY(subscribe(client, argument(client, i)));
        reply(client->stream, "*3\r\n$9\r\nsubscribe\r\n");
        reply_word(client->stream, argument(client, i));
        reply_number(client->stream, client->subscription_count);
    }
    return 0;
}

static int do_unsubscribe(struct client *client)
{
    bool all = client->request.count == 1;
    for (int i = 1; all ? client->subscriptions != NULL : i < client->request.count; i++) {
        struct subscription **place = all ? &client->subscriptions
                                          : find_subscription(client, argument(client, i));
        reply(client->stream, "*3\r\n$11\r\nunsubscribe\r\n");
        reply_word(client->stream, all ? (*place)->channel->key : argument(client, i));
        if (*place != NULL)
            unsubscribe(client, place);
        reply_number(client->stream, client->subscription_count);
        if (all && client->subscriptions == NULL)
            return 0;
    }
    if (all)
        reply(client->stream, "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n");
    return 0;
}

/* ---- the connection ------------------------------------------------------------------------- */

static int do_ping(struct client *client)
{
    bool text = client->request.count > 1;
    if (client->request.count > 2)
        return refuse(client, "ERR wrong number of arguments for 'ping' command");
    if (client->subscription_count > 0) {
        reply(client->stream, "*2\r\n$4\r\npong\r\n");
        reply_word(client->stream, text ? argument(client, 1) : (struct word){"", 0});
    } else if (text) {
        reply_word(client->stream, argument(client, 1));
    } else {
        reply(client->stream, "+PONG\r\n");
    }
    return 0;
}

static int do_echo(struct client *client)
{
    reply_word(client->stream, argument(client, 1));
    return 0;
}

static int do_quit(struct client *client)
{
    reply(client->stream, "+OK\r\n");
    return 1;
}

static const struct command {
    const char *name;
    int words; /* including its name; -3: 3 or more */
    int (*perform)(struct client *client);
    bool while_subscribed;
} commands[] = {
    {"get", 2, do_get, false},
    {"set", -3, do_set, false},
    {"ping", -1, do_ping, true},
    {"incr", 2, do_incr, false},
    {"lpush", -3, do_lpush, false},
    {"rpush", -3, do_rpush, false},
    {"blpop", -3, do_blpop, false},
    {"publish", 3, do_publish, false},
    {"subscribe", -2, do_subscribe, true},
    {"unsubscribe", -1, do_unsubscribe, true},
    {"del", -2, do_del, false},
    {"echo", 2, do_echo, false},
    {"quit", -1, do_quit, true},
};

static const struct command *find_command(struct word name)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strlen(commands[i].name) == name.size &&
            strncasecmp(commands[i].name, name.text, name.size) == 0)
            return &commands[i];
    return NULL;
}

/* Appends at most that many bytes of a word, in quotes and without line ends. */
static int append(char *line, size_t size, int at, struct word word, int most)
{
    int from = at + 1;
    if (word.size < (size_t)most)
        most = (int)word.size;
    at += snprintf(line + at, size - (size_t)at, "'%.*s'", most, word.text);
    for (; from < at; from++)
        if (line[from] == '\r' || line[from] == '\n')
            line[from] = ' ';
    return at;
}

static int refuse_unknown(struct client *client)
{
    char line[512];
    int at = snprintf(line, sizeof line, "ERR unknown command ");
    at = append(line, sizeof line, at, argument(client, 0), 128);
    at += snprintf(line + at, sizeof line - (size_t)at, ", with args beginning with: ");
    for (int i = 1, begin = at; i < client->request.count && at - begin < 128; i++) {
        at = append(line, sizeof line, at, argument(client, i), 128 - (at - begin));
        line[at++] = ' ';
    }
    line[at] = 0;
    return refuse(client, line);
}

int perform(struct client *client)
{
    char line[160];
    int words = client->request.count;
    if (words == 0)
        return 0; /* an empty line */
    const struct command *command = find_command(argument(client, 0));
    if (command == NULL)
        return refuse_unknown(client);
    if (command->words >= 0 ? words != command->words : words < -command->words) {
        snprintf(line, sizeof line, "ERR wrong number of arguments for '%s' command",
                 command->name);
        return refuse(client, line);
    }
    if (client->subscription_count > 0 && !command->while_subscribed) {
        snprintf(line, sizeof line,
                 "ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / "
                 "RESET are allowed in this context",
                 command->name);
        return refuse(client, line);
    }
    return command->perform(client);
}
