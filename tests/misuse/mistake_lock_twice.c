/*
 * 13. A lock that a task takes twice
 *
 * A lock does not check which task holds it: as in Python, the task waits for itself. Another task
 * may release the lock, so this is no error; debug mode reports it. (A time limit ends this
 * program.)
 *
 * Run with ASYNCIO_DEBUG=1.
 *
 * take the lock in one place. A function that is called with the lock held does not take it, and
 * says so in its comment.
 */
#include <asyncio.h>

static async_lock account;

static int book(int amount)
{
    ASYNC_WITH(&account);
    return amount;
}

static int transfer(int amount)
{
    ASYNC_WITH(&account);
    return book(amount);
}

static int amain(void)
{
    return async_timeout(0.1, transfer(10));
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
