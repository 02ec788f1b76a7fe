/*
 * async_add_signal_handler.c: call a function for each signal
 *
 * Pages: async_add_signal_handler async_remove_signal_handler
 */
#include <asyncio.h>
#include <signal.h>
#include <stdio.h>

struct service {
    int requests;
};

/* A handler must not wait, but runs on the loop: it may use all data. */
static void print_counts(int number, void *context)
{
    const struct service *service = context;
    (void)number;
    printf("%d requests\n", service->requests);
}

static int reload(struct service *service)
{
    puts("reloading");
    ASYNC_TRY(async_sleep(2));
    service->requests = 0;
    puts("reloaded");
    return 0;
}
async_fn(reload, struct service *);

/* A handler that must wait creates a task. */
static void start_reload(int number, void *context)
{
    (void)number;
    async_task_detach(async_create_task(reload, (struct service *)context));
}

static int amain(void)
{
    struct service service = {.requests = 7};
    ASYNC_TRY(async_add_signal_handler(SIGUSR1, print_counts, &service));
    ASYNC_TRY(async_add_signal_handler(SIGHUP, start_reload, &service));

    raise(SIGUSR1);
    ASYNC_TRY(async_sleep(1));
    raise(SIGHUP);
    ASYNC_TRY(async_sleep(5));
    raise(SIGUSR1);
    ASYNC_TRY(async_sleep(1));

    async_remove_signal_handler(SIGUSR1); /* `service` ends with this block */
    async_remove_signal_handler(SIGHUP);
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_run_with(&(async_run_options){.virtual_clock = true}, amain) <
           0;
}

/* Prints:
 * 7 requests
 * reloading
 * reloaded
 * 0 requests
 */
