/*
 * async_task_cancel.c: ask a task to cancel, and answer requests
 *
 * Pages: async_task_cancel async_task_cancel_because async_task_uncancel
 * async_task_cancelling
 */
#include <asyncio.h>
#include <stdio.h>

static int serve(void)
{
    int result = async_sleep(3600);
    printf("%s, %d request\n", async_strerror(result),
           async_task_cancelling(async_current_task()));
    return result; /* its calls that switch fail until it returns */
}
async_fn(serve);

/* Answers the request and does something else. */
static int work(void)
{
    if (async_sleep(3600) == -ECANCELED) {
        /* answered: its calls work again */
        async_task_uncancel(async_current_task());
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
    async_task_cancel_because(server, "closed at %d o'clock", 6);
    async_task_cancel(worker);
    printf("%d request to the server\n", async_task_cancelling(server));

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
 * 1 request to the server
 * -ECANCELED: closed at 6 o'clock, 1 request
 * saved
 * the server: -ECANCELED: closed at 6 o'clock
 * the worker: 0
 */
