/*
 * async_timeout.c: set a time limit
 *
 * Pages: async_timeout async_timeout_at async_timeout_begin
 * async_timeout_at_begin async_timeout_end async_timeout_scope
 */
#include <asyncio.h>
#include <stdio.h>

static int fetch(double seconds)
{
    ASYNC_TRY(async_sleep(seconds));
    return 200;
}

/* A limit for a block: every way out passes async_timeout_end. */
static int fetch_twice(void)
{
    async_timeout_scope scope;
    async_timeout_begin(&scope, 5);
    int first = fetch(2);
    int second = first < 0 ? first : fetch(4);
    return async_timeout_end(&scope, second);
}

/* Fetches until the time is over. */
static int fetch_until(double when)
{
    int count = 0;
    async_timeout_scope scope;
    async_timeout_at_begin(&scope, when);
    while (fetch(1.5) >= 0)
        count++;
    return async_timeout_end(&scope, count);
}

static int amain(void)
{
    int quick = async_timeout(5, fetch(1));
    int slow = async_timeout(5, fetch(60));
    printf("%d\n%s\n", quick, async_strerror(slow));
    printf("%s\n", async_strerror(fetch_twice()));

    double when = async_time() + 10;
    int late = async_timeout_at(when, fetch(8));
    printf("%d, and then %d pages\n", late, fetch_until(when + 3));
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * 200
 * -ETIMEDOUT: Connection timed out (or the time limit expired)
 * -ETIMEDOUT: Connection timed out (or the time limit expired)
 * 200, and then 3 pages
 */
