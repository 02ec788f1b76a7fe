/*
 * test_poll_recv.c: the poll contract where an operation owns a buffer: a receive gives the result
 * of recv(2), and after its completion, cancelled or not, the buffer is not written and no byte is
 * lost. Here completions are hardest: the kernel may write at any moment before.
 */
#include "watch.h"
#include "run/sockets.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* A receive with its buffer; bytes that were not received are UNTOUCHED. */
struct receive {
    struct watch watch;       /* of the operation */
    unsigned char buffer[16]; /* its */
};

enum { UNTOUCHED = 0xcc };

static int here, there;

static void open_ends(int type)
{
    int ends[2];
    open_poller();
    CHECK_EQ(socketpair(AF_UNIX, type, 0, ends), 0);
    here = ends[0];
    there = ends[1];
}

static void close_ends(void)
{
    close_poller();
    close(here);
    close(there);
}

static void start(struct receive *receive, size_t size, int flags)
{
    memset(receive->buffer, UNTOUCHED, sizeof receive->buffer);
    receive->watch.then = NULL;
    watch_submit(&receive->watch, (struct operation){.kind = OPERATION_RECV,
                                                     .fd = here,
                                                     .buffer = receive->buffer,
                                                     .size = size,
                                                     .flags = flags});
}

static void expect_text(const struct receive *receive, const char *text)
{
    size_t length = strlen(text);
    CHECK(memcmp(receive->buffer, text, length) == 0);
    for (size_t i = length; i < sizeof receive->buffer; i++)
        CHECK_EQ(receive->buffer[i], UNTOUCHED);
}

/* ---- what recv(2) gives --------------------------------------------------------------------- */

TEST_EACH_BACKEND(poll_recv_of_data_that_is_there_is_done_at_once)
{
    struct receive receive;
    open_ends(SOCK_STREAM);
    send_text(there, "early");
    start(&receive, 16, 0);
    CHECK(watch_is_done(&receive.watch)); /* during submission: no wait is needed */
    CHECK_EQ(watch_result(&receive.watch), 5);
    expect_text(&receive, "early");
    close_ends();
}

TEST_EACH_BACKEND(poll_recv_waits_for_data)
{
    struct receive receive;
    open_ends(SOCK_STREAM);
    start(&receive, 16, 0);
    watch_settle();
    CHECK(!watch_is_done(&receive.watch));
    send_text(there, "late");
    CHECK_EQ(watch_result(&receive.watch), 4);
    expect_text(&receive, "late");
    close_ends();
}

TEST_EACH_BACKEND(poll_recv_writes_no_further_than_the_buffers_size)
{
    struct receive receive;
    open_ends(SOCK_STREAM);
    for (int late = 0; late < 2; late++) {
        if (late == 0)
            send_text(there, "abcdef");
        start(&receive, 3, 0);
        if (late == 1)
            send_text(there, "abcdef");
        CHECK_EQ(watch_result(&receive.watch), 3);
        expect_text(&receive, "abc");
        start(&receive, 16, 0);
        CHECK_EQ(watch_result(&receive.watch), 3);
        expect_text(&receive, "def");
    }
    close_ends();
}

TEST_EACH_BACKEND(poll_recv_gives_0_at_the_end)
{
    struct receive receive;
    open_ends(SOCK_STREAM);
    start(&receive, 16, 0);
    watch_settle();
    shutdown(there, SHUT_WR);
    CHECK_EQ(watch_result(&receive.watch), 0);
    start(&receive, 16, 0);
    CHECK_EQ(watch_result(&receive.watch), 0);
    expect_text(&receive, "");
    close_ends();
}

TEST_EACH_BACKEND(poll_recv_heeds_its_flags)
{
    struct receive receive;
    open_ends(SOCK_STREAM);
    start(&receive, 16, MSG_PEEK);
    send_text(there, "peep");
    CHECK_EQ(watch_result(&receive.watch), 4);
    CHECK_EQ(bytes_to_receive(here), 4);
    start(&receive, 16, 0);
    CHECK_EQ(watch_result(&receive.watch), 4);
    expect_text(&receive, "peep");
    close_ends();
}

TEST_EACH_BACKEND(poll_recv_from_a_non_socket_is_enotsock)
{
    int ends[2];
    open_poller();
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(watch_once(OPERATION_RECV, ends[0]), -ENOTSOCK);
    close_poller();
    close(ends[0]);
    close(ends[1]);
}

