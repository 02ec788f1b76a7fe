/*
 * test_poll_source.c: sources, the descriptors that the library registers itself (src/poll/poll.h):
 * each change of their state gives an event, and nothing else ends a wait.
 */
#include "probe.h"
#include "sys/fault.h"
#include "sys/clock.h"

/* ---- changes -------------------------------------------------------------------------------- */

TEST_EACH_BACKEND(source_gets_an_event_for_data_that_was_already_there)
{
    struct probe probe = {0};
    struct sockets pair = unix_sockets(SOCK_STREAM);
    open_poller();
    say(pair.there);
    probe_start(&probe, pair.here);
    CHECK_EQ(probe.changes, 0); /* wait reports, no other call */
    watch_settle();
    CHECK(probe.changes >= 1);
    CHECK(has(&probe, SOURCE_READABLE | SOURCE_WRITABLE));
    probe_close(&probe);
    close(pair.there);
    close_poller();
}

static void tell_changes(struct sockets pair)
{
    struct probe probe = {0};
    open_poller();
    probe_start(&probe, pair.here);
    watch_settle();
    CHECK_EQ(probe.source.state, SOURCE_WRITABLE);
    for (int i = 0; i < 100; i++) {
        probe_exhausted(&probe, SOURCE_READABLE);
        watch_settle();
        CHECK_EQ(probe.changes, 0);
        say(pair.there);
        watch_settle();
        CHECK(probe.changes >= 1);
        CHECK(has(&probe, SOURCE_READABLE));
        CHECK_EQ(drain_socket(pair.here), 1);
    }
    CHECK(!has(&probe, SOURCE_ENDED));
    CHECK(!has(&probe, SOURCE_URGENT) || is_uring()); /* which says so each time something comes */
    probe_close(&probe);
    close(pair.there);
    close_poller();
}

TEST_EACH_BACKEND(source_gets_an_event_for_each_edge_to_readable)
{
    tell_changes(unix_sockets(SOCK_STREAM));
    tell_changes(unix_sockets(SOCK_DGRAM));
    tell_changes(tcp_sockets());
    tell_changes(udp_sockets());
}

/*
 * A source that did not read to the end is still marked readable: later data need not be reported,
 * and nothing is lost.
 */
TEST_EACH_BACKEND(source_that_did_not_read_stays_readable)
{
    struct probe probe = {0};
    struct sockets pair = tcp_sockets();
    open_poller();
    probe_start(&probe, pair.here);
    for (int i = 0; i < 10; i++) {
        say(pair.there);
        watch_settle();
        CHECK(has(&probe, SOURCE_READABLE));
    }
    probe_close(&probe);
    close(pair.there);
    close_poller();
}

static void tell_room(struct sockets pair)
{
    struct probe probe = {0};
    open_poller();
    probe_start(&probe, pair.here);
    watch_settle();
    for (int i = 0; i < 3; i++) {
        fill_socket(pair.here);
        probe_exhausted(&probe, SOURCE_WRITABLE);
        watch_settle();
        CHECK(!has(&probe, SOURCE_WRITABLE));
        for (int k = 0; k < 1000 && !has(&probe, SOURCE_WRITABLE); k++) {
            drain_socket(pair.there);
            CHECK_EQ(poller.calls->wait(&poller, 1000000), 0);
        }
        CHECK(has(&probe, SOURCE_WRITABLE));
        drain_socket(pair.there);
    }
    probe_close(&probe);
    close(pair.there);
    close_poller();
}

TEST_EACH_BACKEND(source_gets_an_event_for_each_edge_to_writable)
{
    tell_room(unix_sockets(SOCK_STREAM));
    tell_room(tcp_sockets());
}

TEST_EACH_BACKEND(source_without_changes_ends_no_wait)
{
    const int64_t while_ns = 20000000;
    struct probe probe = {0};
    struct sockets pair = tcp_sockets();
    open_poller();
    probe_start(&probe, pair.here);
    say(pair.there);
    watch_settle();
    probe.changes = 0;
    int64_t begun_ns = asyncp_sys_clock_now();
    CHECK_EQ(poller.calls->wait(&poller, while_ns), 0);
    CHECK(asyncp_sys_clock_now() - begun_ns >= while_ns);
    CHECK_EQ(probe.changes, 0);
    probe_close(&probe);
    close(pair.there);
    close_poller();
}

/* ---- ends ----------------------------------------------------------------------------------- */

static void tell_end(struct sockets pair, bool says_goodbye)
{
    struct probe probe = {0};
    char byte;
    open_poller();
    probe_start(&probe, pair.here);
    watch_settle();
    probe_exhausted(&probe, SOURCE_READABLE);
    if (says_goodbye)
        say(pair.there);
    CHECK_EQ(shutdown(pair.there, SHUT_WR), 0);
    watch_settle();
    CHECK(has(&probe, SOURCE_READABLE));
    CHECK(is_sim() || has(&probe, SOURCE_ENDED));
    CHECK_EQ(drain_socket(pair.here), says_goodbye ? 1 : 0);
    CHECK_EQ(recv(pair.here, &byte, 1, MSG_DONTWAIT), 0);
    probe_close(&probe);
    close(pair.there);
    close_poller();
}

TEST_EACH_BACKEND(source_gets_an_event_for_its_peer_s_end)
{
    for (int i = 0; i < 2; i++) {
        tell_end(unix_sockets(SOCK_STREAM), i == 1);
        tell_end(unix_sockets(SOCK_SEQPACKET), i == 1);
        tell_end(tcp_sockets(), i == 1);
    }
}

