/*
 * test_poll.c: the poll contract, equal on each backend: when a wait for readiness ends, that every
 * operation is completed exactly once, cancelling, and that a wake ends a wait.
 */
#include "watch.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- both ends of something ----------------------------------------------------------------- */

struct ends {
    int here;  /* the end that is waited on; of a pipe, the one that is read */
    int there; /* the peer; of a pipe, where it is written */
};

static struct ends new_pipe(void)
{
    int ends[2];
    CHECK_EQ(pipe2(ends, O_NONBLOCK), 0);
    return (struct ends){ends[0], ends[1]};
}

static struct ends new_sockets(void)
{
    int ends[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    return (struct ends){ends[0], ends[1]};
}

static void close_ends(struct ends ends)
{
    close(ends.here);
    close(ends.there);
}

static void write_byte(int fd)
{
    CHECK_EQ(write(fd, "x", 1), 1);
}

/* Until nothing more goes in. */
static void fill(int fd)
{
    static const char zeros[4096];
    while (write(fd, zeros, sizeof zeros) > 0)
        continue;
    while (write(fd, zeros, 1) > 0)
        continue;
    CHECK_EQ(errno, EAGAIN);
}

static void drain(int fd)
{
    char bytes[4096];
    while (read(fd, bytes, sizeof bytes) > 0)
        continue;
}

/* ---- readiness ------------------------------------------------------------------------------ */

static void expect_readable_when_data_comes(struct ends ends)
{
    struct watch watch;
    open_poller();
    for (int i = 0; i < 3; i++) {
        watch_start(&watch, OPERATION_READABLE, ends.here);
        watch_settle();
        CHECK(!watch_is_done(&watch));
        write_byte(ends.there);
        CHECK_EQ(watch_result(&watch), 0);
        CHECK_EQ(watch_once(OPERATION_READABLE, ends.here), 0); /* as long as it is not read */
        drain(ends.here);
    }
    close_poller();
    close_ends(ends);
}

TEST_EACH_BACKEND(poll_readable_when_data_comes)
{
    expect_readable_when_data_comes(new_pipe());
    expect_readable_when_data_comes(new_sockets());
}

static void expect_writable_when_there_is_room(struct ends ends)
{
    struct watch watch;
    open_poller();
    CHECK_EQ(watch_once(OPERATION_WRITABLE, ends.there), 0);
    fill(ends.there);
    watch_start(&watch, OPERATION_WRITABLE, ends.there);
    watch_settle();
    CHECK(!watch_is_done(&watch));
    drain(ends.here);
    CHECK_EQ(watch_result(&watch), 0);
    close_poller();
    close_ends(ends);
}

TEST_EACH_BACKEND(poll_writable_when_there_is_room)
{
    expect_writable_when_there_is_room(new_pipe());
    expect_writable_when_there_is_room(new_sockets());
}

TEST_EACH_BACKEND(poll_completes_every_operation_on_one_descriptor)
{
    enum { WATCHES = 5 };
    struct watch watches[WATCHES];
    struct ends ends = new_sockets();
    open_poller();
    for (int i = 0; i < WATCHES; i++)
        watch_start(&watches[i], OPERATION_READABLE, ends.here);
    watch_cancel(&watches[2]);
    watch_settle();
    write_byte(ends.there);
    for (int i = 0; i < WATCHES; i++)
        CHECK_EQ(watch_result(&watches[i]), i == 2 ? -ECANCELED : 0);
    close_poller();
    close_ends(ends);
}

TEST_EACH_BACKEND(poll_separates_readers_and_writers_of_one_descriptor)
{
    struct watch reader, writer;
    struct ends ends = new_sockets();
    open_poller();
    fill(ends.here);
    watch_start(&reader, OPERATION_READABLE, ends.here);
    watch_start(&writer, OPERATION_WRITABLE, ends.here);
    write_byte(ends.there);
    CHECK_EQ(watch_result(&reader), 0);
    CHECK(!watch_is_done(&writer));
    drain(ends.here);
    watch_start(&reader, OPERATION_READABLE, ends.here);
    drain(ends.there);
    CHECK_EQ(watch_result(&writer), 0);
    CHECK(!watch_is_done(&reader));
    watch_cancel(&reader);
    CHECK_EQ(watch_result(&reader), -ECANCELED);
    close_poller();
    close_ends(ends);
}

/* ---- the end of the other side -------------------------------------------------------------- */

TEST_EACH_BACKEND(poll_readable_when_the_other_end_is_closed)
{
    struct ends all[] = {new_pipe(), new_sockets()};
    open_poller();
    for (int i = 0; i < 2; i++) {
        struct watch watch;
        watch_start(&watch, OPERATION_READABLE, all[i].here);
        watch_settle();
        CHECK(!watch_is_done(&watch));
        close(all[i].there);
        CHECK_EQ(watch_result(&watch), 0);
        CHECK_EQ(watch_once(OPERATION_READABLE, all[i].here), 0);
        close(all[i].here);
    }
    close_poller();
}

TEST_EACH_BACKEND(poll_writable_when_the_other_end_is_closed)
{
    struct ends all[] = {new_pipe(), new_sockets()};
    open_poller();
    for (int i = 0; i < 2; i++) {
        struct watch watch;
        fill(all[i].there);
        watch_start(&watch, OPERATION_WRITABLE, all[i].there);
        watch_settle();
        CHECK(!watch_is_done(&watch));
        close(all[i].here);
        CHECK_EQ(watch_result(&watch), 0); /* a write would not block: it fails */
        close(all[i].there);
    }
    close_poller();
}

TEST_EACH_BACKEND(poll_readable_when_the_other_side_is_shut_down)
{
    struct watch watch;
    struct ends ends = new_sockets();
    open_poller();
    watch_start(&watch, OPERATION_READABLE, ends.here);
    CHECK_EQ(shutdown(ends.there, SHUT_WR), 0);
    CHECK_EQ(watch_result(&watch), 0);
    close_poller();
    close_ends(ends);
}

/* ---- descriptors of other kinds ------------------------------------------------------------- */

TEST_EACH_BACKEND(poll_finds_a_regular_file_always_ready)
{
    char name[] = "/tmp/test_poll_XXXXXX";
    int file = mkstemp(name);
    CHECK(file >= 0);
    CHECK_EQ(unlink(name), 0);
    open_poller();
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(watch_once(OPERATION_READABLE, file), 0);
        CHECK_EQ(watch_once(OPERATION_WRITABLE, file), 0);
    }
    close_poller();
    close(file);
}

