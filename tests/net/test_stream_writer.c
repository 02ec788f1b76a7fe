/*
 * test_stream_writer.c: calls that must be the only ones to write while they go on: a file that is
 * sent, a handshake. Others are refused meanwhile, and a close ends them.
 */
#include "run/layers.h"
#include "run/streams.h"

#include <asyncio/layer.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 1 << 20 };

static int new_file(void)
{
    char path[] = "/tmp/asyncio-file-XXXXXX";
    static char bytes[SIZE];
    int file = mkostemp(path, O_CLOEXEC);
    CHECK(file >= 0);
    CHECK_EQ(unlink(path), 0);
    memset(bytes, 'f', sizeof bytes);
    CHECK_EQ(write(file, bytes, sizeof bytes), SIZE);
    return file;
}

/* ---- layers for the tests -------------------------------------------------------------------- */

/* A layer's last message, which must be the last bytes that the peer receives. */
static int write_goodbye(void *state, async_transport *below)
{
    (void)state;
    return async_transport_write(below, "!", 1);
}

static const async_stream_layer passes = {pass_read, pass_write, write_goodbye, pass_free, NULL};

static int shake_hands(async_tls *self, async_stream *stream, const char *name)
{
    char byte;
    (void)self, (void)name;
    ASYNC_TRY(async_stream_set_layer(stream, &passes, NULL));
    while (async_transport_read(async_stream_transport(stream), &byte, 1) == -EAGAIN)
        ASYNC_TRY(async_transport_wait(async_stream_transport(stream)));
    return 0;
}

/* ---- a file --------------------------------------------------------------------------------- */

static int send_file(async_stream *stream, int file)
{
    return async_stream_sendfile(stream, file, 0, SIZE);
}
async_fn(send_file, async_stream *, int);

/*
 * A task that sends a file to a peer which does not read, with much pending before it, or nothing.
 */
static async_task *begin(async_stream *stream, int file, bool pending_first)
{
    static char bytes[SIZE];
    memset(bytes, 'p', sizeof bytes);
    if (pending_first)
        CHECK_EQ(async_stream_write(stream, bytes, sizeof bytes), 0);
    async_task *task = async_create_task(send_file, stream, file);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(async_sleep(0), 0);
    CHECK(!async_task_done(task));
    return task;
}

/* In all four cases: with a layer or without, while it waits for pending bytes or for its own. */
#define EACH_CASE(layered, pending_first)                                                          \
    for (int layered = 0; layered < 2; layered++)                                                  \
        for (int pending_first = 0; pending_first < 2; pending_first++)

static struct pair new_case(int layered)
{
    struct pair pair = new_pair();
    if (layered)
        CHECK_EQ(async_stream_set_layer(pair.here, &passes, NULL), 0);
    return pair;
}

LOOP_TEST(sendfile_of_a_stream_that_is_closed_gets_ebadf_at_once)
{
    int file = new_file();
    EACH_CASE(layered, pending_first)
    {
        struct pair pair = new_case(layered);
        async_task *task = begin(pair.here, file, pending_first);
        async_stream_close(pair.here);
        CHECK_EQ(async_await(task), -EBADF); /* although the peer reads nothing */
        async_stream_abort(pair.there);
        async_stream_close(pair.there);
    }
    close(file);
    return 0;
}

LOOP_TEST(sendfile_of_a_stream_that_is_aborted_gets_econnaborted)
{
    int file = new_file();
    EACH_CASE(layered, pending_first)
    {
        struct pair pair = new_case(layered);
        async_task *task = begin(pair.here, file, pending_first);
        async_stream_abort(pair.here);
        CHECK_EQ(async_await(task), -ECONNABORTED);
        close_pair(pair);
    }
    close(file);
    return 0;
}

/* By the time the task goes on the stream is freed. */
LOOP_TEST(sendfile_that_is_cancelled_leaves_a_stream_alone_that_is_closed_then)
{
    int file = new_file();
    EACH_CASE(layered, pending_first)
    {
        struct pair pair = new_case(layered);
        async_task *task = begin(pair.here, file, pending_first);
        async_task_cancel(task);
        async_stream_abort(pair.here);
        async_stream_close(pair.here);
        CHECK_EQ(async_await(task), -ECANCELED);
        async_stream_close(pair.there);
    }
    close(file);
    return 0;
}

LOOP_TEST(sendfile_that_was_woken_leaves_a_stream_alone_that_is_closed_then)
{
    static char bytes[4 * SIZE];
    int file = new_file();
    EACH_CASE(layered, pending_first)
    for (int turns = 0; turns < 4; turns++) {
        struct pair pair = new_case(layered);
        async_task *task = begin(pair.here, file, pending_first);
        async_ignore(recv(async_stream_fd(pair.there), bytes, sizeof bytes, MSG_DONTWAIT));
        for (int i = 0; i < turns; i++)
            CHECK_EQ(async_sleep(0), 0);
        async_stream_abort(pair.here);
        async_stream_close(pair.here);
        CHECK(async_await(task) < 0);
        async_stream_close(pair.there);
    }
    close(file);
    return 0;
}

