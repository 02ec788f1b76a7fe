/*
 * async_shield.c: wait for a task without cancelling it
 *
 * Pages: async_shield
 */
#include <asyncio.h>
#include <stdio.h>

static int save(const char *file)
{
    ASYNC_TRY(async_sleep(2));
    printf("%s is saved\n", file);
    return 0;
}
async_fn(save, const char *);

static int edit(void)
{
    int result = async_shield(async_create_task(save, "letter.txt"));
    printf("the editor: %s\n", async_strerror(result));
    return result;
}
async_fn(edit);

static int amain(void)
{
    async_task *editor = async_create_task(edit);
    ASYNC_TRY(async_sleep(1));
    async_task_cancel(editor);
    async_ignore(async_await(editor));
    return async_sleep(5); /* saving continues */
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * the editor: -ECANCELED: Operation canceled
 * letter.txt is saved
 */