TEST_EACH_BACKEND(poll_of_a_closed_descriptor_is_ebadf)
{
    open_poller();
    struct ends ends = new_pipe();
    close_ends(ends);
    CHECK_EQ(watch_once(OPERATION_READABLE, ends.here), -EBADF);
    CHECK_EQ(watch_once(OPERATION_WRITABLE, ends.there), -EBADF);
    CHECK_EQ(watch_once(OPERATION_RECV, ends.here), -EBADF);
    close_poller();
}

TEST_EACH_BACKEND(poll_of_a_negative_descriptor_is_ebadf)
{
    open_poller();
    CHECK_EQ(watch_once(OPERATION_RECV, -1), -EBADF);
    CHECK_EQ(watch_once(OPERATION_READABLE, -1), -EBADF);
    CHECK_EQ(watch_once(OPERATION_WRITABLE, -7), -EBADF);
    close_poller();
}

/* ---- memory --------------------------------------------------------------------------------- */

static size_t largest_block;

static void *note_size(void *context, void *block, size_t old_size, size_t new_size)
{
    const async_allocator *counted = &test_options()->allocator;
    (void)context;
    if (new_size > largest_block)
        largest_block = new_size;
    return counted->reallocate(counted->context, block, old_size, new_size);
}

/*
 * The highest number that Linux gives by default is about a million; beyond it no table must
 * follow.
 */
