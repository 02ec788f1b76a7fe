/*
 * async_call_soon.c: have functions called by the loop
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
    puts("first: a callback never runs inside the call that asks for it");

    ASYNC_TRY(async_sleep(1.5));
    printf("taken back: %s\n", async_handle_cancel(alarm) ? "yes" : "no");
    printf("and again: %s\n", async_handle_cancel(alarm) ? "yes" : "no");
    return async_sleep(2);
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * first: a callback never runs inside the call that asks for it
 * soon
 * one second later
 * taken back: yes
 * and again: no
 */
