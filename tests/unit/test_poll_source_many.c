/*
 * test_poll_source_many.c: ten thousand sources, and a kernel that has no room for them or ends the
 * poll of one.
 */
#include "probe.h"
#include "sys/fault.h"

#include <limits.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

/* ---- many ----------------------------------------------------------------------------------- */

enum { MAX_PROBES = 10000 };

static struct probe probes[MAX_PROBES];

static void start_many(int count)
{
    struct rlimit limit;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (int i = 0; i < count; i++) {
        int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (fd < 0)
            test_skip("this process may not have so many descriptors");
        probe_start(&probes[i], fd);
    }
}

/*
 * Until no source gets an event any more: io_uring completes some twenty of them in each wait. With
 * a limit: if the kernel takes no request, each wait polls and reports.
 */
static void settle_many(void)
{
    enum { MAX_WAITS = 2000 };
    int quiet = 0;
    for (int i = 0; i < MAX_WAITS && quiet < 30; i++) {
        int before = told;
        CHECK_EQ(asyncp_poller_wait(&poller, 0), 0);
        quiet = told == before ? quiet + 1 : 0;
    }
}

static void raise_probe(int number)
{
    CHECK_EQ(write(probes[number].source.fd, &(uint64_t){1}, 8), 8);
}

static void close_many(int count)
{
    for (int i = 0; i < count; i++)
        probe_close(&probes[i]);
}

static void tell_many_apart(void)
{
    open_poller();
    start_many(MAX_PROBES);
    settle_many();
    for (int i = 0; i < MAX_PROBES; i += 3)
        raise_probe(i);
    settle_many();
    for (int i = 0; i < MAX_PROBES; i++)
        CHECK_EQ(probes[i].source.state,
                 i % 3 == 0 ? SOURCE_READABLE | SOURCE_WRITABLE : SOURCE_WRITABLE);
    close_many(MAX_PROBES);
    settle_many();
    CHECK(!is_open(probes[0].source.fd));
    close_poller();
}

TEST_EACH_BACKEND(ten_thousand_sources_get_their_own_events)
{
    tell_many_apart();
}

/* io_uring posts events at once; it ends the polls of those that find the completion queue full. */
TEST_EACH_BACKEND(ten_thousand_sources_of_a_host_loop_get_their_own_events)
{
    poller_is_host = true;
    tell_many_apart();
}

/* ---- a kernel that has no room, or gives up ------------------------------------------------- */

#if ASYNC_CHECKS
static bool is_full;

static int refuse_entry(enum fault_site site)
{
    return site == SITE_URING_ENTER && is_full ? -EBUSY : 0;
}

/* More than the queue holds, some of them closed again, before the kernel takes any. */
TEST_EACH_BACKEND(sources_that_find_no_room_are_watched_or_closed_later)
{
    enum { COUNT = 1000 };
    open_poller();
    is_full = true;
    asyncp_fault = refuse_entry;
    start_many(COUNT);
    for (int i = 0; i < COUNT; i += 5)
        probe_close(&probes[i]);
    for (int i = 1; i < COUNT; i += 5)
        raise_probe(i);
    is_full = false;
    settle_many();
    for (int i = 0; i < COUNT; i++) {
        int expected = i % 5 == 0   ? 0
                       : i % 5 == 1 ? SOURCE_READABLE | SOURCE_WRITABLE
                                    : SOURCE_WRITABLE;
        CHECK_EQ(probes[i].source.state, expected);
        CHECK_EQ(is_open(probes[i].source.fd), i % 5 != 0);
    }
    is_full = true;
    for (int i = 0; i < COUNT; i++)
        if (i % 5 != 0)
            probe_close(&probes[i]);
    is_full = false;
    settle_many();
    for (int i = 0; i < COUNT; i++)
        CHECK(!is_open(probes[i].source.fd));
    asyncp_fault = NULL;
    close_poller();
}

/* The runner sees a descriptor that was left open. */
TEST_EACH_BACKEND(sources_that_found_no_room_to_be_closed_are_closed_with_the_poller)
{
    open_poller();
    start_many(600);
    settle_many();
    is_full = true;
    asyncp_fault = refuse_entry;
    close_many(600);
    close_poller();
    asyncp_fault = NULL;
}

static int requests_failing, request_failure;

static int fail_requests(enum fault_site site)
{
    return site == SITE_URING_SQE && requests_failing-- > 0 ? request_failure : 0;
}

static void wait_often(void)
{
    for (int i = 0; i < 10; i++)
        CHECK_EQ(asyncp_poller_wait(&poller, 0), 0);
}

TEST_EACH_BACKEND(source_whose_poll_the_kernel_ended_is_armed_again)
{
    static const int failures[] = {-ECANCELED, -ENOMEM, -EAGAIN, -EINTR};
    for (int i = 0; i < 4; i++) {
        struct probe probe = {0};
        struct sockets pair = unix_sockets(SOCK_STREAM);
        open_poller();
        watch_settle();
        requests_failing = 3;
        request_failure = failures[i];
        asyncp_fault = fail_requests;
        probe_start(&probe, pair.here);
        wait_often();
        CHECK_EQ(probe.source.state, SOURCE_WRITABLE);
        say(pair.there);
        wait_often();
        CHECK(has(&probe, SOURCE_READABLE));
        asyncp_fault = NULL;
        probe_close(&probe);
        close(pair.there);
        close_poller();
    }
}

/* Waiting operations still make progress, if slowly: polling by hand takes no memory. */
TEST_EACH_BACKEND(source_whose_poll_the_kernel_refuses_is_polled_by_hand)
{
    struct probe probe = {0};
    struct sockets pair = unix_sockets(SOCK_STREAM);
    open_poller();
    requests_failing = INT_MAX;
    request_failure = -ENOMEM;
    asyncp_fault = fail_requests;
    probe_start(&probe, pair.here);
    wait_often();
    CHECK_EQ(probe.source.state, SOURCE_WRITABLE);
    say(pair.there);
    wait_often();
    CHECK(has(&probe, SOURCE_READABLE));
    probe_close(&probe);
    wait_often();
    CHECK(!is_open(pair.here));
    asyncp_fault = NULL;
    close(pair.there);
    close_poller();
}

TEST_EACH_BACKEND(source_whose_poll_the_kernel_ended_can_be_closed)
{
    struct probe probe = {0};
    struct sockets pair = unix_sockets(SOCK_STREAM);
    open_poller();
    watch_settle();
    requests_failing = 1;
    request_failure = -ENOMEM;
    asyncp_fault = fail_requests;
    probe_start(&probe, pair.here);
    CHECK_EQ(asyncp_poller_wait(&poller, 0), 0);
    probe_close(&probe);
    CHECK_EQ(asyncp_poller_wait(&poller, 0), 0);
    CHECK_EQ(asyncp_poller_wait(&poller, 0), 0);
    asyncp_fault = NULL;
    CHECK(!is_open(pair.here));
    check_end_of(pair.there);
    close(pair.there);
    close_poller();
}
#endif
