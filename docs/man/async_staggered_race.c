/*
 * async_staggered_race.c: several ways to the same end, one after the other, until one succeeds
 *
 * Pages: async_staggered_race
 */
#include <asyncio.h>
#include <stdio.h>

static const char *const addresses[] = {"2001:db8::1", "192.0.2.1",
                                        "192.0.2.2"};

/* The first address is not reachable, and does not say so. */
static int try_address(void *unused, size_t index)
{
    (void)unused;
    printf("%.2f s: trying %s\n", async_time(), addresses[index]);
    return async_sleep(index == 0 ? 60 : 0.1);
}

static int amain(void)
{
    int first = async_staggered_race(try_address, NULL, 3, 0.25);
    ASYNC_TRY(first);
    printf("%.2f s: %s it is\n", async_time(), addresses[first]);
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_run_with(&(async_run_options){.virtual_clock = true}, amain) <
           0;
}

/* Prints:
 * 0.00 s: trying 2001:db8::1
 * 0.25 s: trying 192.0.2.1
 * 0.35 s: 192.0.2.1 it is
 */
