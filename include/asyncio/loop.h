/*
 * asyncio/loop.h: callbacks, and loops run step by step by the program or a host loop.
 *
 *     async_loop *loop;
 *     ASYNC_TRY(async_new_event_loop(&loop, NULL));
 *     async_task *task = async_create_task(serve, port);
 *     int result = async_loop_run_until_complete(loop, task);
 *     async_loop_close(loop);
 *
 * Callbacks run on the loop's own stack, one at a time, never inside the call that requests them.
 * They cannot wait: in a callback, a call that switches aborts the program with an error message. A
 * callback can create a task that waits.
 *
 * Most programs do not need a loop of their own: async_main and async_run make one.
 */
#ifndef ASYNCIO_LOOP_H
#define ASYNCIO_LOOP_H

#include <asyncio/base.h>
#include <asyncio/run.h>

ASYNC_BEGIN_C

/* Identifies a requested callback. It may be copied and discarded. */
typedef struct async_handle {
    uint64_t id;    /* unique in its loop; 0: the request failed */
    uint64_t loop;  /* the number of its loop, unique in the process */
    void *callback; /* private */
} async_handle;

/*
 * Requests a call of function(context) after everything that is ready now has run.
 *
 * Borrows context until the call.
 * Returns a handle; its id is 0 if memory is exhausted, and then function is not called.
 * Never switches.
 */
ASYNC_API async_handle async_call_soon(void (*function)(void *context), void *context);

/*
 * Requests a call of function(context) after a number of seconds.
 *
 * A negative delay counts as 0: the call is made in the next iteration. Calls without a delay are
 * made in the order of the requests.
 *
 * Borrows context until the call.
 * Returns a handle; its id is 0 if memory is exhausted or seconds is not a number.
 * Never switches.
 */
ASYNC_API async_handle async_call_later(double seconds, void (*function)(void *context),
                                        void *context);

/*
 * Requests a call of function(context) at a time of async_time().
 *
 * Calls whose times have passed are made in the order of these times.
 *
 * Borrows context until the call.
 * Returns a handle; its id is 0 if memory is exhausted or when is not a number.
 * Never switches.
 */
ASYNC_API async_handle async_call_at(double when, void (*function)(void *context), void *context);

/*
 * Cancels a requested callback.
 *
 * Returns true if it was cancelled; false if it has been called or cancelled before, or belongs to
 * another loop.
 * Never switches.
 */
ASYNC_API bool async_handle_cancel(async_handle handle);

typedef struct async_loop async_loop;

/*
 * Returns the calling thread's loop, borrowed; NULL if it has none.
 * Never switches.
 */
ASYNC_API async_loop *async_get_loop(void);

/*
 * Requests a call of function(context) by a loop, from any thread, and wakes the loop. The loop
 * must not be closed meanwhile. Not for signal handlers: see async_add_signal_handler.
 *
 * Borrows context until the call.
 * Returns 0; -ENOMEM; -EINVAL if loop or function is NULL.
 * Never switches.
 */
ASYNC_API int async_call_soon_threadsafe(async_loop *loop, void (*function)(void *context),
                                         void *context);

/*
 * Creates a loop for the calling thread without running it.
 *
 * Tasks and callbacks can then be created on this thread; async_loop_step, async_loop_run_forever
 * and async_loop_run_until_complete run them. The loop does not handle SIGINT. options may be NULL.
 *
 * Borrows the options. The caller owns *loop and closes it with async_loop_close.
 * Returns 0; -EBUSY if this thread has a loop; -ENOMEM, -EMFILE, -EINVAL as for async_run.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_new_event_loop(async_loop **loop, const async_run_options *options);

/*
 * Runs one iteration: waits for something to do, then runs the ready tasks and callbacks. For host
 * loops.
 *
 * seconds is the longest time to wait; 0 or less does not wait. It must not be called in a task or
 * callback.
 *
 * Returns the number of tasks that have not ended; 0 in a child forked meanwhile; -EINVAL if
 * seconds is not a number or loop is NULL.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_loop_step(async_loop *loop, double seconds);

/*
 * Runs the loop until async_loop_stop is called in one of its tasks or callbacks. If it was called
 * before this call, one iteration is run.
 *
 * It must not be called in a task or callback.
 *
 * Returns 0; -EINVAL if loop is NULL.
 * Never switches.
 */
ASYNC_API int async_loop_run_forever(async_loop *loop);

