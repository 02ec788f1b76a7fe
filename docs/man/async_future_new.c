/*
 * async_future_new.c: create futures and settle them
 *
 * Pages: async_future_new async_future_set_result async_future_set_exception
 * async_future
 */
#include <asyncio.h>
#include <stdio.h>

/* A library with callbacks, which looks a name up. */
struct lookup {
    void (*found)(void *context, int address);
    void *context;
    const char *name;
};

static void answer(void *argument)
{
    struct lookup *lookup = argument;
    lookup->found(lookup->context, lookup->name[0] == 'x' ? -1 : 42);
}

static void start_lookup(struct lookup *lookup)
{
    async_call_later(1, answer, lookup);
}

/* The callback settles the future. */
static void settle(void *context, int address)
{
    async_future *future = context;
    if (address < 0)
        async_future_set_exception(future, -ENOENT, "the name does not exist");
    else
        async_future_set_result(future, address);
    async_task_detach(future); /* the callback's handle */
}

static int look_up(const char *name)
{
    async_future *future = async_future_new();
    if (future == NULL)
        return -ENOMEM;
    struct lookup lookup = {settle, async_task_ref(future), name};
    start_lookup(&lookup);
    /* not cancelled, because the callback uses lookup */
    return async_no_cancel(async_await(future));
}

static int amain(void)
{
    printf("%d\n", look_up("localhost"));
    printf("%s\n", async_strerror(look_up("xanadu")));
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * 42
 * -ENOENT: the name does not exist
 */
