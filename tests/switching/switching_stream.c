/*
 * switching_stream.c: the rows (switching.h) of streams, connections and servers. One task at a
 * time reads from a stream, so each caller has its own stream, and a supply goes to all of them.
 */
#include "net/stream.h"
#include "switching.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static async_stream *streams[MAX_CALLERS];
static int peers[MAX_CALLERS];
static async_server *server;

/* ---- reading -------------------------------------------------------------------------------- */

static void set_streams(struct scene *scene)
{
    (void)scene;
    for (int i = 0; i < MAX_CALLERS; i++) {
        int ends[2];
        CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        CHECK_EQ(async_stream_new(&streams[i], ends[0]), 0);
        peers[i] = ends[1];
    }
}

/* A loop that has ended has freed its streams. */
static void close_streams(struct scene *scene)
{
    for (int i = 0; i < MAX_CALLERS; i++) {
        if (!scene->cut_off)
            async_stream_close(streams[i]);
        close(peers[i]);
    }
}

static void supply_lines(struct scene *scene)
{
    for (int i = 0; i < MAX_CALLERS; i++)
        CHECK_EQ(write(peers[i], "x\n", 2), 2);
    scene->supplied += 2 * MAX_CALLERS;
}

static void set_streams_with_lines(struct scene *scene)
{
    set_streams(scene);
    supply_lines(scene);
}

/* Bytes in the stream, and bytes that it has not received. */
static int bytes_left(const struct scene *scene)
{
    int sum = 0;
    if (scene->cut_off)
        return scene->supplied - scene->taken;
    for (int i = 0; i < MAX_CALLERS; i++) {
        int count;
        CHECK_EQ(ioctl(async_stream_fd(streams[i]), FIONREAD, &count), 0);
        sum += count + (int)reader_unread(&streams[i]->reader);
    }
    return sum;
}

/* Counts the bytes that the caller got. */
static int took(struct caller *caller, int result)
{
    if (result > 0)
        caller->scene->taken += result;
    return result;
}

static async_stream *stream_of(const struct caller *caller)
{
    return streams[caller->place];
}

static int read_some(struct caller *caller)
{
    char bytes[2];
    return took(caller, async_stream_read(stream_of(caller), bytes, sizeof bytes));
}

static int read_directly(struct caller *caller)
{
    static char bytes[8192];
    int result = took(caller, async_stream_read(stream_of(caller), bytes, sizeof bytes));
    return result > 2 ? 2 : result; /* a row supplies more than once */
}

static int read_exactly(struct caller *caller)
{
    char bytes[2];
    return took(caller, async_stream_readexactly(stream_of(caller), bytes, sizeof bytes));
}

static int read_line(struct caller *caller)
{
    char line[8];
    return took(caller, async_stream_readline(stream_of(caller), line, sizeof line));
}

static int read_until(struct caller *caller)
{
    char bytes[8];
    return took(caller,
                async_stream_readuntil(stream_of(caller), bytes, sizeof bytes, "\n", "\r\n"));
}

static int borrow(struct caller *caller)
{
    const char *data;
    int result = took(caller, async_stream_borrow(stream_of(caller), &data));
    return result > 2 ? 2 : result;
}

static int borrow_line(struct caller *caller)
{
    const char *line;
    return took(caller, async_stream_borrow_line(stream_of(caller), &line));
}

static int peek(struct caller *caller)
{
    const char *data;
    int result = async_stream_peek(stream_of(caller), &data, 2);
    return result > 2 ? 2 : result;
}

static int wait_for_layer(struct caller *caller)
{
    return async_transport_wait(async_stream_transport(stream_of(caller)));
}

/* Rows of streams that are empty, and of streams that have the data. */
#define WAITS_FOR_LINES                                                                            \
    .kind = ASKS_KERNEL, .gives = 2, .set = set_streams, .supply = supply_lines,                   \
    .left = bytes_left, .check = close_streams
#define HAS_LINES                                                                                  \
    .kind = NEED_NOT_WAIT, .gives = 2, .set = set_streams_with_lines, .left = bytes_left,          \
    .check = close_streams

SWITCHING_CALL(stream_read_when_empty, async_stream_read, .make = read_some, WAITS_FOR_LINES);
SWITCHING_CALL(stream_read_when_available, async_stream_read, .make = read_some, HAS_LINES);
SWITCHING_CALL(stream_read_directly_when_empty, async_stream_read, .make = read_directly,
               WAITS_FOR_LINES);
SWITCHING_CALL(stream_read_directly_when_available, async_stream_read, .make = read_directly,
               HAS_LINES);
SWITCHING_CALL(stream_readexactly_when_empty, async_stream_readexactly, .make = read_exactly,
               WAITS_FOR_LINES);
SWITCHING_CALL(stream_readexactly_when_available, async_stream_readexactly, .make = read_exactly,
               HAS_LINES);
