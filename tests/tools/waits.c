/*
 * waits.c: a program for tests/scripts/inspect.py: tasks that await others.
 *
 *     waits deadlock     two tasks take two locks in opposite orders
 *     waits swap         two tasks take two locks in one order, all the time
 *     waits crowd        100 tasks wait for one event; its address is on the stack of amain
 *
 * It prints a line, and ends with its standard input.
 */
#include <asyncio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static async_lock first, second;
static bool swaps;

static int sleeps(void)
{
    int result = async_sleep(1000);
    return result;
}
async_fn(sleeps);

static int takes_both(async_lock *one, async_lock *other)
{
    do {
        ASYNC_WITH(one);
        ASYNC_TRY(async_sleep(swaps ? 0 : 0.01));
        ASYNC_WITH(other);
    } while (swaps);
    return 0;
}
async_fn(takes_both, async_lock *, async_lock *);

static int has_group(void)
{
    ASYNC_TASK_GROUP(group);
    for (int i = 0; i < 3; i++)
        async_group_create_task(&group, sleeps);
    int result = async_group_wait(&group);
    return result;
}
async_fn(has_group);

static int waits_for_one(void)
{
    async_task *tasks[2] = {async_create_task(sleeps), async_create_task(sleeps)};
    int result = async_wait(tasks, 2, ASYNC_FIRST_COMPLETED, 1000);
    return result;
}
async_fn(waits_for_one);

static int reads_input(void)
{
    char byte;
    ASYNC_TRY(async_sleep(0.05));
    puts("ready");
    fflush(stdout);
    ASYNC_TRY(async_wait_readable(STDIN_FILENO));
    _exit(read(STDIN_FILENO, &byte, 1) == 0 ? 0 : 1);
}
async_fn(reads_input);

static int waits_for_event(async_event *event)
{
    int result = async_event_wait(event);
    return result;
}
async_fn(waits_for_event, async_event *);

/* More than run in one burst: a task at its end stops in another function of the library. */
static int crowd(void)
{
    async_event event = {0};
    async_task_detach(async_create_task(reads_input));
    for (int i = 0; i < 100; i++)
        async_task_detach(async_create_task(waits_for_event, &event));
    int result = async_sleep(1000);
    return result;
}
async_fn(crowd);

static int amain(void)
{
    async_lock *third = swaps ? &first : &second, *fourth = swaps ? &second : &first;
    async_task_detach(async_create_task(reads_input));
    int result = async_gather(async_create_task(takes_both, &first, &second),
                              async_create_task(takes_both, third, fourth),
                              async_create_task(has_group), async_create_task(waits_for_one));
    return result;
}
async_fn(amain);

int main(int count, char **arguments)
{
    swaps = count > 1 && strcmp(arguments[1], "swap") == 0;
    if (count > 1 && strcmp(arguments[1], "crowd") == 0)
        return async_main(crowd);
    return async_main(amain);
}