TEST_EACH_BACKEND(poll_of_a_huge_number_takes_no_memory)
{
    open_poller_with((async_allocator){.reallocate = note_size});
    CHECK_EQ(watch_once(OPERATION_READABLE, INT32_MAX), -EBADF);
    CHECK(largest_block < 1 << 20);
    close_poller();
}

TEST_EACH_BACKEND(poll_without_memory_refuses_and_goes_on)
{
    struct watch watch;
    struct ends ends = new_sockets();
    open_poller();
    write_byte(ends.there);
    test_allow_allocations(0);
    int result = watch_once(OPERATION_READABLE, ends.here);
    CHECK(result == -ENOMEM || result == 0); /* not every backend needs memory for that */
    test_allow_allocations(-1);
    watch_start(&watch, OPERATION_READABLE, ends.here);
    CHECK_EQ(watch_result(&watch), 0);
    close_poller();
    close_ends(ends);
}

/* ---- cancelling ----------------------------------------------------------------------------- */

/* settled: the operation has been submitted before it is cancelled. */
static void cancel_one(struct ends ends, bool settled)
{
    struct watch watch;
    open_poller();
    watch_start(&watch, OPERATION_READABLE, ends.here);
    if (settled)
        watch_settle();
    watch_cancel(&watch);
    CHECK_EQ(watch_result(&watch), -ECANCELED);
    write_byte(ends.there);
    watch_settle();
    CHECK_EQ(watch.completions, 1);
    CHECK_EQ(watch_once(OPERATION_READABLE, ends.here), 0); /* the next operation gets an event */
    close_poller();
    close_ends(ends);
}

TEST_EACH_BACKEND(poll_cancel_completes_the_operation)
{
    cancel_one(new_pipe(), true);
    cancel_one(new_sockets(), true);
}

TEST_EACH_BACKEND(poll_cancel_may_come_before_submission)
{
    cancel_one(new_pipe(), false);
    cancel_one(new_sockets(), false);
}

/* Either result is right, but there must be one. */
TEST_EACH_BACKEND(poll_cancel_may_come_after_the_event)
{
    for (int i = 0; i < 4; i++) {
        struct watch watch;
        struct ends ends = new_sockets();
        open_poller();
        watch_start(&watch, OPERATION_READABLE, ends.here);
        if (i % 2 == 0)
            watch_settle();
        write_byte(ends.there);
        watch_cancel(&watch);
        int result = watch_result(&watch);
        CHECK(result == 0 || result == -ECANCELED);
        close_poller();
        close_ends(ends);
    }
}

/* ---- completions that act ------------------------------------------------------------------- */

static struct watch second;

static void start_second(struct watch *watch)
{
    watch_start(&second, OPERATION_WRITABLE, watch->operation.fd);
}

TEST_EACH_BACKEND(poll_completion_may_submit)
{
    struct watch first = {.then = start_second};
    struct ends ends = new_sockets();
    open_poller();
    watch_submit(&first, (struct operation){.kind = OPERATION_READABLE, .fd = ends.here});
    write_byte(ends.there);
    CHECK_EQ(watch_result(&first), 0);
    CHECK_EQ(watch_result(&second), 0);
    close_poller();
    close_ends(ends);
}

static void cancel_second(struct watch *watch)
{
    (void)watch;
    watch_cancel(&second);
}

/* Both are ready in one round, on one descriptor or on two. */
TEST_EACH_BACKEND(poll_completion_may_cancel)
{
    for (int i = 0; i < 2; i++) {
        struct watch first = {.then = cancel_second};
        struct ends ends = new_sockets(), other = new_sockets();
        open_poller();
        watch_submit(&first, (struct operation){.kind = OPERATION_READABLE, .fd = ends.here});
        watch_start(&second, OPERATION_READABLE, i == 0 ? ends.here : other.here);
        watch_settle();
        write_byte(ends.there);
        write_byte(other.there);
        CHECK_EQ(watch_result(&first), 0);
        int result = watch_result(&second);
        CHECK(result == 0 || result == -ECANCELED);
        close_poller();
        close_ends(ends);
        close_ends(other);
    }
}

