/*
 * async_condition_wait.c: wait for a change of data that a lock protects
 *
 * Pages: async_condition_wait async_condition_wait_for async_condition_notify
 * async_condition_notify_all async_condition_acquire async_condition_release
 * async_condition_locked async_condition
 */
#include <asyncio.h>
#include <stdio.h>

struct kettle {
    async_condition changed; /* its lock protects the other fields */
    int cups;
    bool cold;
};

static bool has_two_cups(void *context)
{
    struct kettle *kettle = context;
    return kettle->cups >= 2;
}

static int drink_two(struct kettle *kettle)
{
    ASYNC_WITH(&kettle->changed);
    ASYNC_TRY(async_condition_wait_for(&kettle->changed, has_two_cups, kettle));
    kettle->cups -= 2;
    printf("drinks two, %d left\n", kettle->cups);
    return 0;
}
async_fn(drink_two, struct kettle *);

/* Without async_condition_wait_for and ASYNC_WITH. */
static int wash_up(struct kettle *kettle)
{
    ASYNC_TRY(async_condition_acquire(&kettle->changed));
    int result = 0;
    while (!kettle->cold && result >= 0)
        result = async_condition_wait(&kettle->changed);
    /* the lock is held, also after an error */
    async_condition_release(&kettle->changed);
    puts("washed up");
    return result;
}
async_fn(wash_up, struct kettle *);

static int brew(struct kettle *kettle)
{
    for (int i = 0; i < 4; i++) {
        ASYNC_TRY(async_sleep(60));
        ASYNC_WITH(&kettle->changed);
        kettle->cups++;
        async_condition_notify(&kettle->changed, 3); /* at most 3 wait */
    }
    ASYNC_TRY(async_sleep(600));
    ASYNC_WITH(&kettle->changed);
    kettle->cold = true;
    async_condition_notify_all(&kettle->changed);
    return 0;
}
async_fn(brew, struct kettle *);

static int amain(void)
{
    struct kettle kettle = {.cups = 0};
    ASYNC_TRY(async_gather(async_create_task(drink_two, &kettle),
                           async_create_task(drink_two, &kettle),
                           async_create_task(wash_up, &kettle),
                           async_create_task(brew, &kettle)));
    printf("%s\n", async_condition_locked(&kettle.changed) ? "locked" : "free");
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * drinks two, 0 left
 * drinks two, 0 left
 * washed up
 * free
 */
