/*
 * asyncio/task.h: coroutines and tasks: making them, waiting for them, cancelling them, asking
 * about them.
 *
 * A handle, async_task *, holds one reference. What awaits a task takes its handle; asking and
 * cancelling borrow it. Every handle is awaited, gathered or detached once; joins that overlap,
 * though of one handle, all get the result. NULL, which async_create_task returns when memory is
 * out, acts everywhere as a task that has failed with -ENOMEM. All calls are for the loop's own
 * thread.
 */
#ifndef ASYNCIO_TASK_H
#define ASYNCIO_TASK_H

#include <asyncio/base.h>
#include <asyncio/fn.h>

ASYNC_BEGIN_C

/*
 * async_create_task(fn, args…): makes a task that runs fn(args…), which async_fn named before. It
 * starts after everything that is ready now; nothing of it runs inside this call. The arguments are
 * copied. Returns a handle, or NULL when memory is out. Never switches.
 */
#define async_create_task(...) ASYNCP_CREATE(NULL, __VA_ARGS__)

struct asyncp_maker;

/* How a task is to be; {0} and NULL mean the defaults. */
typedef struct async_task_options {
    const char *name; /* copied; NULL: the function's name */
    /*
     * Bytes, rounded up to a power of two from 16 KiB to 1 GiB and to at least a page. The guard
     * comes on top.
     */
    size_t stack_size; /* 0: the loop's default */
    /* the function runs on a thread of it, borrowed; NULL: it is a coroutine */
    struct async_executor *executor;
    /* it has its first turn at once, and then the creator goes on; not in a callback */
    bool eager_start;
    struct asyncp_maker *asyncp_maker; /* the library's */
    ASYNCP_RESERVED(2);
} async_task_options;

/*
 * async_create_task_with(&options, fn, args…): the same with options, which are borrowed. With
 * eager_start the new task runs inside this call up to its first stop; nobody else does. Never
 * switches.
 */
#define async_create_task_with(options, ...) ASYNCP_CREATE_WITH((options), __VA_ARGS__)

/*
 * async_create_task_ptr(function, argument): the same for a function chosen at run time. Never
 * switches.
 */
#define async_create_task_ptr(function, argument)                                                  \
    asyncp_create_task_ptr((function), (argument), NULL, ASYNCP_HERE)
ASYNC_API ASYNC_MUST async_task *asyncp_create_task_ptr(int (*function)(void *), void *argument,
                                                        const async_task_options *options,
                                                        const char *where);

/*
 * Waits until the task has ended and returns its result; takes the handle, also on errors. If this
 * task is cancelled, before or during, the awaited one is cancelled and still waited for: its
 * result counts if it succeeded all the same. A sentence left by async_fail comes along. -EDEADLK:
 * a task that awaits itself. Switches.
 */
ASYNC_API ASYNC_MUST int async_await(async_task *task);

/*
 * Waits until the task, or future, has ended and returns its result. If the calling task is
 * cancelled, it returns -ECANCELED and the other task goes on. Any number of tasks may wait at
 * once; the last handle may be let go meanwhile, which cancels a pending future. For what many wait
 * for: a shared load, a future.
 *
 * Borrows. Counts as looking at the task's error; a sentence left by async_fail comes along.
 * -ECANCELED: also a result of the task. -EDEADLK: the task itself. -ENOMEM for NULL.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_task_wait(async_task *task);

/*
 * Lets the handle go without waiting; the task goes on, and the loop reports its error. Takes it.
 * Never switches.
 */
ASYNC_API void async_task_detach(async_task *task);

/*
 * Another handle to the same task, to be let go of as the first one is. Returns task. Never
 * switches.
 */
ASYNC_API async_task *async_task_ref(async_task *task);

/*
 * Asks the task to end: from now on its switching calls are refused with -ECANCELED until it
 * answers with async_task_uncancel. A task that has not started starts, and is refused then. Each
 * call counts. false: it has ended already, or is NULL. Borrows. Never switches.
 */
ASYNC_API bool async_task_cancel(async_task *task);

