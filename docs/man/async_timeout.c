/*
 * async_timeout.c: set a time limit
 *
 * Pages: async_timeout async_timeout_begin async_timeout_end
 * async_timeout_scope
 */
#include <asyncio.h>
#include <stdio.h>

static int fetch(double seconds)
{
    ASYNC_TRY(async_sleep(seconds));
    return 200;
}

/* A limit for a block, whose every way out passes async_timeout_end. */
static int fetch_twice(void)
{
    async_timeout_scope scope;
    async_timeout_begin(&scope, 5);
    int first = fetch(2);
    int second = first < 0 ? first : fetch(4);
    return async_timeout_end(&scope, second);
}

static int amain(void)
{
    int quick = async_timeout(5, fetch(1));
    int slow = async_timeout(5, fetch(60));
    printf("%d\n%s\n", quick, async_strerror(slow));
    printf("%s\n", async_strerror(fetch_twice()));
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * 200
 * -ETIMEDOUT: Timed out
 * -ETIMEDOUT: Timed out
 */
