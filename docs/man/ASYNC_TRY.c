/*
 * ASYNC_TRY.c: return errors to the caller, or ignore them
 *
 * Pages: ASYNC_TRY ASYNC_TRY_GOTO async_ignore
 */
#include <asyncio.h>
#include <stdio.h>

static int measure(int sensor)
{
    ASYNC_TRY(async_sleep(1));
    return sensor > 2 ? async_fail(-ENODEV, "there is no sensor %d", sensor)
                      : 20 + sensor;
}

static int print_both(int first, int second)
{
    int a, b;
    /* stores the value, or returns the error */
    ASYNC_TRY(a = measure(first));
    ASYNC_TRY(b = measure(second));
    printf("%d %d\n", a, b);
    return 0;
}

/* A function that cleans up at its end goes to a label instead. */
static int log_one(int sensor)
{
    int result = 0;
    FILE *log = fopen("/dev/null", "w");
    ASYNC_TRY_GOTO(result, out, measure(sensor));
    fprintf(log, "%d\n", result);
out:
    fclose(log);
    return result;
}

static int amain(void)
{
    ASYNC_TRY(log_one(1));
    ASYNC_TRY(print_both(1, 2));
    async_ignore(print_both(2, 3)); /* an error does not matter here */
    puts("again");
    ASYNC_TRY(print_both(3, 1));
    puts("not reached");
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_run(amain) == -ENODEV ? 0 : 1;
}

/* Prints:
 * 21 22
 * again
 */
