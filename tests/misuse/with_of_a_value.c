/*
 * ASYNC_WITH takes an address.
 *
 *  gcc: static assertion failed: "ASYNC_WITH(&lock); takes the address of a lock, a semaphore or a condition
 *  clang: static_assert failed "ASYNC_WITH(&lock); takes the address of a lock, a semaphore or a condition
 */
#include <asyncio.h>

static async_lock lock;

static int hold(void)
{
#ifdef RIGHT
    ASYNC_WITH(&lock);
#else
    ASYNC_WITH(lock);
#endif
    return async_sleep(1);
}
async_fn(hold);
