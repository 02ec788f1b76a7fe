/*
 * asyncio/loop.h: callbacks on the loop, and loops that a foreign loop drives step by step.
 *
 * Callbacks run on the loop's own stack, one at a time and never inside the call that asks for
 * them. They cannot wait: a switching call in a callback ends the program with a message. Let them
 * create a task.
 */
#ifndef ASYNCIO_LOOP_H
#define ASYNCIO_LOOP_H

#include <asyncio/base.h>
#include <asyncio/run.h>

ASYNC_BEGIN_C

/*
 * A callback to come, by value; may be dropped and copied. id 0: memory was out, and nothing will
 * be called.
 */
typedef struct async_handle {
    uint64_t id;    /* never used again in its loop, so that cancelling late is harmless */
    uint64_t loop;  /* the number of its loop, never used again in the process */
    void *callback; /* the library's */
} async_handle;

/* Has function(context) called after everything that is ready now. Never switches. */
ASYNC_API async_handle async_call_soon(void (*function)(void *context), void *context);

/*
 * Has function(context) called that many seconds from now. A delay below 0 is the same as 0: the
 * call is made in the next iteration, and several such calls in the order in which they were asked
 * for. Never switches.
 */
ASYNC_API async_handle async_call_later(double seconds, void (*function)(void *context),
                                        void *context);

/*
 * Has function(context) called when async_time() has reached when. If several times have passed,
 * the earliest comes first. Not a number: id 0. Never switches.
 */
ASYNC_API async_handle async_call_at(double when, void (*function)(void *context), void *context);

/*
 * Takes the call back; false if it was made or taken back already, or is another loop's. Never
 * switches.
 */
ASYNC_API bool async_handle_cancel(async_handle handle);

typedef struct async_loop async_loop;

/* The calling thread's loop, borrowed; NULL if it has none. Never switches. */
ASYNC_API async_loop *async_get_loop(void);

/*
 * async_call_soon from any thread; the loop is woken. The loop must not be closed meanwhile. 0,
 * -ENOMEM, -EINVAL for NULL. Never switches.
 */
ASYNC_API int async_call_soon_threadsafe(async_loop *loop, void (*function)(void *context),
                                         void *context);

/*
 * Makes a loop for this thread without running it, so that a foreign loop can: from now on tasks
 * and callbacks can be created on this thread, and async_loop_step runs them. SIGINT is left alone.
 * Give it back with async_loop_close. 0; -EBUSY: this thread has one. -ENOMEM, -EMFILE, -EINVAL as
 * async_run. Never switches.
 */
ASYNC_API ASYNC_MUST int async_new_event_loop(async_loop **loop, const async_run_options *options);

/*
 * One iteration: waits at most seconds for something to do (0: does not wait; negative: as long as
 * it takes), then runs what is ready. Returns how many tasks have not ended; 0 in a child that was
 * forked meanwhile. -EINVAL: not a number, or loop is NULL. Not from inside a task or callback.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_loop_step(async_loop *loop, double seconds);

/*
 * Runs such a loop until async_loop_stop is called in one of its tasks or callbacks, or was before.
 * 0; -EINVAL for NULL. Not from inside a task or callback. Never switches.
 */
ASYNC_API int async_loop_run_forever(async_loop *loop);

/*
 * Runs such a loop until the task has ended, and returns its result; takes the handle.
 * -EINPROGRESS: the loop was stopped before; the task goes on when it is run again. -ENOMEM: the
 * task is NULL. -EINVAL: the loop is NULL. Not from inside a task or callback. Never switches.
 */
ASYNC_API ASYNC_MUST int async_loop_run_until_complete(async_loop *loop, async_task *task);

/*
 * Has whoever runs the loop return when the iteration is over; what is ready then is run the next
 * time. Without effect in async_run and the like, which return when their coroutine has ended. NULL
 * is nothing. Never switches.
 */
ASYNC_API void async_loop_stop(async_loop *loop);

/*
 * Whether the caller is inside one of its tasks or callbacks; only its own thread may ask. Never
 * switches.
 */
ASYNC_API bool async_loop_is_running(const async_loop *loop);

/*
 * A descriptor that polls readable when the loop has something to do; the loop's own, do not read
 * or close it. -EOPNOTSUPP: the sim backend has none. -EINVAL for NULL. Never switches.
 */
ASYNC_API int async_loop_fd(async_loop *loop);

/*
 * How many seconds a foreign loop may wait for that descriptor before the next step: 0 when
 * something is ready, infinity when only the descriptor can bring something. Ask again after calls
 * of the library between two steps: what they ask for does not show at the descriptor. 0 for NULL.
 * Never switches.
 */
ASYNC_API double async_loop_timeout(const async_loop *loop);

/*
 * Cancels the tasks that are left and runs them to their end, then takes the loop. Handles are
 * invalid after it. NULL is nothing. Not from inside a task or callback. In a child of fork() the
 * parent's loop can only be closed, which frees its memory there. Never switches.
 */
ASYNC_API void async_loop_close(async_loop *loop);

/* An error that nobody can be given any more. */
typedef struct async_exception_context {
    const char *message; /* what happened, in a sentence without its end; NULL: nothing is known */
    async_task *task;    /* whose error it is; NULL: no task's */
    int code;            /* the error, -errno */
} async_exception_context;

/*
 * Is lent the context for the call. It may neither keep the task nor, at the loop's end, create
 * any.
 */
typedef void async_exception_handler(async_loop *loop, const async_exception_context *error,
                                     void *context);

/*
 * Has function(loop, error, context) told of errors that nobody looked at, and of what async_main's
 * coroutine failed with, instead of standard error; NULL: that again. It is called like a callback,
 * and may not wait. Never switches.
 */
ASYNC_API void async_loop_set_exception_handler(async_loop *loop, async_exception_handler *function,
                                                void *context);

/*
 * Tells the handler, or standard error, of an error of the program's own. Borrows. Never switches.
 */
ASYNC_API void async_loop_call_exception_handler(async_loop *loop,
                                                 const async_exception_context *error);

/* Switches debug mode on or off (async_run_options.debug); NULL is nothing. Never switches. */
ASYNC_API void async_loop_set_debug(async_loop *loop, bool debug);

/* Whether debug mode is on. Never switches. */
ASYNC_API bool async_loop_get_debug(const async_loop *loop);

/*
 * Debug mode names what holds the loop for that long, 0.1 s unless this says otherwise. 0; -EINVAL:
 * not a number, or loop is NULL. Never switches.
 */
ASYNC_API int async_loop_set_slow_callback_duration(async_loop *loop, double seconds);

/*
 * Writes a line for each task of this thread's loop: its number and name, what it waits for and
 * since when, where it was created. From a debugger: call async_dump(2). Never switches.
 */
ASYNC_API void async_dump(int fd);

ASYNC_END_C
#endif
