/*
 * asyncio.h: asyncio for C.
 *
 *     static int say_after(double delay, const char *what)
 *     {
 *         ASYNC_TRY(async_sleep(delay));
 *         puts(what);
 *         return 0;
 *     }
 *     async_fn(say_after, double, const char *);
 *
 *     static int amain(void)
 *     {
 *         async_task *hello = async_create_task(say_after, 1, "hello");
 *         async_task *world = async_create_task(say_after, 2, "world");
 *         return async_gather(hello, world);
 *     }
 *     async_fn(amain);
 *
 *     int main(void) { return async_main(amain); }
 *
 * Names: asyncio.X is async_X, and Queue.put is async_queue_put. docs/asyncio-map.md lists them
 * all.
 *
 * Coroutines: a coroutine is an ordinary function that returns int: 0 or more is its result, a
 * negative errno value is its error. A plain call runs it to its end, as `await f()` does in
 * Python. async_create_task(f, …) runs it in a task of its own, which async_await waits for.
 *
 * Tasks: a task has its own stack and can wait at any depth of calls. The tasks of a loop run on
 * one thread, one at a time. Another task runs only in a call whose comment says "Switches."
 *
 * Errors: ASYNC_TRY(call) returns an error to the caller, as an uncaught exception does.
 *
 * Cancellation: async_task_cancel does not end a task at once. Its calls that switch return
 * -ECANCELED from then on, until the task answers the request or returns.
 *
 * asyncio/base.h has the rules for all calls. The headers are included in the order in which they
 * are best read.
 */
#ifndef ASYNCIO_H
#define ASYNCIO_H

#include <asyncio/base.h>
#include <asyncio/run.h>
#include <asyncio/task.h>
#include <asyncio/local.h>
#include <asyncio/time.h>
#include <asyncio/gather.h>
#include <asyncio/group.h>
#include <asyncio/queue.h>
#include <asyncio/sync.h>
#include <asyncio/future.h>
#include <asyncio/select.h>
#include <asyncio/loop.h>
#include <asyncio/runner.h>
#include <asyncio/metrics.h>
#include <asyncio/signal.h>
#include <asyncio/thread.h>
#include <asyncio/io.h>
#include <asyncio/socket.h>
#include <asyncio/name.h>
#include <asyncio/stream.h>
#include <asyncio/stream_read.h>
#include <asyncio/stream_write.h>
#include <asyncio/server.h>
#include <asyncio/layer.h>
#include <asyncio/process.h>
#include <asyncio/terminal.h>

#endif
