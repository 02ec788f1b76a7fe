/*
 * async_cancel.c: ask a task to end, and answer such a request
 *
 * Pages: async_cancel async_cancel_because async_uncancel async_cancelling
 * async_task_cancelling
 */
#include <asyncio.h>
#include <stdio.h>

static int serve(void)
{
    int result = async_sleep(3600);
    printf("%s, %d request\n", async_strerror(result), async_cancelling());
    return result; /* on its way out: what it would wait for is refused */
}
async_fn(serve);

/* Is asked to stop what it does, and does something else instead. */
static int work(void)
{
    if (async_sleep(3600) == -ECANCELED) {
        async_uncancel(); /* answered: from here on it may wait again */
        ASYNC_TRY(async_sleep(1));
        puts("saved");
    }
    return 0;
}
async_fn(work);

static int amain(void)
{
    async_task *server = async_create_task(serve),
               *worker = async_create_task(work);
    ASYNC_TRY(async_sleep(1));
    async_cancel_because(server, "closed at %d o'clock", 6);
    async_cancel(worker);
    printf("%d asked of the server\n", async_task_cancelling(server));

    int served = async_await(server), worked = async_await(worker);
    printf("the server: %s\nthe worker: %d\n", async_strerror(served), worked);
    return worked;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * 1 asked of the server
 * -ECANCELED: closed at 6 o'clock, 1 request
 * saved
 * the server: -ECANCELED: closed at 6 o'clock
 * the worker: 0
 */
