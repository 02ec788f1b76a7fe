/*
 * async_create_task.c: run a coroutine in a task
 *
 * Pages: async_create_task async_create_task_with async_create_task_ptr
 * async_task_options async_fn
 */
#include <asyncio.h>
#include <stdio.h>

static int greet(const char *name, int times)
{
    for (int i = 0; i < times; i++) {
        printf("%s: hello %s\n", async_task_name(async_current_task()), name);
        ASYNC_TRY(async_sleep(1));
    }
    return times;
}
async_fn(greet, const char *, int); /* the types of its parameters */

/* A function chosen at run time has one parameter, a pointer. */
static int dance(void *where)
{
    printf("dancing in the %s\n", (const char *)where);
    return 0;
}

static int amain(void)
{
    async_task_options options = {.name = "greeter", .stack_size = 32 * 1024};
    async_task_options at_once = {.name = "hasty", .eager_start = true};
    int (*chosen)(void *) = dance;

    async_task *tasks[] = {async_create_task(greet, "world", 1),
                           async_create_task_with(&options, greet, "moon", 2),
                           async_create_task_ptr(chosen, "kitchen"),
                           async_create_task_with(&at_once, greet, "sun", 1)};
    puts("four tasks");
    return async_gather_n(tasks, 4, NULL, ASYNC_FIRST_ERROR);
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * hasty: hello sun
 * four tasks
 * greet: hello world
 * greeter: hello moon
 * dancing in the kitchen
 * greeter: hello moon
 */
