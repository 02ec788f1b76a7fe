/*
 * io/pollable.c: waiting for a source. Only a waiting task counts as in flight: a pollable without
 * a waiting task prevents neither a futex wait of the loop, nor the passing of virtual time.
 */
#include "io/pollable.h"
#include "poll/poll.h"

enum { FRAME_BYTES = 512, OWNER_BYTES = 256 };

struct pollable_wait {
    struct file_wait file;
    struct pollable *pollable;
    enum side side;
    bool is_interruptible; /* pollable->interrupted[side] points to the next field */
    int interrupted;       /* 0; or -errno, and the pollable may be gone */
};

static void end_waiting(struct async_loop *loop, struct pollable *pollable, enum side side)
{
    pollable->waiting[side] = NULL;
    poller_release(&loop->poller, 1);
}

/*
 * Prefetches the memory first touched by the task: the innermost frames of its stack, and the
 * fields after the pollable in its owner.
 */
static void prefetch_waiter(const struct pollable *pollable, const struct wait *wait)
{
    const char *frames = wait->coroutine->context.sp, *owner = (const char *)pollable;
    for (size_t line = 0; line < FRAME_BYTES; line += CACHE_LINE)
        __builtin_prefetch(frames + line);
    for (size_t line = CACHE_LINE; line < OWNER_BYTES; line += CACHE_LINE)
        __builtin_prefetch(owner + line);
}

void asyncp_pollable_wake(struct async_loop *loop, struct pollable *pollable, enum side side,
                          int result)
{
    struct wait *wait = pollable->waiting[side];
    if (wait == NULL) {
        if (pollable->interrupted[side] != NULL && result < 0) {
            *pollable->interrupted[side] = result;
            pollable->interrupted[side] = NULL;
        }
        return;
    }
    end_waiting(loop, pollable, side);
    struct pollable_wait *waiting = CONTAINER_OF(wait, struct pollable_wait, file.wait);
    waiting->is_interruptible = result >= 0;
    if (waiting->is_interruptible)
        pollable->interrupted[side] = &waiting->interrupted;
    prefetch_waiter(pollable, wait);
    asyncp_wake(wait, NULL, result);
}

void asyncp_pollable_retry(struct async_loop *loop, struct pollable *pollable, enum side side)
{
    pollable->source.state |= side_bit(side);
    asyncp_pollable_wake(loop, pollable, side, 0);
}

static void cancel_pollable_wait(struct wait *wait)
{
    const struct pollable_wait *waiting = CONTAINER_OF(wait, struct pollable_wait, file.wait);
    end_waiting(wait->coroutine->task->loop, waiting->pollable, waiting->side);
    asyncp_cancel_wait(wait);
}

static void handle_source_change(struct source *source)
{
    struct pollable *pollable = CONTAINER_OF(source, struct pollable, source);
    for (enum side side = SIDE_READ; side <= SIDE_WRITE; side++)
        if (pollable_is_ready(pollable, side))
            asyncp_pollable_wake(asyncp_current, pollable, side, 0);
    pollable->changed(pollable);
}

/* Ready until a try proves otherwise. */
void asyncp_pollable_init(struct pollable *pollable, int fd,
                          void (*changed)(struct pollable *pollable))
{
    *pollable = (struct pollable){.source = {.fd = fd,
                                             .changed = handle_source_change,
                                             .state = SOURCE_READABLE | SOURCE_WRITABLE},
                                  .changed = changed};
}

int asyncp_pollable_open(struct async_loop *loop, struct pollable *pollable, int fd,
                         void (*changed)(struct pollable *pollable))
{
    asyncp_pollable_init(pollable, fd, changed);
    return poller_watch(&loop->poller, &pollable->source);
}

void asyncp_pollable_close(struct async_loop *loop, struct pollable *pollable, int error)
{
    asyncp_pollable_wake(loop, pollable, SIDE_READ, error);
    asyncp_pollable_wake(loop, pollable, SIDE_WRITE, error);
    poller_close_fd(&loop->poller, pollable->source.fd);
    pollable->source.fd = -1;
}

int asyncp_pollable_wait(struct async_loop *loop, struct pollable *pollable, enum side side,
                         const char *call)
{
    struct pollable_wait waiting = {.pollable = pollable, .side = side};
    if (unlikely(loop_running(loop)->cancel_pending))
        return asyncp_fail_cancelled(loop);
    if (pollable_is_ready(pollable, side)) /* the poller may never report it again */
        return 0;
    if (pollable_is_taken(pollable, side))
        return async_fail(-EBUSY, "another task %s this stream",
                          side == SIDE_READ ? "reads" : "writes");
    struct wait *wait = &waiting.file.wait;
    wait_init(wait, call, (const void *)(intptr_t)pollable->source.fd, cancel_pollable_wait);
    loop_note_file(loop, &waiting.file);
    pollable->waiting[side] = wait;
    pollable->source.touched[0] = wait;
    pollable->source.touched[1] = loop_running(loop);
    poller_hold(&loop->poller, 1);
    int result = asyncp_park(loop, wait);
    if (waiting.interrupted != 0)
        return waiting.interrupted;
    if (waiting.is_interruptible)
        pollable->interrupted[side] = NULL;
    return result;
}

int asyncp_pollable_stand_in_line(struct pollable *pollable, enum side side, struct list *line,
                                  const char *call, const void *object)
{
    int interrupted = 0;
    if (pollable_is_taken(pollable, side))
        return async_fail(-EBUSY, "%s: another task %s this stream", call,
                          side == SIDE_READ ? "reads" : "writes");
    pollable->interrupted[side] = &interrupted;
    int result = asyncp_wait_in_list(asyncp_current, line, call, object, asyncp_cancel_wait);
    if (interrupted != 0)
        return interrupted;
    pollable->interrupted[side] = NULL;
    return result;
}

int asyncp_pollable_rest(struct async_loop *loop, struct pollable *pollable, enum side side)
{
    int interrupted = 0;
    if (pollable_is_taken(pollable, side))
        return 0; /* the caller finds it out later */
    pollable->interrupted[side] = &interrupted;
    asyncp_yield(loop);
    if (interrupted == 0)
        pollable->interrupted[side] = NULL;
    return interrupted;
}
