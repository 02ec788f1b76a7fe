/*
 * async_loop_set_exception_handler.c: handle errors that no task has looked at
 *
 * Pages: async_loop_set_exception_handler async_loop_call_exception_handler
 * async_exception_context async_exception_handler
 */
#include <asyncio.h>
#include <stdio.h>

/* It must not wait. */
static void count(async_loop *loop, const async_exception_context *error,
                  void *lost)
{
    (void)loop;
    ++*(int *)lost;
    printf("%s: %s\n", error->task ? async_task_name(error->task) : "here",
           async_strerror(error->code));
}

static int send_mail(void)
{
    return -ECONNREFUSED;
}
async_fn(send_mail);

static int amain(void)
{
    int lost = 0;
    async_loop_set_exception_handler(async_get_loop(), count, &lost);
    async_task_detach(async_create_task(send_mail));
    ASYNC_TRY(async_sleep(0));
    async_exception_context own = {.message = "no disk", .code = -ENOSPC};
    async_loop_call_exception_handler(async_get_loop(), &own);
    printf("%d errors\n", lost);
    async_loop_set_exception_handler(async_get_loop(), NULL, NULL);
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * send_mail: -ECONNREFUSED: Connection refused
 * here: -ENOSPC: No space left on device
 * 2 errors
 */
