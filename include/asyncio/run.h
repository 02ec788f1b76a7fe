/*
 * asyncio/run.h: running a coroutine on a new loop: async_main and async_run.
 *
 *     int main(void)
 *     {
 *         return async_main(amain);
 *     }
 *
 * Both create a loop on the calling thread, run one coroutine on it until it has ended, cancel the
 * remaining tasks, wait for them, and close the loop.
 *
 * SIGINT: on the main thread the first SIGINT cancels the coroutine and the second one ends the
 * process, unless the program handles or ignores the signal (a shell ignores it for jobs started
 * with & in a script). When the run ends, the previous handler is restored, unless the program has
 * set another one. The option cancel_on_sigterm does the same for SIGTERM, with which service
 * managers and containers end a program. SIGQUIT (Ctrl-\) prints all tasks on standard error,
 * as the command `asyncio tree` does; it ends the process if the loop does not answer a first one.
 * asyncio/signal.h is about all other signals.
 *
 * fork(): a child may run loops of its own and free its inherited objects, but no task of the
 * parent runs there (docs/decisions/fork.md). If it returns from the forking task, the run ends
 * with the task's result. vfork(), _Fork() and clone() are not detected: such a child may only call
 * exec or _exit.
 */
#ifndef ASYNCIO_RUN_H
#define ASYNCIO_RUN_H

#include <asyncio/base.h>
#include <asyncio/task.h>

ASYNC_BEGIN_C

/* What a run does in a deadlock: its tasks wait, and nothing is left that could wake one. */
typedef enum async_deadlock_action {
    ASYNC_DEADLOCK_DEFAULT, /* ASYNCIO_DEADLOCK=cancel, =wait or =abort; else cancel */
    ASYNC_DEADLOCK_CANCEL,  /* reports it and cancels the coroutine; aborts if that does not help */
    ASYNC_DEADLOCK_WAIT,    /* reports it and waits for a signal to end the process */
    ASYNC_DEADLOCK_ABORT    /* reports it and aborts the process */
} async_deadlock_action;

/* Options of a loop; {0} and NULL mean the defaults. */
typedef struct async_run_options {
    /* reports slow callbacks, ignored cancellations and tasks left; also ASYNCIO_DEBUG=1 */
    bool debug;
    /* the time starts at 0 and advances to the next deadline when no task is ready */
    bool virtual_clock;
    /* does not handle SIGINT and SIGQUIT */
    bool keep_sigint;
    /* handles SIGTERM as SIGINT is handled: the first one cancels the coroutine */
    bool cancel_on_sigterm;
    /* "epoll", "uring" or "sim"; NULL: the value of ASYNCIO_BACKEND, else epoll */
    const char *backend;
    /* runs ready tasks in a random order drawn from this seed; 0: FIFO; also ASYNCIO_SHUFFLE */
    uint64_t shuffle_seed;
    /*
     * With a seed: 1 to 8: tasks have random priorities, and at depth - 1 random turns among the
     * first shuffle_turns the running task gets a lower one. 0: a random order in each iteration.
     * Priorities find races that need the same order many times in a row.
     */
    uint32_t shuffle_depth;
    uint32_t shuffle_turns; /* about how many turns the program takes; 0: 1,000 */
    /* bytes of a task's stack, unless the task's options have a size; 0: 64 KiB */
    size_t stack_size;
    async_allocator allocator; /* copied; {0}: malloc */
    /*
     * seconds from the first SIGINT or SIGTERM to the end of the run, also if the coroutine answers
     * the request to cancel; then the remaining tasks are listed on standard error, and the process
     * ends by the signal; 0: no limit. It is a timer of the loop: a task that never returns to the
     * loop is ended by the second signal only
     */
    double shutdown_timeout;
    async_deadlock_action on_deadlock; /* see async_deadlock_action */
    /*
     * seconds for which a task may hold the loop, until a thread reports it, with the calls that it
     * is in, at the earliest after 0.01; 0: ASYNCIO_WATCHDOG=seconds, else only in debug mode: its
     * limit for slow callbacks
     */
    double watchdog;
    ASYNCP_RESERVED(2);
} async_run_options;

/*
 * int async_run(fn, args…)
 *
 * Runs the coroutine on a new loop until it has ended, and returns its result.
 *
 * The remaining tasks are cancelled and waited for. The coroutine starts with the initial values of
 * task-local variables (asyncio/local.h).
 *
 * Returns the coroutine's result.
 * -EINTR if the coroutine ended with -ECANCELED and SIGINT came during the run, or SIGTERM with the
 * option cancel_on_sigterm.
 * -EDEADLK if the coroutine was cancelled because of a deadlock, and ended with -ECANCELED.
 * -EBUSY if this thread has a loop; in a task, call the coroutine instead.
 * -EINVAL if the backend does not exist or an option is out of range.
 * -ENOMEM, -EMFILE or another error of the system if no loop could be created.
 */
#define async_run(...) (asyncp_run_begin(NULL), asyncp_run_end(async_create_task(__VA_ARGS__)))

/*
 * int async_run_with(const async_run_options *options, fn, args…)
 *
 * Runs the coroutine as async_run does, with options.
 *
 * Borrows the options.
 */
#define async_run_with(options, ...)                                                               \
    (asyncp_run_begin((options)), asyncp_run_end(ASYNCP_CREATE_WITH(NULL, __VA_ARGS__)))

/*
 * int async_main(fn, args…)
 *
 * Runs the coroutine as async_run does, and returns the exit status for main(). An error is
 * reported on standard error.
 *
 * Returns the coroutine's result, or 125 if it is larger; 1 after an error, or in place of 0 if
 * output of async_stdout or async_stderr was lost; 130 if SIGINT cancelled it, 143 if SIGTERM did.
 */
#define async_main(...) (asyncp_run_begin(NULL), asyncp_main_end(async_create_task(__VA_ARGS__)))

/*
 * int async_main_with(const async_run_options *options, fn, args…)
 *
 * Runs the coroutine as async_main does, with options.
 *
 *     int main(void)
 *     {
 *         async_run_options options = {.cancel_on_sigterm = true, .shutdown_timeout = 10};
 *         return async_main_with(&options, serve, 8080);
 *     }
 *
 * Borrows the options.
 */
#define async_main_with(options, ...)                                                              \
    (asyncp_run_begin((options)), asyncp_main_end(ASYNCP_CREATE_WITH(NULL, __VA_ARGS__)))

/* The two parts of the macros. The arguments are evaluated between them, when the loop exists. */
ASYNC_API void asyncp_run_begin(const async_run_options *options);
ASYNC_API int asyncp_run_end(async_task *main_task);
ASYNC_API int asyncp_main_end(async_task *main_task);

ASYNC_END_C
#endif
