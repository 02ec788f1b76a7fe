/*
 * test_faults_stream.c: programs for tests/scripts/faults.py (see test_faults.c) of streams and
 * servers: bytes come back in order, or both sides get an error; no descriptor and no byte is left.
 */
#include "run/streams.h"
#include "fault_streams.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int exchange(async_stream *stream, int number)
{
    char line[24], expected[24];
    snprintf(expected, sizeof expected, "line %d\n", number);
    ASYNC_TRY(answer(async_stream_printf(stream, "%s", expected)));
    int size = async_stream_readline(stream, line, sizeof line);
    if (size != -ECANCELED) /* the limit's */
        answer(size);
    CHECK(size <= 0 || strncmp(line, expected, (size_t)size) == 0); /* cut off, but never wrong */
    return size > 0 && line[size - 1] == '\n' ? 0 : -EPIPE;
}

/* More than the kernel takes at once, so that a part is queued in blocks. */
static int exchange_much(async_stream *stream)
{
    enum { SIZE = 1 << 19 };
    char *sent = malloc(SIZE), *got = malloc(SIZE);
    CHECK(sent != NULL && got != NULL);
    for (int i = 0; i < SIZE; i++)
        sent[i] = (char)(i ^ i >> 8);
    int result = answer(async_stream_write(stream, sent, SIZE));
    if (result == 0)
        result = async_stream_readexactly(stream, got, SIZE);
    if (result != -ECANCELED) /* the limit's */
        answer(result);
    CHECK(result < 0 || memcmp(sent, got, SIZE) == 0);
    free(sent);
    free(got);
    return result < 0 ? result : 0;
}

/* A server whose accepts fail leaves its clients waiting. */
static const double LONG_ENOUGH = 0.3;

static int converse(int port, int number)
{
    async_auto_stream *stream = NULL;
    promised[number]++;
    int result = answer(async_open_connection(&stream, "127.0.0.1", port, NULL));
    CHECK((stream != NULL) == (result == 0));
    for (int i = 0; i < 3 && result == 0; i++)
        result = async_timeout(LONG_ENOUGH, exchange(stream, i));
    if (result == 0 && number == 0)
        result = async_timeout(10 * LONG_ENOUGH, exchange_much(stream));
    kept[number]++;
    return 0;
}
async_fn(converse, int, int);

FAULTS_TEST(a_server_serves_or_says_why_not)
{
    enum { CLIENTS = 3 };
    async_auto_wait_server *server = NULL;
    async_task *clients[CLIENTS];
    if (answer(async_start_server(&server, serve_echo_until_freed, NULL, "127.0.0.1", 0, NULL)) < 0)
        return 0;
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = async_create_task(converse, async_server_port(server), i);
    for (int i = 0; i < CLIENTS; i++)
        answer(async_await(clients[i]));
    return 0;
}

static int converse_at_path(const char *path)
{
    async_stream *stream;
    int result = answer(async_open_unix_connection(&stream, path, NULL));
    if (result == 0)
        result = async_timeout(LONG_ENOUGH, exchange(stream, 1));
    if (stream == NULL)
        return result;
    async_ignore(async_stream_write_eof(stream));
    answer(async_stream_wait_closed(stream));
    return result;
}

FAULTS_TEST(a_server_at_a_path_serves_or_says_why_not)
{
    static int
        /* an io_uring that takes no requests gives an address back when it is gone, in a while */
        round;
    char path[64];
    async_auto_wait_server *server = NULL;
    snprintf(path, sizeof path, "@libasyncio-faults-%d-%d", (int)getpid(), round++);
    if (answer(async_start_unix_server(&server, serve_echo_until_freed, NULL, path, NULL)) == 0)
        async_ignore(converse_at_path(path));
    return 0;
}

/* Over a socket that was left there; a file that the kernel did not let it remove stays. */
FAULTS_TEST(a_server_at_a_path_of_a_folder_serves_or_says_why_not)
{
    char path[64];
    async_server *servers[2] = {NULL, NULL};
    snprintf(path, sizeof path, "/tmp/libasyncio-faults-%d", (int)getpid());
    for (int i = 0; i < 2; i++)
        if (answer(async_start_unix_server(&servers[i], serve_echo_until_freed, NULL, path,
                                           NULL)) == 0)
            async_ignore(converse_at_path(path));
    for (int i = 0; i < 2; i++)
        async_server_free_wait(servers[i]);
    async_ignore(unlink(path));
    return 0;
}

FAULTS_TEST(a_server_on_a_socket_serves_or_leaves_it)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    async_auto_wait_server *server = NULL;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_EQ(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    if (answer(async_start_server_fd(&server, serve_echo_until_freed, NULL, fd, NULL)) == 0)
        async_ignore(converse(async_server_port(server), 1));
    else
        CHECK_EQ(close(fd), 0);
    return 0;
}

FAULTS_TEST(a_stream_of_a_pair_is_read_in_every_way)
{
    int ends[2];
    char bytes[16], *text;
    const char *lent;
    async_stream *stream = NULL;
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    CHECK_EQ(write(ends[1], "one\ntwo;four five\nsix\nseven", 27), 27);
    close(ends[1]);
    if (answer(async_stream_new(&stream, ends[0])) < 0) {
        close(ends[0]);
        return 0;
    }
    answer(async_stream_readline(stream, bytes, sizeof bytes));
    async_ignore(async_stream_readuntil(stream, bytes, sizeof bytes, ";", "!"));
    async_ignore(async_stream_readexactly(stream, bytes, 5));
    answer(async_stream_borrow_line(stream, &lent));
    answer(async_stream_peek(stream, &lent, 2));
    answer(async_stream_read(stream, bytes, 1));
    if (answer(async_stream_read_all(stream, &text, 100)) >= 0)
        free(text);
    async_stream_close(stream);
    return 0;
}
