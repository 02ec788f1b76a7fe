/*
 * async_semaphore_acquire.c: limit how many tasks do something at once
 *
 * Pages: async_semaphore_acquire async_semaphore_acquire_nowait
 * async_semaphore_release async_semaphore_locked async_semaphore
 */
#include <asyncio.h>
#include <stdio.h>

struct garage {
    async_semaphore places;
};

static int park(struct garage *garage, const char *car)
{
    ASYNC_TRY(async_semaphore_acquire(&garage->places));
    printf("%2.0f: %s parks\n", async_time(), car);
    int result = async_sleep(10);
    async_semaphore_release(&garage->places); /* also after an error */
    return result;
}
async_fn(park, struct garage *, const char *);

/* Does not wait for a place. */
static int deliver(struct garage *garage)
{
    ASYNC_TRY(async_sleep(5));
    if (async_semaphore_locked(&garage->places))
        printf("%2.0f: full\n", async_time());
    ASYNC_TRY(async_sleep(20));
    if (async_semaphore_acquire_nowait(&garage->places) == -EAGAIN)
        return 0;
    printf("%2.0f: delivered\n", async_time());
    async_semaphore_release(&garage->places);
    return 0;
}
async_fn(deliver, struct garage *);

static int amain(void)
{
    struct garage garage = {.places = {.value = 2, .bound = 2}};
    return async_gather(async_create_task(park, &garage, "red"),
                        async_create_task(park, &garage, "blue"),
                        async_create_task(park, &garage, "green"),
                        async_create_task(deliver, &garage));
}
async_fn(amain);

int main(void)
{
    return async_run_with(&(async_run_options){.virtual_clock = true}, amain) <
           0;
}

/* Prints:
 *  0: red parks
 *  0: blue parks
 *  5: full
 * 10: green parks
 * 25: delivered
 */