LOOP_TEST(sendfile_refuses_other_writers_until_it_returns)
{
    int file = new_file();
    EACH_CASE(layered, pending_first)
    {
        struct pair pair = new_case(layered);
        const struct iovec part = {(char[]){"x"}, 1};
        async_task *task = begin(pair.here, file, pending_first);
        CHECK_EQ(async_stream_write(pair.here, "x", 1), -EBUSY);
        CHECK_STR(async_strerror(-EBUSY),
                  "-EBUSY: async_stream_write: async_stream_sendfile is under way on this stream");
        CHECK_EQ(async_stream_writev(pair.here, &part, 1), -EBUSY);
        CHECK_EQ(async_stream_printf(pair.here, "%d", 1), -EBUSY);
        CHECK_EQ(async_stream_sendfile(pair.here, file, 0, 1), -EBUSY);
        CHECK_EQ(async_stream_set_layer(pair.here, &passes, NULL), -EBUSY);
        async_stream_abort(pair.here);
        CHECK_EQ(async_await(task), -ECONNABORTED);
        close_pair(pair);
    }
    close(file);
    return 0;
}

/* The peer reads: 'p's, then the file and nothing in between, then the layer's last message. */
static void check_what_comes(async_stream *peer, size_t before, int layered)
{
    static char text[2 * SIZE + 1];
    size_t size = before + SIZE + (size_t)layered;
    CHECK_EQ(async_stream_readexactly(peer, text, size), (int)size);
    for (size_t i = 0; i < size; i++)
        CHECK_EQ(text[i], i < before ? 'p' : i < before + SIZE ? 'f' : '!');
}

LOOP_TEST(sendfile_comes_before_an_end_that_is_asked_for_meanwhile)
{
    int file = new_file();
    EACH_CASE(layered, pending_first)
    {
        struct pair pair = new_case(layered);
        async_task *task = begin(pair.here, file, pending_first);
        CHECK_EQ(async_stream_write_eof(pair.here), 0);
        CHECK_EQ(async_stream_write(pair.here, "x", 1), -EBUSY);
        check_what_comes(pair.there, pending_first ? SIZE : 0, layered);
        CHECK_EQ(async_await(task), SIZE);
        if (!layered)
            CHECK_EQ(async_stream_read(pair.there, &(char){0}, 1), 0);
        CHECK_EQ(async_stream_write(pair.here, "x", 1), -EPIPE);
        close_pair(pair);
    }
    close(file);
    return 0;
}

struct sending {
    async_stream *stream;
    int file;
    int others; /* calls that take steps before */
    bool goes_on;
};

/* So many that some lets others run at its beginning or at its end. */
static int send_bytes(struct sending *sending)
{
    for (int i = 0; i < sending->others; i++)
        ASYNC_TRY(async_stream_drain(sending->stream));
    for (int i = 0; i < 150; i++) {
        sending->goes_on = true;
        CHECK_EQ(async_stream_sendfile(sending->stream, sending->file, 0, 1), 1);
        sending->goes_on = false;
    }
    return 0;
}
async_fn(send_bytes, struct sending *);

LOOP_TEST(sendfile_refuses_other_writers_also_while_it_gives_way)
{
    int file = new_file();
    for (int others = 0; others < 2; others++) {
        struct pair pair = new_pair();
        struct sending sending = {.stream = pair.here, .file = file, .others = others};
        async_task *task = async_create_task(send_bytes, &sending);
        for (; !async_task_done(task); CHECK_EQ(async_sleep(0), 0))
            if (sending.goes_on)
                CHECK_EQ(async_stream_write(pair.here, "x", 1), -EBUSY);
        CHECK_EQ(async_await(task), 0);
        close_pair(pair);
    }
    close(file);
    return 0;
}

LOOP_TEST(sendfile_of_an_unsuitable_file_is_einval)
{
    int ends[2], folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
    for (int layered = 0; layered < 2; layered++) {
        struct pair pair = new_case(layered);
        CHECK_EQ(async_stream_sendfile(pair.here, ends[0], 0, 1), -EINVAL);
        CHECK_EQ(async_stream_sendfile(pair.here, folder, 0, 1), -EINVAL);
        CHECK_EQ(async_stream_write(pair.here, "x", 1), 0); /* the connection is as it was */
        close_pair(pair);
    }
    close(ends[0]);
    close(ends[1]);
    close(folder);
    return 0;
}

/* ---- a handshake ---------------------------------------------------------------------------- */

static int secure(async_stream *stream, async_tls *tls)
{
    return async_start_tls(stream, tls, NULL);
}
async_fn(secure, async_stream *, async_tls *);

LOOP_TEST(start_tls_refuses_writers_until_it_returns)
{
    struct pair pair = new_pair();
    async_tls tls = {.start = shake_hands};
    async_task *task = async_create_task(secure, pair.here, &tls);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_stream_write(pair.here, "x", 1), -EBUSY);
    CHECK_STR(async_strerror(-EBUSY),
              "-EBUSY: async_stream_write: async_start_tls is under way on this stream");
    CHECK_EQ(async_stream_write_eof(pair.here), -EBUSY);
    CHECK_EQ(async_stream_sendfile(pair.here, 0, 0, 1), -EBUSY);
    CHECK_EQ(async_start_tls(pair.here, &tls, NULL), -EBUSY);
    CHECK_EQ(async_stream_write(pair.there, "y", 1), 0);
    CHECK_EQ(async_await(task), 0);
    CHECK_EQ(async_stream_write(pair.here, "x", 1), 0);
    close_pair(pair);
    return 0;
}

LOOP_TEST(start_tls_of_a_stream_that_is_closed_gets_ebadf)
{
    struct pair pair = new_pair();
    async_tls tls = {.start = shake_hands};
    async_task *task = async_create_task(secure, pair.here, &tls);
    CHECK_EQ(async_sleep(0), 0);
    async_stream_close(pair.here);
    CHECK_EQ(async_await(task), -EBADF);
    async_stream_close(pair.there);
    return 0;
}
