/*
 * async_staggered_race.c: start attempts one after the other until one succeeds
 *
 * Pages: async_staggered_race
 */
#include <asyncio.h>
#include <stdio.h>

struct address {
    const char *name;
    double seconds; /* until it answers */
    int result;
};

static int connect_to(size_t index, void *context)
{
    const struct address *address = (const struct address *)context + index;
    printf("%.1f s: trying %s\n", async_time(), address->name);
    int result = async_sleep(address->seconds);
    if (result == -ECANCELED)
        printf("%.1f s: %s is cancelled\n", async_time(), address->name);
    return result < 0 ? result : address->result;
}

static int amain(void)
{
    struct address addresses[] = {{"2001:db8::1", 10, 0},
                                  {"2001:db8::2", 0.1, -ECONNREFUSED},
                                  {"192.0.2.1", 0.5, 0}};

    /* Each starts after half a second, or when the one before has failed. */
    int winner;
    ASYNC_TRY(winner = async_staggered_race(connect_to, addresses, 3, 0.5));
    printf("%.1f s: connected to %s\n", async_time(), addresses[winner].name);
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_run_with(&(async_run_options){.virtual_clock = true}, amain) <
           0;
}

/* Prints:
 * 0.0 s: trying 2001:db8::1
 * 0.5 s: trying 2001:db8::2
 * 0.6 s: trying 192.0.2.1
 * 1.1 s: 2001:db8::1 is cancelled
 * 1.1 s: connected to 192.0.2.1
 */
