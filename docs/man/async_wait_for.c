/*
 * async_wait_for.c: wait for a task with a time limit
 *
 * Pages: async_wait_for
 */
#include <asyncio.h>
#include <stdio.h>

static int ask(const char *name, double seconds)
{
    int result = async_sleep(seconds);
    printf("%s %s\n", name, result < 0 ? "was cancelled" : "has answered");
    return result < 0 ? result : 42;
}
async_fn(ask, const char *, double);

static int amain(void)
{
    async_task *quick = async_create_task(ask, "Ada", 1);
    async_task *slow = async_create_task(ask, "Bob", 60);

    int answer = async_wait_for(quick, 5);
    int silence = async_wait_for(slow, 5); /* Bob has ended when it returns */
    printf("%d\n%s\n", answer, async_strerror(silence));
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * Ada has answered
 * Bob was cancelled
 * 42
 * -ETIMEDOUT: Connection timed out (or the time limit expired)
 */
