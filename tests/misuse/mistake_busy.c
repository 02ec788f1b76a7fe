/*
 * 24. A long computation
 *
 * While a task computes, no other one runs and nothing is received. Debug mode, or
 * `ASYNCIO_WATCHDOG=seconds` in production, shows where the task is while it does.
 *
 * Run with ASYNCIO_DEBUG=1.
 *
 * call `async_sleep(0)` now and then, or compute in another thread:
 * `async_to_thread(count_primes, 1000000, &count)`.
 */
#include <asyncio.h>
#include <stdio.h>

static bool is_prime(int number)
{
    for (int divisor = 2; divisor < number / 3; divisor++)
        if (number % divisor == 0)
            return false;
    return number > 1;
}

static int count_primes(int most, int *count)
{
    for (int number = 0; number < most; number++)
        *count += is_prime(number);
    return 0;
}
async_fn(count_primes, int, int *);

static int amain(void)
{
    int count = 0;
    ASYNC_TRY(async_await(async_create_task(count_primes, 80000, &count)));
    printf("%d primes\n", count);
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
