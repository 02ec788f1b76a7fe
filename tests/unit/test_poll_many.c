/*
 * test_poll_many.c: the poll contract with a thousand descriptors, and with numbers that are closed
 * and used again while the backend still remembers the old file.
 */
#include "sys/fault.h"
#include "watch.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- a thousand ----------------------------------------------------------------------------- */

enum { THOUSAND = 1000 };

static int counters[THOUSAND];
static struct watch watches[THOUSAND];

/* More descriptors than most shells allow are had by asking. */
static void open_counters(void)
{
    struct rlimit limit;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (int i = 0; i < THOUSAND; i++) {
        counters[i] = eventfd(0, EFD_NONBLOCK);
        if (counters[i] < 0)
            test_skip("this process may not have a thousand descriptors");
    }
}

static void close_counters(void)
{
    for (int i = 0; i < THOUSAND; i++)
        close(counters[i]);
}

static void watch_all(void)
{
    for (int i = 0; i < THOUSAND; i++)
        watch_start(&watches[i], OPERATION_READABLE, counters[i]);
    watch_settle();
    CHECK_EQ(poller.in_flight, THOUSAND);
}

static void count_up(int number)
{
    uint64_t one = 1;
    CHECK_EQ(write(counters[number], &one, sizeof one), 8);
}

TEST_EACH_BACKEND(poll_many_completes_each_of_a_thousand)
{
    unsigned short random[3] = {1, 4, 1};
    open_counters();
    open_poller();
    watch_all();
    for (int i = 0; i < 200; i++) {
        int number = (int)(nrand48(random) % THOUSAND);
        if (watch_is_done(&watches[number]))
            continue;
        size_t in_flight = poller.in_flight;
        count_up(number);
        CHECK_EQ(watch_result(&watches[number]), 0);
        CHECK_EQ(poller.in_flight, in_flight - 1);
    }
    for (int i = 0; i < THOUSAND; i++)
        watch_cancel(&watches[i]);
    for (int i = 0; i < THOUSAND; i++)
        CHECK(watch_result(&watches[i]) <= 0);
    close_poller();
    close_counters();
}

TEST_EACH_BACKEND(poll_many_complete_in_one_wait)
{
    open_counters();
    open_poller();
    for (int round = 0; round < 3; round++) {
        watch_all();
        for (int i = 0; i < THOUSAND; i++)
            count_up(i);
        for (int i = 0; i < THOUSAND; i++)
            CHECK_EQ(watch_result(&watches[i]), 0);
        for (int i = 0; i < THOUSAND; i++) {
            uint64_t count;
            CHECK_EQ(read(counters[i], &count, sizeof count), 8);
        }
    }
    close_poller();
    close_counters();
}

TEST_EACH_BACKEND(poll_many_can_be_cancelled_before_submission)
{
    open_counters();
    open_poller();
    for (int i = 0; i < THOUSAND; i++)
        watch_start(&watches[i], OPERATION_READABLE, counters[i]);
    for (int i = 0; i < THOUSAND; i++)
        watch_cancel(&watches[i]);
    for (int i = 0; i < THOUSAND; i++)
        CHECK_EQ(watch_result(&watches[i]), -ECANCELED);
    close_poller();
    close_counters();
}

/* ---- a kernel that has no room for a while -------------------------------------------------- */

#if ASYNC_CHECKS
static int uring_calls_refused; /* so many, and after them every other one */

static int have_little_room(enum fault_site site)
{
    if (site != SITE_URING_ENTER)
        return 0;
    uring_calls_refused--;
    return uring_calls_refused >= 0 || uring_calls_refused % 2 != 0 ? -EAGAIN : 0;
}

/* A completed operation belongs to its owner, which may have freed it. */
static void forget_links(struct watch *watch)
{
    memset(&watch->operation.link, 0, sizeof watch->operation.link);
}

/*
 * The first half has been submitted; more is requested than the queue holds, and part of all that
 * is cancelled.
 */
TEST_EACH_BACKEND(poll_many_that_find_no_room_are_begun_or_cancelled_later)
{
    uring_calls_refused = INT_MAX;
    open_counters();
    open_poller();
    for (int i = 0; i < THOUSAND; i++) {
        if (i == THOUSAND / 2)
            watch_settle();
        asyncp_fault = i < THOUSAND / 2 ? NULL : have_little_room;
        watches[i].then = forget_links;
        watch_submit(&watches[i],
                     (struct operation){.kind = OPERATION_READABLE, .fd = counters[i]});
    }
    for (int i = 0; i < THOUSAND; i += 3)
        watch_cancel(&watches[i]);
    for (int i = 0; i < THOUSAND; i++)
        count_up(i);
    uring_calls_refused = 0;
    for (int i = 0; i < THOUSAND && poller.in_flight > 0; i++)
        CHECK_EQ(asyncp_poller_wait(&poller, 1000000), 0);
    asyncp_fault = NULL;
    for (int i = 0; i < THOUSAND; i++) {
        CHECK(watch_is_done(&watches[i]));
        int result = watches[i].operation.result;
        CHECK(result == 0 || (i % 3 == 0 && result == -ECANCELED));
    }
    close_poller();
    close_counters();
}
#endif