TEST_EACH_BACKEND(source_gets_an_event_for_a_reset_in_both_directions)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    struct probe probe = {0};
    struct sockets pair = tcp_sockets();
    char byte;
    open_poller();
    probe_start(&probe, pair.here);
    fill_socket(pair.here);
    watch_settle();
    probe_exhausted(&probe, SOURCE_READABLE | SOURCE_WRITABLE);
    CHECK_EQ(setsockopt(pair.there, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    CHECK_EQ(close(pair.there), 0);
    watch_settle();
    CHECK(has(&probe, SOURCE_READABLE | SOURCE_WRITABLE));
    CHECK_EQ(recv(pair.here, &byte, 1, MSG_DONTWAIT), -1);
    CHECK_EQ(errno, ECONNRESET);
    probe_close(&probe);
    close_poller();
}

/*
 * A read stops at the urgent mark, short of the available bytes: a short read must not be taken for
 * drained.
 */
TEST_EACH_BACKEND(source_gets_an_event_for_urgent_data_and_no_wait_ends_by_it)
{
    const int64_t while_ns = 20000000;
    struct probe probe = {0};
    struct sockets pair = tcp_sockets();
    open_poller();
    probe_start(&probe, pair.here);
    watch_settle();
    CHECK_EQ(send(pair.there, "ab!", 3, MSG_OOB), 3);
    watch_settle();
    CHECK(has(&probe, SOURCE_READABLE | SOURCE_URGENT));
    CHECK_EQ(drain_socket(pair.here), 2);
    probe_exhausted(&probe, SOURCE_READABLE);
    watch_settle();
    probe.changes = 0;
    int64_t begun_ns = asyncp_sys_clock_now();
    CHECK_EQ(poller.calls->wait(&poller, while_ns), 0);
    CHECK(asyncp_sys_clock_now() - begun_ns >= while_ns);
    CHECK_EQ(probe.changes, 0);
    say(pair.there);
    watch_settle();
    CHECK(has(&probe, SOURCE_READABLE));
    probe_close(&probe);
    close(pair.there);
    close_poller();
}

/* ---- operations on a source's descriptor ---------------------------------------------------- */

TEST_EACH_BACKEND(source_and_operations_on_its_descriptor_both_get_the_event)
{
    struct probe probe = {0};
    struct watch reader, receiver;
    struct sockets pair = tcp_sockets();
    char byte = 0;
    open_poller();
    probe_start(&probe, pair.here);
    watch_settle();
    CHECK_EQ(watch_once(OPERATION_WRITABLE, pair.here), 0);
    for (int i = 0; i < 3; i++) {
        watch_start(&reader, OPERATION_READABLE, pair.here);
        watch_settle();
        CHECK(!watch_is_done(&reader));
        probe_exhausted(&probe, SOURCE_READABLE);
        say(pair.there);
        CHECK_EQ(watch_result(&reader), 0);
        CHECK(has(&probe, SOURCE_READABLE));
        CHECK_EQ(watch_once(OPERATION_READABLE, pair.here), 0);
        CHECK_EQ(drain_socket(pair.here), 1);
        receiver.then = NULL;
        watch_submit(&receiver,
                     (struct operation){
                         .kind = OPERATION_RECV, .fd = pair.here, .buffer = &byte, .size = 1});
        watch_settle();
        say(pair.there);
        CHECK_EQ(watch_result(&receiver), 1);
    }
    probe_close(&probe);
    close(pair.there);
    close_poller();
}

TEST_EACH_BACKEND(source_still_gets_events_after_an_operation_on_its_descriptor_was_cancelled)
{
    struct probe probe = {0};
    struct watch reader;
    struct sockets pair = unix_sockets(SOCK_STREAM);
    open_poller();
    watch_start(&reader, OPERATION_READABLE, pair.here); /* which waits already */
    watch_settle();
    probe_start(&probe, pair.here);
    watch_settle();
    watch_cancel(&reader);
    CHECK_EQ(watch_result(&reader), -ECANCELED);
    probe_exhausted(&probe, SOURCE_READABLE);
    say(pair.there);
    watch_settle();
    CHECK(has(&probe, SOURCE_READABLE));
    probe_close(&probe);
    close(pair.there);
    close_poller();
}

#if ASYNC_CHECKS
static int looks_failing, look_failure;

static int fail_looks(enum fault_site site)
{
    return site == SITE_POLL && looks_failing-- > 0 ? look_failure : 0;
}

/*
 * The result of a wait for room, which the source was told of long ago; so many polls of the kernel
 * fail meanwhile.
 */
static int wait_while_looks_fail(int fd, int count, int failure)
{
    looks_failing = count;
    look_failure = failure;
    asyncp_fault = fail_looks;
    struct watch watch;
    watch_start(&watch, OPERATION_WRITABLE, fd);
    asyncp_fault = NULL;
    return watch_result(&watch);
}

/* A signal may interrupt the poll for the current state, though that takes no time. */
TEST_EACH_BACKEND(operation_on_a_source_fails_with_poll_and_ignores_eintr)
{
    struct probe probe = {0};
    struct sockets pair = tcp_sockets();
    open_poller();
    probe_start(&probe, pair.here);
    watch_settle();
    CHECK_EQ(wait_while_looks_fail(pair.here, 3, -EINTR), 0);
    int result = wait_while_looks_fail(pair.here, 1, -ENOMEM);
    CHECK(result == 0 || result == -ENOMEM);
    probe_close(&probe);
    close(pair.there);
    close_poller();
}
#endif
