/*
 * asyncio/runner.h: several coroutines, one after the other, on one loop: what a test, a prompt, or
 * a program that is only here and there asynchronous needs. Tasks that one run leaves go on in the
 * next. Task-local values do not: each run's coroutine begins with the initial ones (local.h).
 *
 *     async_auto_runner runner = {0};
 *     int first = async_runner_run(&runner, connect_all);
 *     int second = async_runner_run(&runner, ask, "how are you?");
 */
#ifndef ASYNCIO_RUNNER_H
#define ASYNCIO_RUNNER_H

#include <asyncio/loop.h>

ASYNC_BEGIN_C

/*
 * A runner, {0} or with options; for one thread, whose loop it makes when it is first used. In a
 * child of fork() it drops the parent's loop and makes a new one.
 */
typedef struct async_runner {
    async_run_options options; /* of the loop; what they point to is borrowed until that is made */
    async_loop *asyncp_loop;   /* the library's: the loop; NULL: not made yet, or closed */
} async_runner;

/*
 * async_runner_run(&runner, fn, args…): runs the coroutine to its end on the runner's loop and
 * returns its result, with errors and SIGINT as async_run has them. The loop stays. Never switches.
 */
#define async_runner_run(runner, ...)                                                              \
    (asyncp_runner_begin(runner), asyncp_runner_end(async_create_task(__VA_ARGS__)))

/*
 * Its loop, borrowed, made if need be; NULL: none could be made, or this thread has another. Never
 * switches.
 */
ASYNC_API async_loop *async_runner_get_loop(async_runner *runner);

/*
 * Cancels the tasks that are left, waits for them and closes the loop; used again, the runner makes
 * a new one. Not from inside a task or callback. NULL is nothing. Never switches.
 */
ASYNC_API void async_runner_close(async_runner *runner);

/* async_auto_runner r = {0}; closes itself when its block is left. */
#define async_auto_runner ASYNC_CLEANUP(async_runner_close) async_runner

/*
 * The halves of async_runner_run: the arguments are evaluated between them, with the loop in place.
 */
ASYNC_API void asyncp_runner_begin(async_runner *runner);
ASYNC_API ASYNC_MUST int asyncp_runner_end(async_task *task);

ASYNC_END_C
#endif
