/*
 * spins.c: for tests/scripts/tools.py, which takes samples of it: two tasks that count and switch,
 * one of them eight calls deep, until enough processor time is used for the samples, however fast
 * the processor.
 */
#include <asyncio.h>
#include <time.h>

enum { MIN_MS = 400, DIVES_BETWEEN_LOOKS = 1000 };

/* Comes back to after each call, so that it stays one. */
static volatile unsigned long counted;

__attribute__((noinline)) static void count(void)
{
    for (int i = 0; i < 1000; i++)
        counted++;
}

__attribute__((noinline)) static int dive(int depth)
{
    int result;
    if (depth == 1)
        count();
    result = depth > 1 ? dive(depth - 1) : async_sleep(0);
    counted++;
    return result;
}

static int spins(int depth)
{
    while (clock() < (clock_t)MIN_MS * CLOCKS_PER_SEC / 1000)
        for (int i = 0; i < DIVES_BETWEEN_LOOKS; i++)
            ASYNC_TRY(dive(depth));
    return 0;
}
async_fn(spins, int);

static int amain(void)
{
    return async_gather(async_create_task(spins, 1), async_create_task(spins, 8));
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
