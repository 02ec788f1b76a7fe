/*
 * asyncio/select.h: waiting for one of several things. Exactly one of them happens to this task: an
 * item is taken, a lock held, a permit had, by one case, and the others are as if nobody had asked.
 *
 *     switch (async_select(async_on_get(jobs, &job), async_on_event(&stop), async_on_timeout(5))) {
 *     case 0: return work(&job);
 *     case 1: return 0;
 *     case 2: return complain();
 *     default: return -ECANCELED;
 *     }
 */
#ifndef ASYNCIO_SELECT_H
#define ASYNCIO_SELECT_H

#include <asyncio/queue.h>
#include <asyncio/stream.h>
#include <asyncio/sync.h>
#include <asyncio/task.h>

ASYNC_BEGIN_C

/*
 * One of the things to wait for, as async_on_get and its kin make it. If the case ends with an
 * error, the select gives that error. Its fields are the library's.
 */
typedef struct async_case {
    int asyncp_kind;       /* which of them; 0: none */
    int asyncp_descriptor; /* of a descriptor's */
    void *asyncp_object;   /* what is waited for */
    void *asyncp_item;     /* of a queue's: where the item goes or comes from */
    size_t asyncp_size;    /* of the item */
    double asyncp_seconds; /* of a timeout */
} async_case;

enum asyncp_case_kind {
    ASYNCP_ON_GET = 1,
    ASYNCP_ON_PUT,
    ASYNCP_ON_EVENT,
    ASYNCP_ON_TASK,
    ASYNCP_ON_LOCK,
    ASYNCP_ON_SEMAPHORE,
    ASYNCP_ON_READABLE,
    ASYNCP_ON_WRITABLE,
    ASYNCP_ON_TIMEOUT,
    ASYNCP_ON_STREAM
};

static inline async_case asyncp_on(int kind, int fd, void *object, void *item, size_t size,
                                   double seconds)
{
    async_case result = {kind, fd, object, item, size, seconds};
    return result;
}

static inline async_case asyncp_on_get(async_queue *queue, void *item, size_t size)
{
    return asyncp_on(ASYNCP_ON_GET, -1, queue, item, size, 0);
}

static inline async_case asyncp_on_put(async_queue *queue, const void *item, size_t size)
{
    return asyncp_on(ASYNCP_ON_PUT, -1, queue, (void *)(uintptr_t)item, size, 0);
}

/*
 * async_on_get(queue, &item): makes the case that an item is taken from the queue. -ESHUTDOWN:
 * there will be none. Never switches.
 */
#define async_on_get(queue, ...) asyncp_on_get((queue), (__VA_ARGS__), sizeof *(__VA_ARGS__))

/*
 * async_on_put(queue, &item): makes the case that the item is put into the queue; it must stay
 * until then. -ESHUTDOWN: the queue was shut down. -ENOMEM. Never switches.
 */
#define async_on_put(queue, ...) asyncp_on_put((queue), (__VA_ARGS__), sizeof *(__VA_ARGS__))

/* Makes the case that the event is set. Never switches. */
static inline async_case async_on_event(async_event *event)
{
    return asyncp_on(ASYNCP_ON_EVENT, -1, event, NULL, 0, 0);
}

/*
 * Makes the case that the task, or future, has ended; async_await gives its result. NULL has ended.
 * Borrows it, until then. -EDEADLK: it is this task. Never switches.
 */
static inline async_case async_on_task(async_task *task)
{
    return asyncp_on(ASYNCP_ON_TASK, -1, task, NULL, 0, 0);
}

/* Makes the case that this task gets the lock. Never switches. */
static inline async_case async_on_lock(async_lock *lock)
{
    return asyncp_on(ASYNCP_ON_LOCK, -1, lock, NULL, 0, 0);
}

/* Makes the case that this task gets a permit. Never switches. */
static inline async_case async_on_semaphore(async_semaphore *semaphore)
{
    return asyncp_on(ASYNCP_ON_SEMAPHORE, -1, semaphore, NULL, 0, 0);
}

/*
 * Makes the case that a read would not block, as async_wait_readable has it; -EBADF, -ENOMEM. Of a
 * stream's socket this says nothing about bytes that the stream holds: use async_on_stream. Never
 * switches.
 */
static inline async_case async_on_readable(int fd)
{
    return asyncp_on(ASYNCP_ON_READABLE, fd, NULL, NULL, 0, 0);
}

/*
 * Makes the case that a write would not block, as async_wait_writable has it; -EBADF, -ENOMEM.
 * Never switches.
 */
static inline async_case async_on_writable(int fd)
{
    return asyncp_on(ASYNCP_ON_WRITABLE, fd, NULL, NULL, 0, 0);
}

/*
 * Makes the case that a read of the stream would not wait: bytes are there, also those that were
 * received and not read or that a layer has ready, or the end, or an error, which the read then
 * returns. Counts as a call that reads: what was lent is not any more. -EBUSY: another task reads
 * it; -EBADF: it was closed meanwhile; -ENOMEM. Never switches.
 */
static inline async_case async_on_stream(async_stream *stream)
{
    return asyncp_on(ASYNCP_ON_STREAM, -1, stream, NULL, 0, 0);
}

/*
 * Makes the case that so many seconds have passed; with 0 or less, there is no waiting. Never
 * switches.
 */
static inline async_case async_on_timeout(double seconds)
{
    return asyncp_on(ASYNCP_ON_TIMEOUT, -1, NULL, NULL, 0, seconds);
}

/*
 * Waits for cases[0..count) until one of them happens and returns which; *result, unless result is
 * NULL, is 0 then, or the error that the case ended with, and means nothing after an error of
 * select's own. The first one listed that is ready wins without waiting; only when such calls have
 * gone on for so long that the task gave way to others, another case is looked at first, so that
 * none starves. -ECANCELED: none happened. -EINVAL: there are none, or one of them is none; a
 * timeout is not a number. -ENOMEM. Switches.
 */
ASYNC_API ASYNC_MUST int async_select_n(const async_case cases[], size_t count, int *result);

/*
 * async_select(case, …): waits until one of the cases listed happens, as async_select_n does. Gives
 * the number of the one that happened, the first being 0, or the error that it ended with.
 * -ECANCELED: none happened. -EINVAL: a case is none; a timeout is not a number. -ENOMEM. Switches.
 */
#define async_select(...) ASYNCP_SELECT(__VA_ARGS__)
ASYNC_API ASYNC_MUST int asyncp_select(const async_case cases[], size_t count);

ASYNC_END_C

#ifdef __cplusplus
#include <initializer_list>
ASYNC_MUST static inline int asyncp_select_list(std::initializer_list<async_case> cases)
{
    return asyncp_select(cases.begin(), cases.size());
}
#define ASYNCP_SELECT(...) asyncp_select_list({__VA_ARGS__})
#else
#define ASYNCP_CASES(...) ((const async_case[]){__VA_ARGS__})
#define ASYNCP_SELECT(...)                                                                         \
    asyncp_select(ASYNCP_CASES(__VA_ARGS__), sizeof ASYNCP_CASES(__VA_ARGS__) / sizeof(async_case))
#endif
#endif
