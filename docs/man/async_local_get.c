/*
 * async_local_get.c: use task-local values
 *
 * Pages: async_local_get async_local_set async_local
 */
#include <asyncio.h>
#include <stdio.h>

static async_local user = {.initial = "main"};

/* Needs no parameter for the user. */
static void log_line(const char *what)
{
    printf("%s: %s\n", (const char *)async_local_get(&user), what);
}

static int send_mail(void)
{
    log_line("a mail is sent"); /* the user of the task that created this one */
    return 0;
}
async_fn(send_mail);

static int serve(char *name)
{
    ASYNC_TRY(async_local_set(&user, name));
    ASYNC_TRY(async_sleep(1)); /* other tasks set their own values */
    log_line("is served");
    return async_await(async_create_task(send_mail));
}
async_fn(serve, char *);

static int amain(void)
{
    int result = async_gather(async_create_task(serve, "Ada"),
                              async_create_task(serve, "Bob"));
    log_line("closes");
    return result;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * Ada: is served
 * Bob: is served
 * Ada: a mail is sent
 * Bob: a mail is sent
 * main: closes
 */
