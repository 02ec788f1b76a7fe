/*
 * io/pollable.h: a descriptor of the library's own, registered with the poller for as long as it is
 * open, and the tasks waiting until it is readable or writable: at most one for each. Streams and
 * listeners are built on it. It does not read or write.
 */
#ifndef IO_POLLABLE_H
#define IO_POLLABLE_H

#include "sched/pace.h"

enum side { SIDE_READ, SIDE_WRITE };

struct pollable {
    struct source source;
    struct wait *waiting[2]; /* of the task waiting on each side; NULL: no task does */
    /*
     * By side: where -errno is stored for a task that was woken and has not run yet, if it must not
     * go on. NULL: there is no such task.
     */
    int *interrupted[2];
    /* Set by the owner; called after a change, when waiting tasks were woken. May close this. */
    void (*changed)(struct pollable *pollable);
};

/*
 * Takes the descriptor, whose owner makes only calls that do not block. 0; -errno, and it is still
 * the caller's.
 */
int asyncp_pollable_open(struct async_loop *loop, struct pollable *pollable, int fd,
                         void (*changed)(struct pollable *pollable));

/* The same without the poller, for a descriptor that is always ready. */
void asyncp_pollable_init(struct pollable *pollable, int fd,
                          void (*changed)(struct pollable *pollable));

/* Closes the descriptor; the waits of both sides end with the error. */
void asyncp_pollable_close(struct async_loop *loop, struct pollable *pollable, int error);

/*
 * Ends the wait on the side, if a task waits there, with the result. A negative one also reaches a
 * task that was woken before and has not run yet.
 */
void asyncp_pollable_wake(struct async_loop *loop, struct pollable *pollable, enum side side,
                          int result);

/* Marks the side as ready, so the next try asks the kernel, and wakes the task there. */
void asyncp_pollable_retry(struct async_loop *loop, struct pollable *pollable, enum side side);

/*
 * Waits until a try on the side is worthwhile. 0; -EBUSY: another task waits there; -ECANCELED.
 * Switches.
 */
int asyncp_pollable_wait(struct async_loop *loop, struct pollable *pollable, enum side side,
                         const char *call);

/*
 * asyncp_wait_in_list in another list; meanwhile the side is taken by the task. Negative: why
 * the task must not go on; the owner may be gone then. Switches.
 */
int asyncp_pollable_stand_in_line(struct pollable *pollable, enum side side, struct list *line,
                                  const char *call, const void *object);

/* Lets other tasks run. 0; negative: as above. Switches. */
int asyncp_pollable_rest(struct async_loop *loop, struct pollable *pollable, enum side side);

static inline uint8_t side_bit(enum side side)
{
    return side == SIDE_READ ? SOURCE_READABLE : SOURCE_WRITABLE;
}

/* Whether a task waits there, or was woken and has not run yet. */
static inline bool pollable_is_taken(const struct pollable *pollable, enum side side)
{
    return pollable->waiting[side] != NULL || pollable->interrupted[side] != NULL;
}

/* Whether a try on the side is worthwhile. */
static inline bool pollable_is_ready(const struct pollable *pollable, enum side side)
{
    return (pollable->source.state & side_bit(side)) != 0;
}

/* A try returned -EAGAIN. */
static inline void pollable_drained(struct pollable *pollable, enum side side)
{
    pollable->source.state &= (uint8_t)~side_bit(side);
}

/*
 * A try moved less than was asked for, so the next one would return -EAGAIN: it is not made. But
 * after a peer's end no change will be reported, and some reads stop before all is read: then the
 * next try is made.
 */
static inline void pollable_moved_less(struct pollable *pollable, enum side side)
{
    const uint8_t unsure = SOURCE_ENDED | SOURCE_URGENT;
    if (side == SIDE_WRITE || (pollable->source.state & unsure) == 0)
        pollable_drained(pollable, side);
}

/*
 * For a task about to use the pollable: takes steps (see sched/pace.h), and lets other tasks run if
 * it is time. 0; negative: as asyncp_pollable_rest. Switches.
 */
static inline int pollable_pace(struct async_loop *loop, struct pollable *pollable, enum side side,
                                int32_t steps)
{
    return pace_is_due(loop, steps) ? asyncp_pollable_rest(loop, pollable, side) : 0;
}

#endif
