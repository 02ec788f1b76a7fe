/*
 * catch.cc: tasks that wait while they handle an exception. The C++ library keeps the exceptions
 * being handled for each thread, so each task must have its own list, or one rethrows the other's
 * exception. Prints "fine" and ends with 3.
 */
#include <asyncio.h>

#include <cstdio>
#include <exception>

static int rethrow_after(double seconds, int number)
{
    try {
        try {
            throw number;
        } catch (int) {
            ASYNC_TRY(async_sleep(seconds));
            throw; /* the same, however many others were thrown meanwhile */
        }
    } catch (int caught) {
        return caught == number ? 0 : -EINVAL;
    }
}
async_fn(rethrow_after, double, int);

static int rethrow_all()
{
    ASYNC_TRY(async_gather(async_create_task(rethrow_after, 1, 1), async_create_task(rethrow_after, 3, 2),
                           async_create_task(rethrow_after, 2, 3)));
    if (std::current_exception() != nullptr)
        return -EINVAL;
    std::puts("fine");
    return 3;
}
async_fn(rethrow_all);

int main()
{
    async_run_options options = {};
    options.virtual_clock = true;
    return async_run_with(&options, rethrow_all);
}
