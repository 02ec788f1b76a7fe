/*
 * io/channel.h: a descriptor of the library's own, and the tasks that wait until it can be read or
 * written: one for each at a time. Streams, servers and connections in the making stand on it. It
 * must not know what is read.
 */
#ifndef IO_CHANNEL_H
#define IO_CHANNEL_H

#include "io/operate.h"

enum side { SIDE_READ, SIDE_WRITE };

struct channel {
    struct source source;    /* the descriptor, and what the poller has told of it */
    struct wait *waiting[2]; /* who waits to read, to write; NULL: nobody */
    int *told[2];            /* what those hear who were woken and have not gone on yet; or NULL */
    void (*changed)(
        struct channel *channel); /* the owner's, after those were woken; may end the channel */
};

/*
 * Takes a descriptor that does not block; when it fails, the descriptor is the caller's still. 0 or
 * -errno.
 */
int asyncp_channel_open(struct async_loop *loop, struct channel *channel, int fd,
                        void (*changed)(struct channel *channel));

/* Closes the descriptor; who waits is told the error. */
void asyncp_channel_close(struct async_loop *loop, struct channel *channel, int error);

/* Tells who waits on that side, if anybody does. */
void asyncp_channel_tell(struct async_loop *loop, struct channel *channel, enum side side,
                         int result);

/*
 * What was told of that side may be old: the next try asks the kernel, and who waits there makes
 * one.
 */
void asyncp_channel_retry(struct async_loop *loop, struct channel *channel, enum side side);

/*
 * Waits until a try on that side may do. 0; -EBUSY: another task waits there. -ECANCELED. Switches.
 */
int asyncp_channel_wait(struct async_loop *loop, struct channel *channel, enum side side,
                        const char *call);

/* Gives way. 0, or why the task cannot go on with the channel, which may be gone then. Switches. */
int asyncp_channel_rest(struct async_loop *loop, struct channel *channel, enum side side);

static inline uint8_t side_bit(enum side side)
{
    return side == SIDE_READ ? SOURCE_READABLE : SOURCE_WRITABLE;
}

/* Whether a task waits there, or was woken and has not gone on. */
static inline bool channel_is_taken(const struct channel *channel, enum side side)
{
    return channel->waiting[side] != NULL || channel->told[side] != NULL;
}

/* Whether a try on that side may do. */
static inline bool channel_is_ready(const struct channel *channel, enum side side)
{
    return (channel->source.state & side_bit(side)) != 0;
}

/* A try found that the kernel has nothing, or no room, for now. */
static inline void channel_exhausted(struct channel *channel, enum side side)
{
    channel->source.state &= (uint8_t)~side_bit(side);
}

/*
 * Less came, or went, than there was room for: so that was all, and a try would be for nothing. Not
 * at a peer's end, of which nothing will be told again, and not where a read stops short of what is
 * there.
 */
static inline void channel_short(struct channel *channel, enum side side)
{
    const uint8_t unsure = SOURCE_ENDED | SOURCE_URGENT;
    if (side == SIDE_WRITE || (channel->source.state & unsure) == 0)
        channel_exhausted(channel, side);
}

/*
 * For a task that is to go on with the channel: takes steps (see sched/pace.h), and gives way if it
 * is time. 0, or why it cannot go on, and then the channel may be gone. Switches.
 */
static inline int channel_pace(struct async_loop *loop, struct channel *channel, enum side side,
                               int32_t steps)
{
    return pace_is_due(loop, steps) ? asyncp_channel_rest(loop, channel, side) : 0;
}

#endif
