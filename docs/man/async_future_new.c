/*
 * async_future_new.c: a result that somebody will set
 *
 * Pages: async_future_new async_future_set_result async_future_set_exception
 * async_future
 */
#include <asyncio.h>
#include <stdio.h>

/* A library with callbacks: looks a name up and calls back, some time later. */
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

/* From here on it is a coroutine: the callback settles the future. */
static void settle(void *context, int address)
{
    async_future *future = context;
    if (address < 0)
        async_future_set_exception(future, -ENOENT, "nobody has that name");
    else
        async_future_set_result(future, address);
    async_task_detach(future); /* its handle; the one who waits has another */
}

static int look_up(const char *name)
{
    async_future *future = async_future_new();
    if (future == NULL)
        return -ENOMEM;
    struct lookup lookup = {settle, async_task_ref(future), name};
    start_lookup(&lookup);
    return async_no_cancel(async_await(future)); /* lookup must stay */
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
 * -ENOENT: nobody has that name
 */
