/*
 * test_poll_close.c: descriptors that are closed: every waiting operation completes, a source gets
 * no more events, the peer sees the end, and the next file with the number is not affected.
 */
#include "probe.h"

/* ---- closing -------------------------------------------------------------------------------- */

TEST_EACH_BACKEND(closed_descriptor_completes_the_operations_that_wait_on_it)
{
    for (int i = 0; i < 4; i++) {
        struct probe probe = {0};
        struct watch reader, receiver, writer;
        char byte;
        struct sockets pair = unix_sockets(SOCK_STREAM);
        fill_socket(pair.here);
        open_poller();
        if (i % 2 == 0)
            probe_start(&probe, pair.here);
        watch_start(&reader, OPERATION_READABLE, pair.here);
        watch_start(&writer, OPERATION_WRITABLE, pair.here);
        receiver.then = NULL;
        watch_submit(&receiver,
                     (struct operation){
                         .kind = OPERATION_RECV, .fd = pair.here, .buffer = &byte, .size = 1});
        if (i / 2 == 0)
            watch_settle();
        poller.calls->close_fd(&poller, pair.here);
        CHECK_EQ(watch_result(&reader), -EBADF);
        CHECK_EQ(watch_result(&writer), -EBADF);
        CHECK_EQ(watch_result(&receiver), -EBADF);
        CHECK_EQ(poller.in_flight, 0);
        CHECK(!is_open(pair.here));
        drain_socket(pair.there);
        check_end_of(pair.there);
        close(pair.there);
        close_poller();
    }
}

/* io_uring has to release it first, and meanwhile it is open. */
TEST_EACH_BACKEND(closed_descriptor_takes_no_more_operations)
{
    struct watch writer, late;
    char byte;
    struct sockets pair = unix_sockets(SOCK_STREAM);
    open_poller();
    fill_socket(pair.here);
    watch_start(&writer, OPERATION_WRITABLE, pair.here);
    watch_settle();
    say(pair.there);
    poller.calls->close_fd(&poller, pair.here);
    poller.calls->close_fd(&poller, pair.here); /* again does no harm */
    late.then = NULL;
    watch_submit(&late, (struct operation){
                            .kind = OPERATION_RECV, .fd = pair.here, .buffer = &byte, .size = 1});
    CHECK_EQ(late.operation.result, -EBADF);
    CHECK_EQ(watch_once(OPERATION_READABLE, pair.here), -EBADF);
    CHECK_EQ(watch_result(&writer), -EBADF);
    close(pair.there);
    close_poller();
}

TEST_EACH_BACKEND(closed_source_gets_no_event_and_its_peer_sees_the_end)
{
    for (int i = 0; i < 3; i++) {
        struct probe probe = {0};
        struct sockets pair = tcp_sockets();
        open_poller();
        probe_start(&probe, pair.here);
        if (i > 0)
            watch_settle();
        if (i > 1)
            say(pair.there); /* the kernel has already reported it */
        probe.changes = 0;
        probe_close(&probe);
        watch_settle();
        CHECK_EQ(probe.changes, 0);
        CHECK(!is_open(pair.here));
        if (i < 2)
            check_end_of(pair.there);
        close(pair.there);
        close_poller();
    }
}

/*
 * Another process, or another number, has the file still: none of its events must reach the new
 * file with this number.
 */
TEST_EACH_BACKEND(closed_source_leaves_nothing_to_the_next_descriptor_of_that_number)
{
    for (int i = 0; i < 20; i++) {
        struct probe before = {0}, after = {0};
        struct sockets old = unix_sockets(SOCK_STREAM);
        int other = dup(old.here);
        open_poller();
        probe_start(&before, old.here);
        if (i % 2 == 0)
            watch_settle();
        if (i % 4 < 2)
            say(old.there);
        probe_close(&before);
        if (i % 5 == 0)
            watch_settle();
        struct sockets new = unix_sockets(SOCK_STREAM);
        CHECK_EQ(new.here, old.here);
        probe_start(&after, new.here);
        before.changes = 0;
        say(old.there);
        watch_settle();
        CHECK_EQ(before.changes, 0);
        CHECK_EQ(after.source.state, SOURCE_WRITABLE);
        say(new.there);
        watch_settle();
        CHECK(has(&after, SOURCE_READABLE));
        probe_close(&after);
        close(new.there);
        close(old.there);
        close(other);
        close_poller();
    }
}

static struct probe all[4];

static void close_all(struct probe *probe)
{
    (void)probe;
    for (int i = 0; i < 4; i++)
        if (all[i].source.fd >= 0) {
            probe_close(&all[i]);
            all[i].source.fd = -1;
        }
}

