/*
 * async_wait.c: wait for some of several tasks, for a while
 *
 * Pages: async_wait async_return_when ASYNC_FOREVER
 */
#include <asyncio.h>
#include <stdio.h>

static int bake(int minutes)
{
    return async_sleep(minutes * 60);
}
async_fn(bake, int);

static int amain(void)
{
    async_task *cakes[] = {async_create_task(bake, 30),
                           async_create_task(bake, 20),
                           async_create_task(bake, 50)};

    int ended = async_wait(cakes, 3, ASYNC_ALL_COMPLETED, 10 * 60);
    printf("after ten minutes: %d\n", ended);

    ended = async_wait(cakes, 3, ASYNC_FIRST_COMPLETED, ASYNC_FOREVER);
    printf("after %.0f minutes: %d", async_time() / 60, ended);
    for (int i = 0; i < 3; i++)
        printf("%s",
               async_task_done(cakes[i]) ? ", this one" : ", not this one");
    puts("");
    /* async_wait has borrowed the handles */
    return async_gather_n(cakes, 3, NULL, ASYNC_FIRST_ERROR);
}
async_fn(amain);

int main(void)
{
    return async_run_with(&(async_run_options){.virtual_clock = true}, amain) <
           0;
}

/* Prints:
 * after ten minutes: 0
 * after 20 minutes: 1, not this one, this one, not this one
 */