SWITCHING_CALL(stream_readline_when_empty, async_stream_readline, .make = read_line,
               WAITS_FOR_LINES);
SWITCHING_CALL(stream_readline_when_available, async_stream_readline, .make = read_line, HAS_LINES);
SWITCHING_CALL(stream_readuntil_when_empty, async_stream_readuntil, .make = read_until,
               WAITS_FOR_LINES);
SWITCHING_CALL(stream_readuntil_when_available, async_stream_readuntil_n, .make = read_until,
               HAS_LINES);
SWITCHING_CALL(stream_borrow_when_empty, async_stream_borrow, .make = borrow, WAITS_FOR_LINES);
SWITCHING_CALL(stream_borrow_when_available, async_stream_borrow, .make = borrow, HAS_LINES);
SWITCHING_CALL(stream_borrow_line_when_empty, async_stream_borrow_line, .make = borrow_line,
               WAITS_FOR_LINES);
SWITCHING_CALL(stream_borrow_line_when_available, async_stream_borrow_line, .make = borrow_line,
               HAS_LINES);
SWITCHING_CALL(stream_peek_when_empty, async_stream_peek, .make = peek, WAITS_FOR_LINES);
SWITCHING_CALL(stream_peek_when_available, async_stream_peek, .make = peek, HAS_LINES);

SWITCHING_CALL(layer_wait_when_empty, async_transport_wait, .kind = DEPENDS, .set = set_streams,
               .make = wait_for_layer, .supply = supply_lines, .check = close_streams);

/* A handshake that ends when the peer has sent a byte. */
static int hear_something(async_tls *self, async_stream *stream, const char *name)
{
    char byte;
    int result;
    (void)self, (void)name;
    while ((result = async_transport_read(async_stream_transport(stream), &byte, 1)) == -EAGAIN)
        ASYNC_TRY(async_transport_wait(async_stream_transport(stream)));
    return result < 0 ? result : 0;
}

static int start_tls(struct caller *caller)
{
    static async_tls tls = {.start = hear_something};
    return async_start_tls(stream_of(caller), &tls, NULL);
}

SWITCHING_CALL(stream_start_tls, async_start_tls, .kind = ASKS_KERNEL, .set = set_streams,
               .make = start_tls, .supply = supply_lines, .check = close_streams);

static void end_peers(struct scene *scene)
{
    (void)scene;
    for (int i = 0; i < MAX_CALLERS; i++)
        CHECK_EQ(shutdown(peers[i], SHUT_WR), 0);
}

static int read_all(struct caller *caller)
{
    char *text = NULL;
    int result = async_stream_read_all(stream_of(caller), &text, 100);
    CHECK((text != NULL) == (result >= 0));
    free(text);
    return result;
}

SWITCHING_CALL(stream_read_until_the_end, async_stream_read, .kind = ASKS_KERNEL,
               .set = set_streams, .make = read_some, .supply = end_peers, .check = close_streams);
SWITCHING_CALL(stream_read_all_when_empty, async_stream_read_all, .kind = ASKS_KERNEL,
               .set = set_streams, .make = read_all, .supply = end_peers, .check = close_streams);

/* ---- writing -------------------------------------------------------------------------------- */

static void set_full_streams(struct scene *scene)
{
    static const char zeros[1 << 20];
    set_streams(scene);
    for (int i = 0; i < MAX_CALLERS; i++)
        CHECK_EQ(async_stream_write(streams[i], zeros, sizeof zeros), 0);
}

static void take_all(struct scene *scene)
{
    static char bytes[1 << 16];
    (void)scene;
    for (int i = 0; i < MAX_CALLERS; i++)
        while (recv(peers[i], bytes, sizeof bytes, MSG_DONTWAIT) > 0)
            continue;
}

/* The kernel takes part of it at a time, so that more is pending when the loop has noticed that. */
static int drain(struct caller *caller)
{
    async_stream *stream = stream_of(caller);
    size_t pending = async_stream_pending(stream);
    CHECK_EQ(async_stream_set_write_buffer_limits(stream, pending > 0 ? pending - 1 : 0,
                                                  pending > 0 ? pending - 1 : 0),
             0);
    return async_stream_drain(stream);
}

SWITCHING_CALL(stream_drain_when_full, async_stream_drain, .kind = ASKS_KERNEL,
               .set = set_full_streams, .make = drain, .supply = take_all, .check = close_streams);
SWITCHING_CALL(stream_drain_with_nothing_pending, async_stream_drain, .kind = NEED_NOT_WAIT,
               .set = set_streams, .make = drain, .check = close_streams);

/* So that all of it has room when the peer has taken the kernel's part. */
static void set_streams_just_full(struct scene *scene)
{
    static const char zeros[4096];
    set_streams(scene);
    for (int i = 0; i < MAX_CALLERS; i++)
        while (async_stream_pending(streams[i]) == 0)
            CHECK_EQ(async_stream_write(streams[i], zeros, sizeof zeros), 0);
}