/* One event of a batch closes the others and itself, and then no other source gets an event. */
TEST_EACH_BACKEND(source_may_close_itself_and_others_in_its_callback)
{
    struct sockets pairs[4];
    int changes = 0;
    open_poller();
    for (int i = 0; i < 4; i++) {
        pairs[i] = unix_sockets(SOCK_STREAM);
        probe_start(&all[i], pairs[i].here);
    }
    watch_settle();
    for (int i = 0; i < 4; i++) {
        probe_exhausted(&all[i], SOURCE_READABLE);
        all[i].then = close_all;
        say(pairs[i].there);
    }
    watch_settle();
    for (int i = 0; i < 4; i++) {
        changes += all[i].changes;
        CHECK(!is_open(pairs[i].here));
        close(pairs[i].there);
    }
    CHECK_EQ(changes, 1);
    close_poller();
}

static struct watch on_closed;

static void close_with_operation(struct probe *probe)
{
    probe->then = NULL;
    probe_close(probe);
}

TEST_EACH_BACKEND(source_may_close_itself_while_an_operation_waits_on_it)
{
    struct probe probe = {0};
    struct sockets pair = unix_sockets(SOCK_STREAM);
    open_poller();
    probe_start(&probe, pair.here);
    watch_start(&on_closed, OPERATION_READABLE, pair.here);
    watch_settle();
    probe.then = close_with_operation;
    say(pair.there);
    int result = watch_result(&on_closed);
    CHECK(result == -EBADF || result == 0); /* the kernel may have reported it at the same time */
    CHECK(!is_open(pair.here));
    close(pair.there);
    close_poller();
}

static struct sockets replacement;
static struct probe replaced, replacing;

static void replace(struct probe *probe)
{
    probe->then = NULL;
    probe_close(&replaced);
    replacement = unix_sockets(SOCK_STREAM);
    probe_start(&replacing, replacement.here);
}

/*
 * Both get an event in one batch; the number of the second belongs to another source before its
 * event is handled.
 */
TEST_EACH_BACKEND(event_of_a_closed_source_does_not_reach_a_source_added_in_the_same_batch)
{
    struct probe first = {0};
    struct sockets early = unix_sockets(SOCK_STREAM), late = unix_sockets(SOCK_STREAM);
    open_poller();
    probe_start(&first, early.here);
    probe_start(&replaced, late.here);
    watch_settle();
    first.then = replace;
    say(early.there);
    say(late.there);
    CHECK_EQ(poller.calls->wait(&poller, 1000000), 0);
    watch_settle();
    CHECK(first.then == NULL);
    CHECK(is_sim() || replacing.source.state == SOURCE_WRITABLE);
    say(replacement.there);
    watch_settle();
    CHECK(has(&replacing, SOURCE_READABLE));
    probe_close(&first);
    probe_close(&replacing);
    close(early.there);
    close(late.there);
    close(replacement.there);
    close_poller();
}

TEST_EACH_BACKEND(source_whose_descriptor_was_closed_elsewhere_is_harmless)
{
    struct probe probe = {0}, next = {0};
    struct sockets pair = unix_sockets(SOCK_STREAM);
    open_poller();
    probe_start(&probe, pair.here);
    watch_settle();
    CHECK_EQ(close(pair.here), 0);
    say_if_it_can(pair.there); /* as with io_uring, which has the file still */
    watch_settle();
    probe_close(&probe);
    watch_settle();
    close(pair.there);
    struct sockets new = unix_sockets(SOCK_STREAM);
    probe_start(&next, new.here);
    watch_settle();
    CHECK_EQ(next.source.state, SOURCE_WRITABLE);
    say(new.there);
    watch_settle();
    CHECK(has(&next, SOURCE_READABLE));
    probe_close(&next);
    close(new.there);
    close_poller();
}

TEST_EACH_BACKEND(source_without_memory_is_refused_and_leaves_the_descriptor)
{
    struct probe probe = {0};
    struct sockets pair = unix_sockets(SOCK_STREAM);
    open_poller();
    probe.source = (struct source){.fd = pair.here, .changed = probe_changed};
    test_allow_allocations(0);
    CHECK_EQ(poller.calls->watch(&poller, &probe.source), -ENOMEM);
    test_allow_allocations(-1);
    CHECK(is_open(pair.here));
    probe_start(&probe, pair.here);
    watch_settle();
    CHECK(has(&probe, SOURCE_WRITABLE));
    probe_close(&probe);
    close(pair.there);
    close_poller();
}
