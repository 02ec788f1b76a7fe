/*
 * io/channel.c: waiting for a source. What is in flight is the wait: a channel that nobody waits
 * for does not keep a loop from dozing, nor virtual time from passing.
 */
#include "io/channel.h"

enum { CACHE_LINE = 64, FRAME_BYTES = 512, OWNER_BYTES = 256 };

struct channel_wait {
    struct wait wait;        /* of the task */
    struct channel *channel; /* what it waits for */
    enum side side;          /* which side of it */
    bool goes_on; /* it was woken, and the channel knows how to tell it that it is gone */
    int told;     /* 0, or why there is no going on: the channel may be gone */
};

static void leave(struct async_loop *loop, struct channel *channel, enum side side)
{
    channel->waiting[side] = NULL;
    loop->poller.in_flight--;
}

/*
 * Asks the cache for what the task will touch when it goes on: the innermost frames of its stack,
 * and what lies behind the channel.
 */
static void expect(const struct channel *channel, const struct wait *wait)
{
    const char *frames = wait->coroutine->context.sp, *owner = (const char *)channel;
    for (size_t line = 0; line < FRAME_BYTES; line += CACHE_LINE)
        __builtin_prefetch(frames + line);
    for (size_t line = CACHE_LINE; line < OWNER_BYTES; line += CACHE_LINE)
        __builtin_prefetch(owner + line);
}

void asyncp_channel_tell(struct async_loop *loop, struct channel *channel, enum side side,
                         int result)
{
    struct wait *wait = channel->waiting[side];
    if (wait == NULL) {
        if (channel->told[side] != NULL && result < 0) {
            *channel->told[side] = result;
            channel->told[side] = NULL;
        }
        return;
    }
    leave(loop, channel, side);
    struct channel_wait *waiting = CONTAINER_OF(wait, struct channel_wait, wait);
    waiting->goes_on = result >= 0;
    if (waiting->goes_on)
        channel->told[side] = &waiting->told;
    expect(channel, wait);
    asyncp_wake(wait, NULL, result);
}

void asyncp_channel_retry(struct async_loop *loop, struct channel *channel, enum side side)
{
    channel->source.state |= side_bit(side);
    asyncp_channel_tell(loop, channel, side, 0);
}

static void refuse(struct wait *wait)
{
    const struct channel_wait *waiting = CONTAINER_OF(wait, struct channel_wait, wait);
    leave(wait->coroutine->task->loop, waiting->channel, waiting->side);
    asyncp_refuse_wait(wait);
}

static void tell_change(struct source *source)
{
    struct channel *channel = CONTAINER_OF(source, struct channel, source);
    for (enum side side = SIDE_READ; side <= SIDE_WRITE; side++)
        if (channel_is_ready(channel, side))
            asyncp_channel_tell(asyncp_current, channel, side, 0);
    channel->changed(channel);
}

int asyncp_channel_open(struct async_loop *loop, struct channel *channel, int fd,
                        void (*changed)(struct channel *channel))
{
    *channel = (struct channel){
        .source = {.fd = fd,
                   .changed = tell_change,
                   .state = SOURCE_READABLE |
                            SOURCE_WRITABLE}, /* as far as one can tell without a try */
        .changed = changed,
    };
    return loop->poller.calls->watch(&loop->poller, &channel->source);
}

void asyncp_channel_close(struct async_loop *loop, struct channel *channel, int error)
{
    asyncp_channel_tell(loop, channel, SIDE_READ, error);
    asyncp_channel_tell(loop, channel, SIDE_WRITE, error);
    loop->poller.calls->close_descriptor(&loop->poller, channel->source.fd);
    channel->source.fd = -1;
}

int asyncp_channel_wait(struct async_loop *loop, struct channel *channel, enum side side,
                        const char *call)
{
    struct channel_wait waiting = {.channel = channel, .side = side};
    if (unlikely(loop_running(loop)->refused))
        return asyncp_refused(loop);
    if (channel_is_ready(channel, side)) /* nobody has tried: nothing may be told again */
        return 0;
    if (channel_is_taken(channel, side))
        return async_fail(-EBUSY, "another task %s this stream",
                          side == SIDE_READ ? "reads" : "writes");
    wait_init(&waiting.wait, call, (const void *)(intptr_t)channel->source.fd, refuse);
    channel->waiting[side] = &waiting.wait;
    channel->source.touched[0] = &waiting.wait;
    channel->source.touched[1] = loop_running(loop);
    loop->poller.in_flight++;
    int result = asyncp_park(loop, &waiting.wait);
    if (waiting.told != 0)
        return waiting.told;
    if (waiting.goes_on)
        channel->told[side] = NULL;
    return result;
}

int asyncp_channel_rest(struct async_loop *loop, struct channel *channel, enum side side)
{
    int told = 0;
    if (channel_is_taken(channel, side))
        return 0; /* another time: that task will find the channel taken */
    channel->told[side] = &told;
    asyncp_give_way(loop);
    if (told == 0)
        channel->told[side] = NULL;
    return told;
}
