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
 * A coroutine is an ordinary function that returns int: 0 or more is its result, -errno its error.
 * Calling it runs it to its end, as `await` does in Python; async_create_task() lets it run on its
 * own. Read the headers in the order they are included here.
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
#include <asyncio/thread.h>
#include <asyncio/io.h>
#include <asyncio/socket.h>
#include <asyncio/name.h>
#include <asyncio/stream.h>
#include <asyncio/server.h>
#include <asyncio/layer.h>

#endif