/*
 * async_task_cancel with a reason, which is copied (255 bytes of it): async_dump shows it, and
 * async_strerror(-ECANCELED) in the task and, if it ends with that, in whoever awaits it. Without
 * memory for it the task is asked all the same. Borrows. Never switches.
 */
ASYNC_API bool async_task_cancel_because(async_task *task, const char *reason, ...)
    ASYNCP_PRINTF(2, 3);

/*
 * Answers one request to cancel the task: when none is left, its calls work again.
 *
 * A task answers its own: async_task_uncancel(async_current_task()).
 *
 * Borrows.
 * Returns the number of requests left; 0 if the task has ended or is NULL.
 * Never switches.
 */
ASYNC_API int async_task_uncancel(async_task *task);

/*
 * The number of requests to cancel the task that were not answered.
 *
 * Borrows.
 * Returns that number; 0 if the task has ended or is NULL.
 * Never switches.
 */
ASYNC_API int async_task_cancelling(const async_task *task);

/*
 * Tells whoever waits in async_task_wait_started that the running task has started: that it
 * listens, say, at port `value`. 0; -EALREADY: it has told before. -EINVAL: value is negative.
 * Never switches.
 */
ASYNC_API int async_set_started(int value);

/*
 * Waits until the task has called async_set_started and returns that value. If it ends before, its
 * error, or -ESRCH if it has succeeded. -EDEADLK: this task itself. -ECANCELED: this task was
 * cancelled. Borrows. Switches.
 */
ASYNC_API ASYNC_MUST int async_task_wait_started(async_task *task);

/* The running task, borrowed; NULL in a callback and outside a loop. Never switches. */
ASYNC_API async_task *async_current_task(void);

/*
 * Fills tasks[0..capacity) with the tasks of this thread's loop that have not ended, oldest first,
 * borrowed; returns how many there are, which may be more than capacity. Never switches.
 */
ASYNC_API size_t async_all_tasks(async_task *tasks[], size_t capacity);

/* Whether the task has ended. Borrows. Never switches. */
ASYNC_API bool async_task_done(const async_task *task);

/* Whether the task has ended with -ECANCELED. Borrows. Never switches. */
ASYNC_API bool async_task_cancelled(const async_task *task);

/*
 * The result of a task that has ended; -EINPROGRESS for one that has not. Counts as looking at its
 * error. Borrows. Never switches.
 */
ASYNC_API ASYNC_MUST int async_task_result(async_task *task);

/* The task's name; lives as long as the handle, until it is set anew. Never switches. */
ASYNC_API const char *async_task_name(const async_task *task);

/*
 * Gives the task another name, which is copied. -ENOMEM, -EINVAL for NULL. Borrows. Never switches.
 */
ASYNC_API int async_task_set_name(async_task *task, const char *name);

/*
 * The task's number: 1, 2, 3… in order of creation, never used again. 0 for NULL. Borrows. Never
 * switches.
 */
ASYNC_API uint64_t async_task_id(const async_task *task);

/*
 * How many bytes of its stack have been used at the deepest point so far; a stack that was used
 * before counts what its earlier tasks used too, except in debug mode. 0 once it has ended.
 * Borrows. Never switches.
 */
ASYNC_API size_t async_task_stack_used(const async_task *task);

/*
 * How many bytes of stack the task has, without the guard. 0 once it has ended. Borrows. Never
 * switches.
 */
ASYNC_API size_t async_task_stack_size(const async_task *task);

/*
 * Has function(task, context) called by the loop soon after the task has ended; callbacks run in
 * the order they were added. In it the task is borrowed. -ENOMEM, -EINVAL for NULL. Borrows. Never
 * switches.
 */
ASYNC_API ASYNC_MUST int async_task_add_done_callback(
    async_task *task, void (*function)(async_task *task, void *context), void *context);

/*
 * Takes back callbacks that were added with both of these; returns how many. Borrows. Never
 * switches.
 */
ASYNC_API size_t async_task_remove_done_callback(async_task *task,
                                                 void (*function)(async_task *task, void *context),
                                                 void *context);

ASYNC_END_C
#endif
