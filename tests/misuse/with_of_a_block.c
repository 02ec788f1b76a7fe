/*
 * ASYNC_WITH ends with a semicolon and holds until the block around it ends.
 *
 *  gcc: error: expected ';' before '{' token
 *  clang: error: expected ';' after
 */
#include <asyncio.h>

static async_lock lock;

static int hold(void)
{
#ifdef RIGHT
    ASYNC_WITH(&lock);
    return async_sleep(1);
#else
    ASYNC_WITH(&lock)
    {
        return async_sleep(1);
    }
#endif
}
async_fn(hold);
