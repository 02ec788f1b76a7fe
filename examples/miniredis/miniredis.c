/*
 * miniredis.c: a small Redis: `miniredis 6379`, then redis-cli or redis-benchmark. PING, ECHO, GET, SET, DEL, INCR,
 * RPUSH, BLPOP, PUBLISH, SUBSCRIBE; any number of commands may be under way on a connection.
 *
 * A command is parsed where it lies in the stream's buffer, and its words are lent until the next one is read. One
 * loop, one thread: between two switches nobody else touches the tables, so there are no locks.
 */
#include "store.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MOST_WORDS = 64, MOST_REQUEST = 1 << 20, MOST_PENDING = 1 << 20 };

struct command {
    struct word words[MOST_WORDS];
    int count;
};

struct client {
    async_stream *stream;
    struct store *store;
    struct command command;
};

/* ---- the protocol ---- */

/* The number after a mark, and the line's end: how many bytes that is; 0: more have to come; -EPROTO. */
static int parse_number(const char *text, size_t size, char mark, int *number)
{
    size_t at = 1;
    long value = 0;
    if (size == 0)
        return 0;
    if (text[0] != mark)
        return -EPROTO;
    for (; at < size && text[at] >= '0' && text[at] <= '9'; at++)
        if ((value = value * 10 + (text[at] - '0')) > MOST_REQUEST)
            return -EPROTO;
    if (size < at + 2)
        return at < size && text[at] != '\r' ? -EPROTO : 0;
    if (text[at] != '\r' || text[at + 1] != '\n' || at == 1)
        return -EPROTO;
    *number = (int)value;
    return (int)at + 2;
}

/* One word: how many bytes it takes; 0: more have to come. */
static int parse_word(const char *text, size_t size, struct word *word)
{
    int length, used = parse_number(text, size, '$', &length);
    if (used <= 0 || size < (size_t)used + (size_t)length + 2)
        return used < 0 ? used : 0;
    *word = (struct word){text + used, (size_t)length};
    return used + length + 2;
}

/* What a person types: words between spaces, up to the end of the line. */
static int parse_line(const char *text, size_t size, struct command *command)
{
    const char *end = memchr(text, '\n', size);
    command->count = 0;
    if (end == NULL)
        return 0;
    for (const char *at = text; at < end && command->count < MOST_WORDS;) {
        size_t length = strcspn(at, " \r\n");
        if (length > 0)
            command->words[command->count++] = (struct word){at, length};
        at += length + 1;
    }
    return (int)(end - text) + 1;
}

static int parse(const char *text, size_t size, struct command *command)
{
    if (text[0] != '*')
        return parse_line(text, size, command);
    int count, part, used = parse_number(text, size, '*', &count);
    if (used > 0 && (count < 1 || count > MOST_WORDS))
        return -EPROTO;
    for (int i = 0; used > 0 && i < count; i++, used += part)
        if ((part = parse_word(text + used, size - (size_t)used, &command->words[i])) <= 0)
            return part;
    command->count = used > 0 ? count : 0;
    return used;
}

static void reply_word(async_stream *stream, struct word word)
{
    char head[32];
    int length = snprintf(head, sizeof head, "$%zu\r\n", word.size);
    async_stream_write(stream, head, (size_t)length);
    async_stream_write(stream, word.text, word.size);
    async_stream_write(stream, "\r\n", 2);
}

static void reply(async_stream *stream, const char *text)
{
    async_stream_write(stream, text, strlen(text));
}

static void reply_number(async_stream *stream, long long number)
{
    char text[32];
    async_stream_write(stream, text, (size_t)snprintf(text, sizeof text, ":%lld\r\n", number));
}

/* ---- commands: 0 to go on, 1 if the connection is over, or an error that ends it ---- */

static int do_ping(struct client *client)
{
    reply(client->stream, "+PONG\r\n");
    return 0;
}

static int do_echo(struct client *client)
{
    reply_word(client->stream, client->command.words[1]);
    return 0;
}

static int do_get(struct client *client)
{
    const struct entry *entry = store_find(client->store, client->command.words[1]);
    if (entry == NULL || entry->value.text == NULL)
        reply(client->stream, "$-1\r\n");
    else
        reply_word(client->stream, entry->value);
    return 0;
}

static int do_set(struct client *client)
{
    struct entry *entry = store_make(client->store, client->command.words[1]);
    ASYNC_TRY(entry != NULL ? entry_set(entry, client->command.words[2]) : -ENOMEM);
    reply(client->stream, "+OK\r\n");
    return 0;
}

static int do_del(struct client *client)
{
    int deleted = 0;
    for (int i = 1; i < client->command.count; i++) {
        struct entry *entry = store_find(client->store, client->command.words[i]);
        deleted += entry != NULL && entry->value.text != NULL;
        if (entry != NULL)
            entry_clear(entry);
    }
    reply_number(client->stream, deleted);
    return 0;
}

static int do_incr(struct client *client)
{
    char text[32], *end;
    struct entry *entry = store_make(client->store, client->command.words[1]);
    if (entry == NULL)
        return -ENOMEM;
    snprintf(text, sizeof text, "%.*s", (int)entry->value.size,
             entry->value.text != NULL ? entry->value.text : "");
    long long number = strtoll(text, &end, 10);
    if (*end != 0) {
        reply(client->stream, "-ERR value is not an integer or out of range\r\n");
        return 0;
    }
    int length = snprintf(text, sizeof text, "%lld", number + 1);
    ASYNC_TRY(entry_set(entry, (struct word){text, (size_t)length}));
    reply_number(client->stream, number + 1);
    return 0;
}