TEST_EACH_BACKEND(poll_recv_by_several_gives_each_datagram_to_one)
{
    struct receive receives[3];
    int seen = 0;
    open_ends(SOCK_DGRAM);
    for (int i = 0; i < 3; i++)
        start(&receives[i], 16, 0);
    watch_settle();
    send_text(there, "1");
    send_text(there, "2");
    send_text(there, "4");
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(watch_result(&receives[i].watch), 1);
        seen += receives[i].buffer[0] - '0';
    }
    CHECK_EQ(seen, 1 + 2 + 4);
    close_ends();
}

/* ---- cancelled ------------------------------------------------------------------------------ */

/* The completion has come: whatever arrives now goes to the socket and nowhere else. */
TEST_EACH_BACKEND(poll_recv_that_was_cancelled_leaves_the_buffer_alone)
{
    struct receive receive;
    for (int settled = 0; settled < 2; settled++) {
        open_ends(SOCK_STREAM);
        start(&receive, 16, 0);
        if (settled)
            watch_settle();
        watch_cancel(&receive.watch);
        CHECK_EQ(watch_result(&receive.watch), -ECANCELED);
        send_text(there, "too late");
        watch_settle();
        expect_text(&receive, "");
        CHECK_EQ(bytes_to_receive(here), 8);
        start(&receive, 16, 0);
        CHECK_EQ(watch_result(&receive.watch), 8);
        expect_text(&receive, "too late");
        close_ends();
    }
}

/*
 * Data and cancellation cross each other; whichever wins, the bytes are in the buffer or in the
 * socket.
 */
TEST_EACH_BACKEND(poll_recv_that_is_cancelled_as_data_comes_loses_nothing)
{
    struct receive receive;
    for (int i = 0; i < 100; i++) {
        open_ends(SOCK_STREAM);
        start(&receive, 16, 0);
        if (i & 1)
            watch_settle();
        if (i & 2)
            watch_cancel(&receive.watch);
        send_text(there, "crossing");
        if (i & 4)
            watch_cancel(&receive.watch);
        int result = watch_result(&receive.watch);
        CHECK(result == 8 || result == -ECANCELED);
        CHECK_EQ(bytes_to_receive(here), result == 8 ? 0 : 8);
        expect_text(&receive, result == 8 ? "crossing" : "");
        close_ends();
    }
}

static struct receive second;

static void cancel_second(struct watch *watch)
{
    (void)watch;
    watch_cancel(&second.watch);
}

/*
 * Two datagrams wait for two receives, and the first one's completion cancels the second: which may
 * have happened by then, and in that case says so.
 */
TEST_EACH_BACKEND(poll_recv_that_another_completion_cancels_loses_nothing)
{
    struct receive first;
    open_ends(SOCK_DGRAM);
    start(&first, 16, 0);
    start(&second, 16, 0);
    first.watch.then = cancel_second;
    watch_settle();
    send_text(there, "11");
    send_text(there, "22");
    CHECK_EQ(watch_result(&first.watch), 2);
    int result = watch_result(&second.watch);
    CHECK(result == 2 || result == -ECANCELED);
    CHECK_EQ(bytes_to_receive(here), result == 2 ? 0 : 2);
    expect_text(&second, result < 0 ? "" : first.buffer[0] == '1' ? "22" : "11");
    close_ends();
}

/* As above, but each waits on its own socket. */
TEST_EACH_BACKEND(poll_recv_that_a_completion_elsewhere_cancels_loses_nothing)
{
    struct receive first;
    int ends[2];
    open_ends(SOCK_STREAM);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    start(&first, 16, 0);
    first.watch.then = cancel_second;
    int first_socket = here;
    here = ends[0];
    start(&second, 16, 0);
    watch_settle();
    send_text(there, "11");
    CHECK_EQ(write(ends[1], "22", 2), 2);
    CHECK_EQ(watch_result(&first.watch), 2);
    int result = watch_result(&second.watch);
    CHECK(result == 2 || result == -ECANCELED);
    CHECK_EQ(bytes_to_receive(here), result == 2 ? 0 : 2);
    expect_text(&second, result == 2 ? "22" : "");
    close(ends[1]);
    close(first_socket);
    close_ends();
}

/*
 * The hazard of io_uring: a socket that is closed with a receive pending stays open for the peer.
 */
TEST_EACH_BACKEND(poll_recv_that_was_cancelled_lets_the_socket_be_closed)
{
    struct receive receive;
    char byte;
    open_ends(SOCK_STREAM);
    start(&receive, 16, 0);
    watch_settle();
    watch_cancel(&receive.watch);
    CHECK_EQ(watch_result(&receive.watch), -ECANCELED);
    close(here);
    CHECK_EQ(recv(there, &byte, 1, MSG_DONTWAIT), 0); /* the end, not -EAGAIN */
    close_poller();
    close(there);
}
