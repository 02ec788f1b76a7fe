/*
 * async_no_cancel.c: wait although the task is being cancelled
 *
 * Pages: async_no_cancel async_no_cancel_begin async_no_cancel_end async_no_cancel_scope
 */
#include <asyncio.h>
#include <stdio.h>

static int send(const char *word)
{
    ASYNC_TRY(async_sleep(1)); /* the connection is slow */
    puts(word);
    return 0;
}

static int talk(void)
{
    int result;
    while ((result = send("news")) >= 0)
        continue;
    if (send("goodbye") < 0)
        puts("the task is being cancelled");
    /* time limits work inside the shield */
    async_ignore(async_no_cancel(async_timeout(5, send("goodbye"))));
    return result;
}
async_fn(talk);

/* For a block rather than a call. */
static int write_log(void)
{
    async_no_cancel_scope scope;
    async_no_cancel_begin(&scope);
    int result = send("log: begin");
    if (result >= 0)
        result = send("log: end");
    async_no_cancel_end(&scope);
    return result;
}
async_fn(write_log);

static int amain(void)
{
    async_task *talker = async_create_task(talk),
               *writer = async_create_task(write_log);
    ASYNC_TRY(async_sleep(1.5));
    async_task_cancel(talker);
    async_task_cancel(writer);
    int talked = async_await(talker), written = async_await(writer);
    printf("%s\n%d\n", async_strerror(talked), written);
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * news
 * log: begin
 * the task is being cancelled
 * log: end
 * goodbye
 * -ECANCELED: Operation canceled
 * 0
 */
