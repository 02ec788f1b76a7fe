/*
 * 20. ASYNC_WITH is no block
 *
 * Python's `async with lock:` has a block. `ASYNC_WITH` takes the address of a lock, ends with a
 * semicolon like a declaration, and holds the lock until the block around it ends. With the `&` and
 * without the semicolon compilers say "expected ';'".
 *
 * `{ ASYNC_WITH(&printer); puts("mine"); }`, with braces around both where the function continues
 * without the lock.
 */
#include <asyncio.h>
#include <stdio.h>

static async_lock printer;

static int print(void)
{
    ASYNC_WITH(printer)
    {
        puts("mine");
    }
    return 0;
}
async_fn(print);

int main(void)
{
    return async_main(print);
}
