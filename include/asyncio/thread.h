/*
 * asyncio/thread.h: blocking functions on threads of their own, while the loop goes on; and
 * coroutines for a loop that another thread asks for. A worker thread is no place for tasks: what
 * runs there may block, and calls nothing of the library that switches; async_local_get, async_fail
 * and whatever is for any thread work there.
 */
#ifndef ASYNCIO_THREAD_H
#define ASYNCIO_THREAD_H

#include <asyncio/base.h>
#include <asyncio/loop.h>
#include <asyncio/task.h>

ASYNC_BEGIN_C

/*
 * async_to_thread(fn, args…): runs fn(args…), an ordinary blocking function that async_fn has
 * named, on a worker thread of the loop's default executor, and waits for its result. The arguments
 * may point into the frame of whoever waits. If this task is cancelled, what no worker has begun is
 * taken back (-ECANCELED); what has begun is waited for, and its result counts. -ENOMEM; -EAGAIN:
 * no thread could be made, and there is none. Switches.
 */
#define async_to_thread(...) async_run_in_executor(NULL, __VA_ARGS__)

/*
 * async_run_in_executor(executor, fn, args…): the same in that executor; NULL: in the default one.
 * Switches.
 */
#define async_run_in_executor(executor, ...)                                                       \
    async_await(ASYNCP_CREATE(asyncp_executor_options(executor), __VA_ARGS__))

/*
 * Threads that do blocking work, the first that came first. They are made when there is work that
 * nobody is free for, and stay. Work may come from tasks of any loop. A signal is never handled on
 * one of them.
 */
typedef struct async_executor async_executor;

/* In async_task_options: the loop's default executor. */
#define ASYNC_DEFAULT_EXECUTOR ((async_executor *)-1)

/*
 * Creates an executor of at most that many threads; 0: 4 more than there are processors, at most
 * 32.
 *
 * The caller owns *executor and frees it with async_executor_free_wait; after an error it is NULL.
 * Returns 0; -ENOMEM; -EINVAL if executor is NULL.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_executor_new(async_executor **executor, size_t threads);

/*
 * Blocks the calling thread until all that the executor was given is done and its threads have
 * ended, and takes it. NULL is nothing. Not on one of its own threads. After fork(), the child only
 * frees the memory; it must not return from a function that it was forked in on a worker thread.
 * Never switches.
 */
ASYNC_API void async_executor_free_wait(async_executor *executor);

/*
 * Makes it the default executor of this thread's loop; takes it: the loop frees it at its end. 0;
 * -EBUSY: there is a default one already, given or made by its first use; then it stays yours.
 * -EINVAL for NULL. Never switches.
 */
ASYNC_API ASYNC_MUST int async_set_default_executor(async_executor *executor);

/* async_auto_wait_executor *e = async_executor_new(0); frees itself when its block is left. */
#define async_auto_wait_executor ASYNC_CLEANUP(asyncp_auto_wait_executor) async_executor
static inline void asyncp_auto_wait_executor(async_executor **executor)
{
    async_executor_free_wait(*executor);
}

/*
 * What another thread holds of a coroutine that it sent to a loop. Its calls are for any thread,
 * one at a time with async_concurrent_future_free.
 */
typedef struct async_concurrent_future async_concurrent_future;

/*
 * async_run_coroutine_threadsafe(loop, fn, args…): has the loop, which another thread runs, make a
 * task that runs fn(args…). From any thread. The arguments are copied; the loop must not be closed
 * meanwhile. Returns a future, to be freed; NULL: out of memory, or loop is NULL. Never switches.
 */
#define async_run_coroutine_threadsafe(loop, ...)                                                  \
    ((async_concurrent_future *)(void *)ASYNCP_CREATE(asyncp_carrier_options(loop), __VA_ARGS__))

/*
 * Blocks the calling thread, for at most so many seconds (0: not at all; infinity: as long as it
 * takes), until the coroutine has ended; returns its result. -ETIMEDOUT: it has not, and goes on.
 * -ECANCELED: it was cancelled, or the loop closed before it began, or this is a child of fork()
 * and it was not done. -ENOMEM: NULL, or the task could not be made. -EDEADLK: this thread runs
 * that loop. -EINVAL: not a number. In a task it would hold the task's own loop: have it called
 * with async_to_thread. Never switches.
 */
ASYNC_API ASYNC_MUST int async_concurrent_future_result(async_concurrent_future *future,
                                                        double seconds);

/*
 * Asks the coroutine to end, as async_task_cancel; once. false: it has ended already, or is NULL.
 * Never switches.
 */
ASYNC_API bool async_concurrent_future_cancel(async_concurrent_future *future);

/* Whether the coroutine has ended; true for NULL. Never switches. */
ASYNC_API bool async_concurrent_future_done(async_concurrent_future *future);

/*
 * Takes it; a coroutine that has not ended goes on, and its error is reported. NULL is nothing.
 * Never switches.
 */
ASYNC_API void async_concurrent_future_free(async_concurrent_future *future);

/* Options by which a constructor makes no task here but sends it to that loop. */
ASYNC_API const async_task_options *asyncp_carrier_options(async_loop *loop);

/* Options for a task whose function runs in that executor; NULL: in the default one. */
ASYNC_API const async_task_options *asyncp_executor_options(async_executor *executor);

ASYNC_END_C
#endif