/* ---- waiting and waking --------------------------------------------------------------------- */

enum { FOR_EVER = -1 };

TEST_EACH_BACKEND(poll_wait_ends_when_its_time_is_up)
{
    struct watch watch;
    struct ends ends = new_pipe();
    open_poller();
    CHECK_EQ(poller.calls->wait(&poller, 0), 0);
    CHECK_EQ(poller.calls->wait(&poller, 1000), 0);
    watch_start(&watch, OPERATION_READABLE, ends.here);
    CHECK_EQ(poller.calls->wait(&poller, 1000), 0);
    CHECK(!watch_is_done(&watch));
    watch_cancel(&watch);
    CHECK_EQ(watch_result(&watch), -ECANCELED);
    close_poller();
    close_ends(ends);
}

TEST_EACH_BACKEND(poll_wake_ends_the_next_wait)
{
    open_poller();
    for (int i = 0; i < 3; i++) {
        asyncp_poller_wake(&poller);
        asyncp_poller_wake(&poller);
        CHECK_EQ(poller.calls->wait(&poller, FOR_EVER), 0);
    }
    close_poller();
}

static void *wake_poller(void *unused)
{
    asyncp_poller_wake(&poller);
    return unused;
}

/*
 * Whether the wake comes before the wait or during it is the scheduler's affair; it ends it either
 * way.
 */
TEST_EACH_BACKEND(poll_wake_comes_from_any_thread)
{
    pthread_t thread;
    open_poller();
    for (int i = 0; i < 20; i++) {
        CHECK_EQ(pthread_create(&thread, NULL, wake_poller, NULL), 0);
        CHECK_EQ(poller.calls->wait(&poller, FOR_EVER), 0);
        pthread_join(thread, NULL);
    }
    close_poller();
}

static void wake_from_a_handler(int number)
{
    (void)number;
    asyncp_poller_wake(&poller);
}

TEST_EACH_BACKEND(poll_wake_comes_from_signal_handlers)
{
    open_poller();
    signal(SIGUSR1, wake_from_a_handler);
    for (int i = 0; i < 3; i++) {
        raise(SIGUSR1);
        CHECK_EQ(poller.calls->wait(&poller, FOR_EVER), 0);
    }
    close_poller();
}

static bool is_readable(int fd, int milliseconds)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    return poll(&polled, 1, milliseconds) == 1;
}

/*
 * A host loop polls the descriptor instead of calling wait(): it must become readable for
 * everything that happens.
 */
TEST_EACH_BACKEND(poll_descriptor_becomes_readable_when_wait_has_something)
{
    enum { AS_LONG_AS_IT_TAKES = 10000 };
    struct watch watch;
    struct ends ends = new_sockets();
    poller_is_host = true;
    open_poller();
    int fd = poller.calls->fd(&poller);
    CHECK_EQ(fd == -EOPNOTSUPP, strcmp(poller.calls->name, "sim") == 0);
    for (int i = 0; i < 3 && fd >= 0; i++) {
        watch_start(&watch, OPERATION_READABLE, ends.here);
        watch_settle();
        CHECK(!watch_is_done(&watch) && !is_readable(fd, 0));
        write_byte(ends.there);
        CHECK(is_readable(fd, AS_LONG_AS_IT_TAKES));
        CHECK_EQ(watch_result(&watch), 0);
        asyncp_poller_wake(&poller);
        CHECK(is_readable(fd, AS_LONG_AS_IT_TAKES));
        drain(ends.here);
    }
    close_poller();
    close_ends(ends);
}
