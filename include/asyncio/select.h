/*
 * asyncio/select.h: waiting for one of several things.
 *
 *     switch (async_select(async_on_get(jobs, &job), async_on_event(&stop), async_on_timeout(5))) {
 *     case 0: return work(&job);
 *     case 1: return 0;
 *     case 2: return async_fail(-ETIMEDOUT, "no job came");
 *     default: return -ECANCELED;
 *     }
 *
 * Exactly one case happens: it takes an item, acquires a lock or a permit. The other cases have no
 * effect. The objects of the cases are borrowed until the select returns. If a case ends with an
 * error, the select returns the error.
 */
#ifndef ASYNCIO_SELECT_H
#define ASYNCIO_SELECT_H

#include <asyncio/queue.h>
#include <asyncio/stream.h>
#include <asyncio/sync.h>
#include <asyncio/task.h>

ASYNC_BEGIN_C

/*
 * One of the things to wait for, made by a function such as async_on_event. Its fields are private.
 */
typedef struct async_case {
    int asyncp_kind; /* an enum asyncp_case_kind, or 0 */
    int asyncp_descriptor;
    void *asyncp_object;
    void *asyncp_item;
    size_t asyncp_size; /* bytes of the item */
    double asyncp_seconds;
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
 * async_case async_on_get(async_queue *queue, TYPE *item)
 *
 * Returns a case for taking an item from the queue.
 *
 * Its error is -ESHUTDOWN if the queue was shut down and is empty.
 *
 * Never switches.
 */
#define async_on_get(queue, ...) asyncp_on_get((queue), (__VA_ARGS__), sizeof *(__VA_ARGS__))

/*
 * async_case async_on_put(async_queue *queue, const TYPE *item)
 *
 * Returns a case for putting an item into the queue.
 *
 * Its errors are -ESHUTDOWN if the queue was shut down, and -ENOMEM.
 *
 * Borrows the item until the select returns.
 * Never switches.
 */
#define async_on_put(queue, ...) asyncp_on_put((queue), (__VA_ARGS__), sizeof *(__VA_ARGS__))

/*
 * Returns a case that waits until the event is set.
 * Never switches.
 */
static inline async_case async_on_event(async_event *event)
{
    return asyncp_on(ASYNCP_ON_EVENT, -1, event, NULL, 0, 0);
}

/*
 * Returns a case for the end of a task or future. Call async_await afterwards for its result. NULL
 * counts as an ended task.
 *
 * Its error is -EDEADLK if the task is the calling one.
 *
 * Borrows the handle until the select returns.
 * Never switches.
 */
static inline async_case async_on_task(async_task *task)
{
    return asyncp_on(ASYNCP_ON_TASK, -1, task, NULL, 0, 0);
}

/*
 * Returns a case for acquiring the lock for the calling task.
 * Never switches.
 */
static inline async_case async_on_lock(async_lock *lock)
{
    return asyncp_on(ASYNCP_ON_LOCK, -1, lock, NULL, 0, 0);
}

/*
 * Returns a case for acquiring a permit for the calling task.
 * Never switches.
 */
static inline async_case async_on_semaphore(async_semaphore *semaphore)
{
    return asyncp_on(ASYNCP_ON_SEMAPHORE, -1, semaphore, NULL, 0, 0);
}

/*
 * Returns a case that waits as async_wait_readable does.
 *
 * For the socket of a stream use async_on_stream: the stream may hold received bytes already. Its
 * error is -EBADF if the descriptor is not open.
 *
 * Never switches.
 */
static inline async_case async_on_readable(int fd)
{
    return asyncp_on(ASYNCP_ON_READABLE, fd, NULL, NULL, 0, 0);
}

/*
 * Returns a case that waits as async_wait_writable does.
 *
 * Its error is -EBADF if the descriptor is not open.
 *
 * Never switches.
 */
static inline async_case async_on_writable(int fd)
{
    return asyncp_on(ASYNCP_ON_WRITABLE, fd, NULL, NULL, 0, 0);
}

/*
 * Returns a case that waits until a read of the stream would not wait: there are bytes, the end or
 * an error, which the read then returns.
 *
 * It counts as a read: bytes lent by the stream become invalid. Its errors are -EBUSY if another
 * task reads from the stream, -EBADF if it was closed meanwhile, and -ENOMEM.
 *
 * Never switches.
 */
static inline async_case async_on_stream(async_stream *stream)
{
    return asyncp_on(ASYNCP_ON_STREAM, -1, stream, NULL, 0, 0);
}

/*
 * Returns a case that waits for a number of seconds. With 0 or less, the select does not wait.
 * Never switches.
 */
static inline async_case async_on_timeout(double seconds)
{
    return asyncp_on(ASYNCP_ON_TIMEOUT, -1, NULL, NULL, 0, seconds);
}

/*
 * Waits until one of cases[0..count) happens, and returns its index.
 *
 * If several are ready, the first one in the array wins. A task whose selects need not wait still
 * yields at intervals (asyncio/base.h); its next select then tries another case first, so no case
 * starves.
 *
 * *result becomes 0 or the error of the case; result may be NULL. After an error of the select
 * itself, *result is unspecified.
 *
 * Returns the index of the case.
 * -ECANCELED if the calling task was cancelled; no case has happened.
 * -EINVAL if count is 0, a case is {0}, or a timeout is not a number.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_select_n(const async_case cases[], size_t count, int *result);

/*
 * int async_select(async_case first, …)
 *
 * Waits until one of the cases happens, as async_select_n does.
 *
 * Returns the index of the case, counted from 0, or the error of the case.
 * -ECANCELED if the calling task was cancelled; no case has happened.
 * -EINVAL if a case is {0} or a timeout is not a number.
 * Switches.
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