/*
 * Runs the loop until the task has ended and returns its result. It must not be called in a task or
 * callback.
 *
 * Takes the handle.
 * Returns the task's result.
 * -EINPROGRESS if the loop was stopped before the task ended; the task continues when the loop runs
 * again.
 * -ENOMEM if task is NULL.
 * -EINVAL if loop is NULL.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_loop_run_until_complete(async_loop *loop, async_task *task);

/*
 * Makes the loop return after the current iteration. The next run of the loop continues with the
 * ready tasks and callbacks.
 *
 * It has no effect in async_run, async_main and async_runner_run, which return when their coroutine
 * has ended. NULL is ignored.
 *
 * Never switches.
 */
ASYNC_API void async_loop_stop(async_loop *loop);

/*
 * Returns true if the caller is in one of the loop's tasks or callbacks. Only the loop's own thread
 * may call it.
 * Never switches.
 */
ASYNC_API bool async_loop_is_running(const async_loop *loop);

/*
 * Returns a descriptor that polls readable when the loop has something to do, for a host loop.
 *
 * It belongs to the loop: do not read from it and do not close it.
 *
 * Returns the descriptor; -EOPNOTSUPP if the backend is sim; -EINVAL if loop is NULL.
 * Never switches.
 */
ASYNC_API int async_loop_fd(async_loop *loop);

/*
 * Returns how many seconds a host loop may wait for the loop's descriptor before the next step.
 *
 * Call it again after other calls of the library between two steps: their requests do not show at
 * the descriptor.
 *
 * Returns 0 if something is ready or loop is NULL; infinity if nothing but the descriptor can make
 * something ready.
 * Never switches.
 */
ASYNC_API double async_loop_timeout(const async_loop *loop);

/*
 * Cancels the remaining tasks, runs them until they have ended, and frees the loop. All handles of
 * the loop become invalid.
 *
 * It must not be called in a task or callback. In a child of fork() it only frees the memory of the
 * parent's loop; no other call may be made on this loop there.
 *
 * Takes the loop. NULL is ignored.
 * Never switches.
 */
ASYNC_API void async_loop_close(async_loop *loop);

/* An error that no task can receive any more. */
typedef struct async_exception_context {
    const char *message; /* a description of the error, without a full stop; NULL: not known */
    async_task *task;    /* the failed task, borrowed; NULL: not a task's error */
    int code;            /* a negative errno value */
} async_exception_context;

/*
 * An exception handler. The error is valid during the call. It must not keep the task, and must not
 * create tasks when the loop is being closed.
 */
typedef void async_exception_handler(async_loop *loop, const async_exception_context *error,
                                     void *context);

/*
 * Sets the function for errors that no task has looked at, and for the error with which the
 * coroutine of async_main fails.
 *
 * function(loop, error, context) is called like a callback and must not wait. NULL restores the
 * default, which writes the errors to standard error.
 *
 * Borrows context as long as the handler is set.
 * Never switches.
 */
ASYNC_API void async_loop_set_exception_handler(async_loop *loop, async_exception_handler *function,
                                                void *context);

/*
 * Passes an error of the program to the exception handler.
 *
 * Borrows the error.
 * Never switches.
 */
ASYNC_API void async_loop_call_exception_handler(async_loop *loop,
                                                 const async_exception_context *error);

/*
 * Switches debug mode on or off; see async_run_options.debug. NULL is ignored.
 *
 * Never switches.
 */
ASYNC_API void async_loop_set_debug(async_loop *loop, bool debug);

/*
 * Returns true if debug mode is on.
 * Never switches.
 */
ASYNC_API bool async_loop_get_debug(const async_loop *loop);

/*
 * Sets how long a task or callback may hold the loop before debug mode reports it. The default is
 * 0.1 seconds; 0 or less reports each turn. The thread that reports held loops waits for at least
 * 0.01 seconds.
 *
 * Returns 0; -EINVAL if seconds is not a number or loop is NULL.
 * Never switches.
 */
ASYNC_API int async_loop_set_slow_callback_duration(async_loop *loop, double seconds);

/*
 * Writes a line for each task of this thread's loop to a descriptor: the number and name of the
 * task, what it waits for and how long, and where it was created. In a debugger: call
 * async_dump(2).
 *
 * Never switches.
 */
ASYNC_API void async_dump(int fd);

ASYNC_END_C
#endif