/* ---- numbers that are used again ------------------------------------------------------------ */

struct counted {
    int number; /* of the descriptor that is waited for */
    int other;  /* another descriptor of the same file, to make it readable */
};

/* A new file, under that number if it is not negative. */
static struct counted open_counted(int number)
{
    int other = eventfd(0, EFD_NONBLOCK);
    int wanted = number < 0 ? dup(other) : dup2(other, number);
    CHECK(other >= 0 && wanted >= 0);
    return (struct counted){wanted, other};
}

static void make_readable(struct counted counted)
{
    uint64_t one = 1;
    CHECK_EQ(write(counted.other, &one, sizeof one), 8);
}

static void expect_told_of(struct counted now)
{
    struct watch watch;
    watch_start(&watch, OPERATION_READABLE, now.number);
    watch_settle();
    CHECK(!watch_is_done(&watch));
    make_readable(now);
    CHECK_EQ(watch_result(&watch), 0);
}

/*
 * The file that had the number lives on under another one, so that a backend that watches it still
 * would notice.
 */
static void replace_after_completion(bool reopened)
{
    open_poller();
    struct counted before = open_counted(-1);
    expect_told_of(before);
    close(before.number);
    if (reopened)
        CHECK_EQ(watch_once(OPERATION_READABLE, before.number), -EBADF);
    struct counted after = open_counted(before.number);
    make_readable(before);
    expect_told_of(after);
    close_poller();
    close(after.number);
    close(after.other);
    close(before.other);
}

TEST_EACH_BACKEND(poll_many_files_may_have_one_number_one_after_the_other)
{
    replace_after_completion(false);
    replace_after_completion(true);
}

TEST_EACH_BACKEND(poll_cancelled_leaves_no_trace_on_the_number)
{
    struct watch watch;
    open_poller();
    struct counted before = open_counted(-1);
    watch_start(&watch, OPERATION_READABLE, before.number);
    watch_settle();
    watch_cancel(&watch);
    CHECK_EQ(watch_result(&watch), -ECANCELED);
    close(before.number);
    struct counted after = open_counted(before.number);
    make_readable(before);
    expect_told_of(after);
    close_poller();
    close(after.number);
    close(after.other);
    close(before.other);
}

/*
 * The event of the first file is already on its way when its watch is cancelled and the number
 * changes hands.
 */
TEST_EACH_BACKEND(poll_late_event_of_the_previous_file_completes_nothing)
{
    struct watch early, late;
    open_poller();
    struct counted before = open_counted(-1);
    watch_start(&early, OPERATION_READABLE, before.number);
    watch_settle();
    make_readable(before);
    watch_cancel(&early);
    int result = watch_result(&early);
    CHECK(result == 0 || result == -ECANCELED);
    struct counted after = open_counted(before.number); /* closes the one before */
    watch_start(&late, OPERATION_READABLE, after.number);
    watch_settle();
    CHECK(!watch_is_done(&late));
    watch_cancel(&late);
    CHECK_EQ(watch_result(&late), -ECANCELED);
    close_poller();
    close(after.number);
    close(after.other);
    close(before.other);
}

static struct counted replaced;
static int replacement;
static struct watch second, third;

/*
 * While the event of `second` is on its way, in each possible case, the number goes to another
 * file.
 */
static void replace_second(struct watch *watch)
{
    (void)watch;
    watch_cancel(&second);
    CHECK_EQ(dup2(replacement, replaced.number), replaced.number);
    watch_start(&third, OPERATION_READABLE, replaced.number);
}

TEST_EACH_BACKEND(poll_event_of_a_batch_does_not_reach_an_operation_added_in_it)
{
    struct watch first = {.then = replace_second};
    open_poller();
    struct counted early = open_counted(-1);
    replaced = open_counted(-1);
    replacement = eventfd(0, 0);
    watch_submit(&first, (struct operation){.kind = OPERATION_READABLE, .fd = early.number});
    watch_start(&second, OPERATION_READABLE, replaced.number);
    watch_settle();
    make_readable(early);
    make_readable(replaced);
    CHECK_EQ(watch_result(&first), 0);
    CHECK(watch_result(&second) <= 0);
    CHECK(!watch_is_done(&third));
    make_readable((struct counted){.other = replacement});
    CHECK_EQ(watch_result(&third), 0);
    close_poller();
    const int all[] = {early.number, early.other, replaced.number, replaced.other, replacement};
    for (int i = 0; i < 5; i++)
        close(all[i]);
}

/* An epoll set is keyed by file and number: an event of one does not reach its duplicate. */
TEST_EACH_BACKEND(poll_duplicates_of_one_file_are_separate)
{
    struct watch watch, twin;
    open_poller();
    struct counted counted = open_counted(-1);
    watch_start(&watch, OPERATION_READABLE, counted.number);
    watch_start(&twin, OPERATION_READABLE, counted.other);
    watch_settle();
    watch_cancel(&twin);
    CHECK_EQ(watch_result(&twin), -ECANCELED);
    CHECK(!watch_is_done(&watch));
    make_readable(counted);
    CHECK_EQ(watch_result(&watch), 0);
    close_poller();
    close(counted.number);
    close(counted.other);
}
