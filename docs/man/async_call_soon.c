/*
 * async_call_soon.c: request calls of functions by the loop
 *
 * Pages: async_call_soon async_call_later async_call_at async_handle
 * async_handle_cancel
 */
#include <asyncio.h>
#include <stdio.h>

static void say(void *text)
{
    puts(text);
}

static int amain(void)
{
    async_handle alarm = async_call_later(2, say, "two seconds later");
    async_call_at(async_time() + 1, say, "one second later");
    async_call_soon(say, "soon");
    puts("first: a callback never runs inside the call that requests it");

    ASYNC_TRY(async_sleep(1.5));
    printf("cancelled: %s\n", async_handle_cancel(alarm) ? "yes" : "no");
    printf("again: %s\n", async_handle_cancel(alarm) ? "yes" : "no");
    return async_sleep(2);
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * first: a callback never runs inside the call that requests it
 * soon
 * one second later
 * cancelled: yes
 * again: no
 */
