/*
 * asyncio/thread.h: blocking functions on worker threads, and coroutines sent to the loop of
 * another thread.
 *
 *     static int compress_file(const char *path) {…} // may block
 *     async_fn(compress_file, const char *);
 *
 *     int size = async_to_thread(compress_file, "big.log"); // other tasks run meanwhile
 *
 * A function on a worker thread may block. It must not call a function that switches or belongs to
 * a loop; async_local_get, async_fail and the functions for any thread work there.
 */
#ifndef ASYNCIO_THREAD_H
#define ASYNCIO_THREAD_H

#include <asyncio/base.h>
#include <asyncio/loop.h>
#include <asyncio/task.h>

ASYNC_BEGIN_C

/*
 * int async_to_thread(fn, args…)
 *
 * Runs fn(args…), a blocking function named with async_fn, on a worker thread of the loop's default
 * executor, and waits for its result.
 *
 * The arguments may point to variables of the calling function: if the calling task is cancelled,
 * the call still waits for a started function and returns its result. A function that has not
 * started is not run.
 *
 * Copies the arguments.
 * Returns the function's result; -ECANCELED if the calling task was cancelled before the function
 * started; -EAGAIN if no thread could be started and none is running.
 * Switches.
 */
#define async_to_thread(...) async_run_in_executor(NULL, __VA_ARGS__)

/*
 * int async_run_in_executor(async_executor *executor, fn, args…)
 *
 * Runs fn(args…) on a worker thread of an executor, as async_to_thread does. NULL means the default
 * executor.
 *
 * Copies the arguments.
 * Returns the function's result, or an error of async_to_thread.
 * Switches.
 */
#define async_run_in_executor(executor, ...)                                                       \
    async_await(ASYNCP_CREATE(asyncp_executor_options(executor), __VA_ARGS__))

/*
 * A FIFO pool of worker threads. Threads are started on demand and kept. Tasks of any loop may use
 * it. Signals are not handled on its threads.
 */
typedef struct async_executor async_executor;

/*
 * async_executor *ASYNC_DEFAULT_EXECUTOR
 *
 * Means the loop's default executor, in async_task_options.
 */
#define ASYNC_DEFAULT_EXECUTOR ((async_executor *)-1)

/*
 * Creates an executor.
 *
 * threads is the largest number of threads; 0: the number of processors plus 4, at most 32.
 *
 * The caller owns *executor and frees it with async_executor_free_wait; after an error it is NULL.
 * Returns 0; -ENOMEM; -EINVAL if executor is NULL.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_executor_new(async_executor **executor, size_t threads);

/*
 * Blocks the calling thread until all functions of the executor have returned and its threads have
 * ended, and frees it. It must not be called on one of its threads.
 *
 * In a child of fork() it only frees the memory. A child forked on a worker thread must not return
 * from the function there.
 *
 * Takes the executor. NULL is ignored.
 * Never switches.
 */
ASYNC_API void async_executor_free_wait(async_executor *executor);

/*
 * Makes an executor the default executor of this thread's loop, which frees it at its end.
 *
 * Takes the executor if it succeeds.
 * Returns 0; -EBUSY if the loop has a default executor, which its first use creates; -EINVAL if
 * executor is NULL.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_set_default_executor(async_executor *executor);

/*
 * async_auto_wait_executor *executor = NULL;
 *
 * Declares an executor and frees it, with async_executor_free_wait, when the block is left.
 */
#define async_auto_wait_executor ASYNC_CLEANUP(asyncp_auto_wait_executor) async_executor
static inline void asyncp_auto_wait_executor(async_executor **executor)
{
    async_executor_free_wait(*executor);
}

/*
 * A coroutine sent to the loop of another thread. Its calls may be made on any thread, but none at
 * the same time as async_concurrent_future_free.
 */
typedef struct async_concurrent_future async_concurrent_future;

/*
 * async_concurrent_future *async_run_coroutine_threadsafe(async_loop *loop, fn, args…)
 *
 * Sends a coroutine to the loop of another thread. The loop creates a task for fn(args…). The call
 * may be made on any thread. The loop must not be closed meanwhile.
 *
 * Copies the arguments. The caller owns the future and frees it with async_concurrent_future_free.
 * Returns the future; NULL if memory is exhausted or loop is NULL.
 * Never switches.
 */
#define async_run_coroutine_threadsafe(loop, ...)                                                  \
    ((async_concurrent_future *)(void *)ASYNCP_CREATE(asyncp_carrier_options(loop), __VA_ARGS__))

/*
 * Blocks the calling thread until the coroutine has ended, for at most a number of seconds, and
 * returns its result.
 *
 * 0 seconds does not wait. In a task it would block the task's own loop: call it with
 * async_to_thread there.
 *
 * Returns the coroutine's result.
 * -ETIMEDOUT if the coroutine has not ended; it continues.
 * -ECANCELED if the coroutine was cancelled, the loop was closed before it started, or this is a
 * child of fork() and it had not ended.
 * -ENOMEM if future is NULL or the task could not be created.
 * -EDEADLK if this thread runs the coroutine's loop.
 * -EINVAL if seconds is not a number.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_concurrent_future_result(async_concurrent_future *future,
                                                        double seconds);

/*
 * Asks the coroutine to cancel, as async_task_cancel does, once.
 *
 * Returns true; false if it has ended or future is NULL.
 * Never switches.
 */
ASYNC_API bool async_concurrent_future_cancel(async_concurrent_future *future);

/*
 * Returns true if the coroutine has ended or future is NULL.
 * Never switches.
 */
ASYNC_API bool async_concurrent_future_done(async_concurrent_future *future);

/*
 * Frees the future. If the coroutine has not ended, it continues, and the loop reports its error.
 *
 * Takes the future. NULL is ignored.
 * Never switches.
 */
ASYNC_API void async_concurrent_future_free(async_concurrent_future *future);

/* Options with which a constructor sends the task to the loop. */
ASYNC_API const async_task_options *asyncp_carrier_options(async_loop *loop);

/* Options of a task whose function runs in the executor; NULL: in the default one. */
ASYNC_API const async_task_options *asyncp_executor_options(async_executor *executor);

ASYNC_END_C
#endif
