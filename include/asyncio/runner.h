/*
 * asyncio/runner.h: runners. They run several coroutines one after the other on one loop.
 *
 *     async_auto_runner runner = {0};
 *     int first = async_runner_run(&runner, connect_all);
 *     int second = async_runner_run(&runner, ask, "how are you?");
 *
 * They are for tests, for prompts, and for mostly synchronous programs. The remaining tasks of one
 * run continue in the next. Task-local values do not: each coroutine starts with the initial ones
 * (asyncio/local.h).
 */
#ifndef ASYNCIO_RUNNER_H
#define ASYNCIO_RUNNER_H

#include <asyncio/loop.h>

ASYNC_BEGIN_C

/*
 * A runner; {0}, or with options. It creates a loop for the thread that uses it first. In a child
 * of fork() it drops the parent's loop and creates a new one.
 */
typedef struct async_runner {
    async_run_options options; /* the loop's; pointers in it are borrowed until it is created */
    async_loop *asyncp_loop;   /* private; NULL: not created, or closed */
} async_runner;

/*
 * int async_runner_run(async_runner *runner, fn, args…)
 *
 * Runs the coroutine on the runner's loop until it has ended, and returns its result. SIGINT is
 * handled as in async_run. The loop and the remaining tasks stay.
 *
 * Returns the coroutine's result, or an error of async_run.
 * Never switches.
 */
#define async_runner_run(runner, ...)                                                              \
    (asyncp_runner_begin(runner), asyncp_runner_end(async_create_task(__VA_ARGS__)))

/*
 * Returns the runner's loop, borrowed, and creates it if it does not exist; NULL if it cannot be
 * created or this thread has another loop.
 * Never switches.
 */
ASYNC_API async_loop *async_runner_get_loop(async_runner *runner);

/*
 * Cancels the remaining tasks, waits for them and closes the loop. If the runner is used again, it
 * creates a new loop. It must not be called in a task or callback. NULL is ignored.
 *
 * Never switches.
 */
ASYNC_API void async_runner_close(async_runner *runner);

/*
 * async_auto_runner runner = {0};
 *
 * Declares a runner and closes it when the block is left.
 */
#define async_auto_runner ASYNC_CLEANUP(async_runner_close) async_runner

/*
 * The two parts of async_runner_run. The arguments are evaluated between them, when the loop
 * exists.
 */
ASYNC_API void asyncp_runner_begin(async_runner *runner);
ASYNC_API ASYNC_MUST int asyncp_runner_end(async_task *task);

ASYNC_END_C
#endif
