/*
 * async_create_task.c: let a coroutine run on its own
 *
 * Pages: async_create_task async_fn async_create_task_with async_task_options
 * async_create_task_ptr
 */
#include <asyncio.h>
#include <stdio.h>

static int greet(const char *whom, int times)
{
    for (int i = 0; i < times; i++) {
        printf("%s: hello %s\n", async_task_name(async_current_task()), whom);
        ASYNC_TRY(async_sleep(1));
    }
    return times;
}
async_fn(greet, const char *, int); /* the types of its parameters */

/* What is chosen at run time has one parameter, a pointer. */
static int dance(void *where)
{
    printf("dancing in the %s\n", (const char *)where);
    return 0;
}

static int amain(void)
{
    async_task_options options = {.name = "greeter", .stack_size = 32 * 1024};
    int (*chosen)(void *) = dance;

    async_task *first = async_create_task(greet, "world", 1);
    async_task *second = async_create_task_with(&options, greet, "moon", 2);
    async_task *third = async_create_task_ptr(chosen, "kitchen");
    return async_gather(first, second, third);
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * greet: hello world
 * greeter: hello moon
 * dancing in the kitchen
 * greeter: hello moon
 */
