/*
 * uncaught.cc: an exception that no frame of the task catches. It must not reach the loop, which is C.
 *
 * The library says "task #2 'throws' (created at " and
 * "let a C++ exception out of its coroutine", the C++ library
 * "terminate called after throwing an instance of 'std::runtime_error'" and "nobody waits for this".
 */
#include <asyncio.h>

#include <stdexcept>

static int throws()
{
    ASYNC_TRY(async_sleep(0));
    throw std::runtime_error("nobody waits for this");
}
async_fn(throws);

/* Catching it here is too late: it is another stack. */
static int waits()
{
    try {
        return async_await(async_create_task(throws));
    } catch (const std::runtime_error &) {
        return 0;
    }
}
async_fn(waits);

int main()
{
    return async_main(waits);
}
