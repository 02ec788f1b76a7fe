/*
 * async_task_wait_started.c: wait until a task is ready for work
 *
 * Pages: async_task_wait_started async_set_started
 */
#include <asyncio.h>
#include <stdio.h>

static int serve(int port)
{
    ASYNC_TRY(async_sleep(2)); /* until it listens */
    if (port < 1024)
        return async_fail(-EACCES, "port %d needs a privilege", port);
    async_set_started(port);
    return async_sleep(ASYNC_FOREVER);
}
async_fn(serve, int);

static int amain(void)
{
    async_task *server = async_create_task(serve, 8080);
    int port = async_task_wait_started(server);
    printf("%.0f s: it listens at port %d\n", async_time(), port);

    async_task *other = async_create_task(serve, 80);
    port = async_task_wait_started(other); /* its error: it has ended */
    printf("%.0f s: %s\n", async_time(), async_strerror(port));

    async_task_cancel(server);
    async_ignore(async_gather_n((async_task *[]){server, other}, 2, NULL,
                                ASYNC_FIRST_ERROR));
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_run_with(&(async_run_options){.virtual_clock = true}, amain) <
           0;
}

/* Prints:
 * 2 s: it listens at port 8080
 * 4 s: -EACCES: port 80 needs a privilege
 */
