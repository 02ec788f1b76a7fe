/*
 * probe.h: for tests of sources (src/poll/poll.h) without a loop: sources that count their events.
 */
#ifndef TEST_PROBE_H
#define TEST_PROBE_H

#include "run/sockets.h"
#include "sys/clock.h"
#include "watch.h"

#include <fcntl.h>
#include <poll.h>

/* A source that counts its events. */
struct probe {
    struct source source; /* the poller's while it is watched */
    int changes;
    void (*then)(struct probe *probe); /* is called by each; NULL: nothing */
};

static int told; /* changes, in all */

static inline void probe_changed(struct source *source)
{
    struct probe *probe = CONTAINER_OF(source, struct probe, source);
    probe->changes++;
    told++;
    if (probe->then != NULL)
        probe->then(probe);
}

static inline void probe_start(struct probe *probe, int fd)
{
    *probe = (struct probe){.source = {.fd = fd, .changed = probe_changed}, .then = probe->then};
    CHECK_EQ(poller.calls->watch(&poller, &probe->source), 0);
}

static inline void probe_close(struct probe *probe)
{
    poller.calls->close_fd(&poller, probe->source.fd);
}

/* The owner has tried, and the kernel had nothing, or no room. */
static inline void probe_exhausted(struct probe *probe, int bits)
{
    probe->source.state &= (uint8_t)~bits;
    probe->changes = 0;
}

static inline bool has(const struct probe *probe, int bits)
{
    return (probe->source.state & bits) == bits;
}

static inline bool is_sim(void)
{
    return strcmp(test_backend(), "sim") == 0;
}

static inline bool is_uring(void)
{
    return strcmp(test_backend(), "uring") == 0;
}

static inline bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static inline void say(int fd)
{
    CHECK_EQ(send(fd, "x", 1, MSG_NOSIGNAL), 1);
}

/* The other end may be closed. */
static inline void say_if_it_can(int fd)
{
    async_ignore(send(fd, "x", 1, MSG_NOSIGNAL));
}

/* The other side has closed, and all that it sent was read. */
static inline void check_end_of(int fd)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    CHECK_EQ(poll(&polled, 1, 0), 1);
    CHECK_EQ(drain_socket(fd), 0);
}

#endif