/* The list is a queue: who waits longest gets the next item. */
static int do_push(struct client *client)
{
    struct entry *entry = store_make(client->store, client->command.words[1]);
    if (entry == NULL || entry_items(entry) == NULL)
        return -ENOMEM;
    for (int i = 2; i < client->command.count; i++) {
        struct word copy;
        ASYNC_TRY(word_copy(&copy, client->command.words[i]));
        ASYNC_TRY(async_queue_put_nowait(entry->items, &copy));
    }
    reply_number(client->stream, (long long)async_queue_qsize(entry->items));
    return 0;
}

static int pop(async_queue *items, struct word *item, double seconds)
{
    return seconds > 0 ? async_timeout(seconds, async_queue_get(items, item)) : async_queue_get(items, item);
}

static int do_blpop(struct client *client)
{
    struct word item, key = client->command.words[1];
    struct entry *entry = store_make(client->store, key);
    double seconds = strtod(client->command.words[2].text, NULL);
    if (entry == NULL || entry_items(entry) == NULL)
        return -ENOMEM;
    int result = pop(entry->items, &item, seconds);
    if (result == -ETIMEDOUT)
        reply(client->stream, "*-1\r\n");
    if (result < 0)
        return result == -ETIMEDOUT ? 0 : result;
    reply(client->stream, "*2\r\n");
    reply_word(client->stream, key);
    reply_word(client->stream, item);
    free((char *)item.text);
    return 0;
}

static void send_message(async_stream *stream, struct word channel, struct word message)
{
    reply(stream, "*3\r\n$7\r\nmessage\r\n");
    reply_word(stream, channel);
    reply_word(stream, message);
}

/* Never switches: the list stands still. Who does not read is dropped. */
static int do_publish(struct client *client)
{
    int reached = 0;
    struct entry *entry = store_find(client->store, client->command.words[1]);
    for (struct subscriber *one = entry != NULL ? entry->subscribers : NULL; one != NULL;
         one = one->next, reached++)
        if (async_stream_pending(one->stream) > MOST_PENDING)
            async_cancel_because(one->task, "it does not read");
        else
            send_message(one->stream, client->command.words[1], client->command.words[2]);
    reply_number(client->stream, reached);
    return 0;
}

/* From now on the connection only listens, until its end. */
static int do_subscribe(struct client *client)
{
    struct subscriber me = {.stream = client->stream, .task = async_current_task()};
    struct word channel = client->command.words[1];
    struct entry *entry = store_make(client->store, channel);
    const char *ignored;
    int size;
    if (entry == NULL)
        return -ENOMEM;
    reply(client->stream, "*3\r\n$9\r\nsubscribe\r\n");
    reply_word(client->stream, channel);
    reply_number(client->stream, 1);
    me.next = entry->subscribers;
    entry->subscribers = &me;
    while ((size = async_stream_borrow(client->stream, &ignored)) > 0)
        continue;
    struct subscriber **place = &entry->subscribers;
    while (*place != &me)
        place = &(*place)->next;
    *place = me.next;
    return size < 0 ? size : 1;
}

static const struct {
    const char *name;
    int least_words;
    int (*perform)(struct client *client);
} commands[] = {
    {"GET", 2, do_get},    {"SET", 3, do_set},     {"PING", 1, do_ping},       {"INCR", 2, do_incr},
    {"RPUSH", 3, do_push}, {"BLPOP", 3, do_blpop}, {"PUBLISH", 3, do_publish}, {"SUBSCRIBE", 2, do_subscribe},
    {"DEL", 2, do_del},    {"ECHO", 2, do_echo},
};

static int perform(struct client *client)
{
    if (client->command.count == 0)
        return 0; /* an empty line */
    struct word name = client->command.words[0];
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strlen(commands[i].name) == name.size &&
            strncasecmp(commands[i].name, name.text, name.size) == 0 &&
            client->command.count >= commands[i].least_words)
            return commands[i].perform(client);
    async_stream_printf(client->stream, "-ERR unknown command or too few arguments: '%.*s'\r\n",
                        (int)(name.size < 32 ? name.size : 32), name.text);
    return 0;
}

/* ---- connections ---- */

/* The commands that are there whole are performed, however many; then more is waited for. */
static int serve(async_stream *stream, void *store)
{
    struct client client = {.stream = stream, .store = store};
    const char *text;
    size_t least = 1;
    for (;;) {
        int size, used;
        ASYNC_TRY(size = async_stream_peek(stream, &text, least));
        if ((size_t)size < least)
            return 0; /* the end */
        ASYNC_TRY(used = parse(text, (size_t)size, &client.command));
        least = used > 0 ? 1 : (size_t)size + 1;
        if (least > MOST_REQUEST)
            return -EMSGSIZE;
        if (used == 0)
            continue;
        int over;
        ASYNC_TRY(over = perform(&client));
        if (over)
            return 0;
        async_stream_consume(stream, (size_t)used);
        ASYNC_TRY(async_stream_drain(stream));
    }
}

static int amain(int port)
{
    struct store store = {0};
    async_server *server = NULL;
    ASYNC_TRY(async_start_server(&server, serve, &store, NULL, port, NULL));
    printf("listening at port %d\n", async_server_port(server));
    fflush(stdout);
    int result = async_server_serve_forever(server);
    async_server_free(server); /* its clients use the store */
    store_free(&store);
    return result;
}
async_fn(amain, int);

int main(int count, char **arguments)
{
    return async_main(amain, count > 1 ? atoi(arguments[1]) : 6379);
}