static int send_file(struct caller *caller)
{
    int file = memfd_create("a file", MFD_CLOEXEC);
    CHECK(file >= 0);
    CHECK_EQ(write(file, "x", 1), 1);
    int result = async_stream_sendfile(stream_of(caller), file, 0, 1);
    close(file);
    return result;
}

SWITCHING_CALL(stream_sendfile_when_full, async_stream_sendfile, .kind = DEPENDS, .gives = 1,
               .set = set_streams_just_full, .make = send_file, .supply = take_all,
               .check = close_streams);
SWITCHING_CALL(stream_sendfile_where_there_is_room, async_stream_sendfile, .kind = NEED_NOT_WAIT,
               .gives = 1, .set = set_streams, .make = send_file, .check = close_streams);

/* It consumes its stream, also when it is refused: another call needs another stream. */
static int wait_closed(struct caller *caller)
{
    int ends[2];
    async_stream *stream;
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    CHECK_EQ(async_stream_new(&stream, ends[0]), 0);
    CHECK_EQ(async_stream_write(stream, "x", 1), 0);
    int result = async_stream_wait_closed(stream);
    close(ends[1]);
    (void)caller;
    return result;
}

SWITCHING_CALL(stream_wait_closed_of_what_can_be_sent, async_stream_wait_closed,
               .kind = NEED_NOT_WAIT, .set = set_streams, .make = wait_closed,
               .check = close_streams);

/* ---- connections and servers ---------------------------------------------------------------- */

static int be_silent(async_stream *stream, void *unused)
{
    const char *data;
    (void)unused;
    return async_stream_borrow(stream, &data);
}

static void forget_server(struct scene *scene)
{
    (void)scene;
    server = NULL;
}

static int listen_here(async_server **out)
{
    return async_start_server(out, be_silent, NULL, "127.0.0.1", 0, NULL);
}

static int start_server(struct caller *caller)
{
    async_server *started;
    (void)caller;
    int result = listen_here(&started);
    CHECK((started != NULL) == (result == 0));
    async_server_free_wait(started);
    return result;
}

SWITCHING_CALL(start_server_at_a_literal, async_start_server, .kind = NEED_NOT_WAIT,
               .set = forget_server, .make = start_server);

static int connect_here(struct caller *caller)
{
    async_stream *stream;
    (void)caller;
    if (server == NULL)
        CHECK_EQ(async_no_cancel(listen_here(&server)), 0);
    int result = async_open_connection(&stream, "127.0.0.1", async_server_port(server), NULL);
    CHECK((stream != NULL) == (result == 0));
    async_stream_close(stream);
    return result;
}

static void free_server(struct scene *scene)
{
    if (!scene->cut_off)
        async_server_free_wait(server);
}

SWITCHING_CALL(open_connection_to_a_literal, async_open_connection, .kind = DEPENDS,
               .set = forget_server, .make = connect_here, .check = free_server);

static int connect_to_path(struct caller *caller)
{
    async_stream *stream;
    char path[64];
    (void)caller;
    snprintf(path, sizeof path, "@libasyncio-switching-%d", (int)getpid());
    if (server == NULL)
        CHECK_EQ(async_no_cancel(async_start_unix_server(&server, be_silent, NULL, path, NULL)), 0);
    int result = async_open_unix_connection(&stream, path, NULL);
    CHECK((stream != NULL) == (result == 0));
    async_stream_close(stream);
    return result;
}

SWITCHING_CALL(open_unix_connection_to_a_server, async_open_unix_connection, .kind = DEPENDS,
               .set = forget_server, .make = connect_to_path, .check = free_server);

static void close_server(struct scene *scene)
{
    (void)scene;
    if (server != NULL)
        async_server_close(server);
}

static int make_server(void)
{
    return server == NULL ? async_no_cancel(listen_here(&server)) : 0;
}

static int free_own_server(struct caller *caller)
{
    async_server *own;
    (void)caller;
    ASYNC_TRY(listen_here(&own));
    async_server_free_wait(own);
    return 0;
}

SWITCHING_CALL(server_free_of_one_without_clients, async_server_free_wait, .kind = NEED_NOT_WAIT,
               .set = forget_server, .make = free_own_server);

static int serve_forever(struct caller *caller)
{
    (void)caller;
    CHECK_EQ(make_server(), 0);
    return async_server_serve_forever(server);
}

static int wait_server_closed(struct caller *caller)
{
    (void)caller;
    CHECK_EQ(make_server(), 0);
    return async_server_wait_closed(server);
}

SWITCHING_CALL(server_serve_forever, async_server_serve_forever, .kind = DEPENDS,
               .set = forget_server, .make = serve_forever, .supply = close_server,
               .check = free_server);
SWITCHING_CALL(server_wait_closed, async_server_wait_closed, .kind = DEPENDS, .set = forget_server,
               .make = wait_server_closed, .supply = close_server, .check = free_server);
