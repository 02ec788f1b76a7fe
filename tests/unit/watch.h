/*
 * watch.h: for tests of the poll contract (src/poll/poll.h) without a loop: a poller of the case's
 * backend, and operations that count their completions; each must have exactly one.
 */
#ifndef TEST_WATCH_H
#define TEST_WATCH_H

#include "poll/backends.h"
#include "poll/poll.h"
#include "run/runner.h"

#include <string.h>

/* An operation that is watched. */
struct watch {
    struct operation operation;        /* the backend's while it is in flight */
    int completions;                   /* it has had */
    void (*then)(struct watch *watch); /* is called by the completion; NULL: nothing */
};

static struct poller poller;
static bool poller_is_host; /* to be set before it is opened */

static inline void open_poller_with(async_allocator memory)
{
    static const struct poller_calls *const backends[] = {&asyncp_poll_epoll, &asyncp_poll_uring,
                                                          &asyncp_poll_sim};
    size_t i = 0;
    while (test_backend() != NULL && strcmp(backends[i]->name, test_backend()) != 0)
        i++;
    CHECK_EQ(asyncp_poller_open(&poller, backends[i], poller_is_host, memory), 0);
}

static inline void open_poller(void)
{
    open_poller_with(test_options()->allocator);
}

static inline void close_poller(void)
{
    CHECK_EQ(poller.in_flight, 0);
    asyncp_poller_close(&poller);
}

static inline void watch_completed(struct operation *operation)
{
    struct watch *watch = CONTAINER_OF(operation, struct watch, operation);
    watch->completions++;
    if (watch->then != NULL)
        watch->then(watch);
}

/* Submits; a refusal or a result at once counts as the completion, which then does not come. */
static inline void watch_submit(struct watch *watch, struct operation operation)
{
    size_t in_flight = poller.in_flight;
    *watch = (struct watch){.operation = operation, .then = watch->then};
    watch->operation.completed = watch_completed;
    int result = poller.calls->submit(&poller, &watch->operation);
    CHECK(result <= 1);
    CHECK_EQ(poller.in_flight, in_flight + (result == 0 ? 1 : 0));
    if (result < 0)
        watch->operation.result = result;
    watch->completions = result == 0 ? 0 : 1;
}

static inline void watch_start(struct watch *watch, enum operation_kind kind, int fd)
{
    watch->then = NULL;
    watch_submit(watch, (struct operation){.kind = kind, .fd = fd});
}

/* Handles pending events several times, because a completion may need a round in the kernel. */
static inline void watch_settle(void)
{
    for (int i = 0; i < 3; i++)
        CHECK_EQ(poller.calls->wait(&poller, 0), 0);
}

static inline bool watch_is_done(const struct watch *watch)
{
    CHECK(watch->completions <= 1);
    return watch->completions == 1;
}

/* Waits for the completion, which must come, and gives its result; and none must come after it. */
static inline int watch_result(struct watch *watch)
{
    const int64_t second_ns = 1000000000;
    for (int i = 0; i < 10 && !watch_is_done(watch); i++)
        CHECK_EQ(poller.calls->wait(&poller, second_ns), 0);
    watch_settle();
    CHECK(watch_is_done(watch));
    return watch->operation.result;
}

/* Asks twice while that is allowed: again does no harm. */
static inline void watch_cancel(struct watch *watch)
{
    for (int i = 0; i < 2 && !watch_is_done(watch); i++)
        poller.calls->cancel(&poller, &watch->operation);
}

/* The result of one operation that needs no other. */
static inline int watch_once(enum operation_kind kind, int fd)
{
    struct watch watch;
    watch_start(&watch, kind, fd);
    return watch_result(&watch);
}

#endif
