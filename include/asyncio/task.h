/*
 * asyncio/task.h: creating tasks, waiting for them, cancelling and inspecting them.
 *
 *     static int fetch(const char *url, int retries) {…}
 *     async_fn(fetch, const char *, int);
 *
 *     async_task *task = async_create_task(fetch, "http://example.com", 3);
 *     int result = async_await(task);
 *
 * A handle, async_task *, holds a reference to a task. Each handle must be passed once to a call
 * that takes it, such as async_await, async_gather, async_wait_for, async_shield or
 * async_task_detach.
 * async_task_ref makes another handle. Several tasks may await the same task, even by the same
 * handle: all get its result.
 *
 * NULL, which async_create_task returns if memory is exhausted, acts everywhere as a task that has
 * failed with -ENOMEM.
 */
#ifndef ASYNCIO_TASK_H
#define ASYNCIO_TASK_H

#include <asyncio/base.h>
#include <asyncio/fn.h>

ASYNC_BEGIN_C

/*
 * async_task *async_create_task(fn, args…)
 *
 * Creates a task that runs fn(args…). async_fn must have named the function before.
 *
 * The task starts after everything that is ready now; no part of it runs in this call.
 *
 * Copies the arguments.
 * Returns a handle; NULL if memory is exhausted.
 * Never switches.
 */
#define async_create_task(...) ASYNCP_CREATE(NULL, __VA_ARGS__)

struct asyncp_maker;

/* Options of a task; {0} and NULL mean the defaults. */
typedef struct async_task_options {
    const char *name; /* copied; NULL: the function's name */
    /*
     * bytes without the guard page, rounded up to a power of two from 16 KiB (at least a page) to 1
     * GiB; 0: the loop's default
     */
    size_t stack_size;
    /* runs the function on a thread of this executor, borrowed; NULL: it is a coroutine */
    struct async_executor *executor;
    /* runs the task at once until it first waits; not in a callback */
    bool eager_start;
    struct asyncp_maker *asyncp_maker; /* private */
    ASYNCP_RESERVED(2);
} async_task_options;

/*
 * async_task *async_create_task_with(const async_task_options *options, fn, args…)
 *
 * Creates a task as async_create_task does, with options.
 *
 * With the option eager_start the task runs in this call until it first waits; no other task runs.
 *
 * Borrows the options, copies the arguments.
 * Returns a handle; NULL if memory is exhausted.
 * Never switches.
 */
#define async_create_task_with(options, ...) ASYNCP_CREATE_WITH((options), __VA_ARGS__)

/*
 * async_task *async_create_task_ptr(int (*function)(void *), void *argument)
 *
 * Creates a task that runs a function chosen at run time, which needs no async_fn.
 *
 * Borrows the argument until the function returns.
 * Returns a handle; NULL if memory is exhausted.
 * Never switches.
 */
#define async_create_task_ptr(function, argument)                                                  \
    asyncp_create_task_ptr((function), (argument), NULL, ASYNCP_HERE)
ASYNC_API ASYNC_MUST async_task *asyncp_create_task_ptr(int (*function)(void *), void *argument,
                                                        const async_task_options *options,
                                                        const char *where);

/*
 * Waits until the task has ended and returns its result.
 *
 * If the calling task is cancelled, the awaited task is cancelled too and still waited for; if it
 * succeeds nevertheless, its result is returned. The error message of async_fail comes with the
 * result.
 *
 * Takes the handle, also on error.
 * Returns the task's result; -EDEADLK if the task awaits itself.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_await(async_task *task);

/*
 * Waits until a task or future has ended and returns its result, without cancelling it if the
 * calling task is cancelled.
 *
 * Any number of tasks may wait: for a shared load, for example. The call counts as looking at the
 * task's error, which the loop then does not report. The error message of async_fail comes with the
 * result. If the last handle is released meanwhile, a pending future is cancelled.
 *
 * Borrows the handle.
 * Returns the task's result; -ECANCELED if the calling task was cancelled, or as the task's result;
 * -EDEADLK if the task waits for itself; -ENOMEM if task is NULL.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_task_wait(async_task *task);

/*
 * Releases the handle without waiting. The task continues, and the loop reports its error.
 *
 * Takes the handle. NULL is ignored.
 * Never switches.
 */
ASYNC_API void async_task_detach(async_task *task);

/*
 * Makes another handle of the task.
 *
 * Returns task.
 * Never switches.
 */
ASYNC_API async_task *async_task_ref(async_task *task);

/*
 * Asks the task to cancel: from now on its calls that switch return -ECANCELED, until it answers
 * the request with async_task_uncancel or ends.
 *
 * If the task has not started, it starts, and its first call that switches returns -ECANCELED. Each
 * call adds a request.
 *
 * Borrows the handle.
 * Returns true; false if the task has ended or is NULL.
 * Never switches.
 */
