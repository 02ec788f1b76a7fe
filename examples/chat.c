/*
 * chat.c: a chat room: `chat 8888`, then `nc localhost 8888` a few times. Each line goes to all
 * clients. A client that does not read is disconnected; Ctrl-C announces the end to all.
 */
#include <asyncio.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PENDING = 64 * 1024 };

struct client {
    struct client *next;
    async_stream *stream;
    async_task *task;
    char nick[32];
};

struct room {
    struct client *clients;
};

/* Never switches, so the list cannot change during the loop. */
__attribute__((format(printf, 2, 3))) static void broadcast(struct room *room, const char *format,
                                                            ...)
{
    char line[600];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    for (struct client *client = room->clients; client != NULL; client = client->next)
        if (async_stream_pending(client->stream) > MAX_PENDING)
            async_task_cancel_because(client->task, "it does not read");
        else
            async_stream_write(client->stream, line, strlen(line));
}

/* Reads a line, without control characters. Returns 0 at the end of the stream. */
static int read_line(async_stream *stream, char *line, size_t size)
{
    char said[512];
    int length = async_stream_readline(stream, said, size < sizeof said ? size : sizeof said);
    if (length > 0)
        async_printable(line, size, said, strcspn(said, "\r\n"));
    return length;
}

static int talk(struct client *me, struct room *room)
{
    char line[512];
    int length;
    while ((length = read_line(me->stream, line, sizeof line)) > 0)
        broadcast(room, "%s: %s\n", me->nick, line);
    return length;
}

static void leave(struct room *room, struct client *me)
{
    struct client **place = &room->clients;
    while (*place != me)
        place = &(*place)->next;
    *place = me->next;
}

static int serve(async_stream *stream, void *argument)
{
    struct room *room = argument;
    struct client me = {.stream = stream, .task = async_current_task()};
    int length;
    async_stream_printf(stream, "nick? ");
    ASYNC_TRY(length = async_timeout(30, read_line(stream, me.nick, sizeof me.nick)));
    if (length == 0)
        return 0;
    me.next = room->clients;
    room->clients = &me;
    broadcast(room, "* %s joined\n", me.nick);
    int result = talk(&me, room); /* no ASYNC_TRY: me must leave the list */
    leave(room, &me);
    broadcast(room, "* %s left\n", me.nick);
    return result;
}

static int amain(int port)
{
    struct room room = {0};
    async_auto_wait_server *server = NULL; /* declared after the room: its clients end first */
    ASYNC_TRY(async_start_server(&server, serve, &room, NULL, port, NULL));
    printf("listening at port %d\n", async_server_port(server));
    fflush(stdout);
    int result = async_server_serve_forever(server);
    if (result != -ECANCELED)
        return result;
    async_task_uncancel(async_current_task()); /* Ctrl-C was received; now waiting works again */
    broadcast(&room, "* the server is going down\n");
    async_server_close_clients(server);
    async_ignore(async_timeout(3, async_server_wait_closed(server)));
    return -ECANCELED; /* async_main turns it into status 130 */
}
async_fn(amain, int);

int main(int count, char **arguments)
{
    return async_main(amain, count > 1 ? atoi(arguments[1]) : 8888);
}