ASYNC_API bool async_task_cancel(async_task *task);

/*
 * Asks the task to cancel, as async_task_cancel does, with a reason of at most 255 bytes.
 *
 * async_dump shows the reason. async_strerror(-ECANCELED) returns it in the task and, if the task
 * ends with -ECANCELED, in the awaiting tasks. If there is no memory for the reason, the request is
 * made without it.
 *
 * Borrows the handle, copies the reason.
 * Returns true; false if the task has ended or is NULL.
 * Never switches.
 */
ASYNC_API bool async_task_cancel_because(async_task *task, const char *reason, ...)
    ASYNCP_PRINTF(2, 3);

/*
 * Answers one request to cancel the task. When none is left, its calls work again.
 *
 * A task answers its own requests: async_task_uncancel(async_current_task()).
 *
 * Borrows the handle.
 * Returns the number of requests left; 0 if the task has ended or is NULL.
 * Never switches.
 */
ASYNC_API int async_task_uncancel(async_task *task);

/*
 * Returns the number of unanswered requests to cancel the task; 0 if the task has ended or is NULL.
 *
 * Borrows the handle.
 * Never switches.
 */
ASYNC_API int async_task_cancelling(const async_task *task);

/*
 * Reports to the tasks in async_task_wait_started that the running task has started.
 *
 * value is 0 or more, for example the port on which the task listens.
 *
 * Returns 0; -EALREADY if the task has reported before; -EINVAL if value is negative.
 * Never switches.
 */
ASYNC_API int async_set_started(int value);

/*
 * Waits until the task has called async_set_started and returns the value.
 *
 * Borrows the handle.
 * Returns the value; if the task ends before, its error, or -ESRCH if it succeeded; -EDEADLK if the
 * task waits for itself.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_task_wait_started(async_task *task);

/*
 * Returns the running task, borrowed; NULL in a callback and outside a loop.
 * Never switches.
 */
ASYNC_API async_task *async_current_task(void);

/*
 * Stores the tasks of this thread's loop that have not ended, oldest first, in tasks[0..capacity).
 * The handles are borrowed.
 *
 * Returns the number of tasks, which may be larger than capacity.
 * Never switches.
 */
ASYNC_API size_t async_all_tasks(async_task *tasks[], size_t capacity);

/*
 * Returns true if the task has ended.
 *
 * Borrows the handle.
 * Never switches.
 */
ASYNC_API bool async_task_done(const async_task *task);

/*
 * Returns true if the task has ended with -ECANCELED.
 *
 * Borrows the handle.
 * Never switches.
 */
ASYNC_API bool async_task_cancelled(const async_task *task);

/*
 * Returns the result of an ended task. The call counts as looking at its error.
 *
 * Borrows the handle.
 * Returns the task's result; -EINPROGRESS if the task has not ended.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_task_result(async_task *task);

/*
 * Returns the task's name; "(no task)" if task is NULL. It is valid as long as the handle, and
 * until the name is changed.
 *
 * Borrows the handle.
 * Never switches.
 */
ASYNC_API const char *async_task_name(const async_task *task);

/*
 * Changes the task's name.
 *
 * Borrows the handle, copies the name.
 * Returns 0; -ENOMEM; -EINVAL if an argument is NULL.
 * Never switches.
 */
ASYNC_API int async_task_set_name(async_task *task, const char *name);

/*
 * Returns the task's number: 1, 2, 3… in the order of creation, unique in its loop; 0 if task is
 * NULL.
 *
 * Borrows the handle.
 * Never switches.
 */
ASYNC_API uint64_t async_task_id(const async_task *task);

/*
 * Returns how many bytes of its stack the task has used at most so far; 0 if it has ended.
 *
 * A stack is reused: its use by earlier tasks counts too, except in debug mode.
 *
 * Borrows the handle.
 * Never switches.
 */
ASYNC_API size_t async_task_stack_used(const async_task *task);

/*
 * Returns the size of the task's stack in bytes, without the guard page; 0 if the task has ended.
 *
 * Borrows the handle.
 * Never switches.
 */
ASYNC_API size_t async_task_stack_size(const async_task *task);

/*
 * Requests a call of function(task, context) soon after the task has ended. Callbacks are called in
 * the order in which they were added; the task is borrowed during the call.
 *
 * Borrows the handle, and context until the call.
 * Returns 0; -ENOMEM; -EINVAL if an argument is NULL.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_task_add_done_callback(
    async_task *task, void (*function)(async_task *task, void *context), void *context);

/*
 * Removes the callbacks added with this function and this context.
 *
 * Borrows the handle.
 * Returns the number of removed callbacks.
 * Never switches.
 */
ASYNC_API size_t async_task_remove_done_callback(async_task *task,
                                                 void (*function)(async_task *task, void *context),
                                                 void *context);

ASYNC_END_C
#endif
