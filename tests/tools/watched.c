/*
 * watched.c: a program for tests/scripts/inspect.py: tasks that wait, one that is always ready,
 * others that begin and end all the time, and four that have ended and were not awaited, the last
 * one with an error. It prints a line, and ends with its standard input.
 */
#include <asyncio.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Whatever their order is, the lock is not in the pages that are mapped from the file. */
static volatile char room_before[1 << 20];
static async_lock lock;
static async_event never;
static volatile char room_after[1 << 20];

static int has_lock(void)
{
    ASYNC_WITH(&lock);
    return async_event_wait(&never);
}
async_fn(has_lock);

static int wants_lock(void)
{
    ASYNC_WITH(&lock);
    return 0;
}
async_fn(wants_lock);

static int ends(void)
{
    return 0;
}
async_fn(ends);

static int fails(void)
{
    return -ENOSPC;
}
async_fn(fails);

static int churns(void)
{
    for (;;)
        ASYNC_TRY(async_await(async_create_task(ends)));
}
async_fn(churns);

static async_task *kept[4];

static int amain(int waiters)
{
    char byte;
    int input = dup(STDIN_FILENO); /* number 0 would not be shown */
    async_task_detach(async_create_task(has_lock));
    for (int i = 0; i < waiters; i++)
        async_task_detach(async_create_task(wants_lock));
    for (int i = 0; i < 3; i++)
        kept[i] = async_create_task(ends);
    kept[3] = async_create_task(fails);
    async_task_detach(async_create_task(churns));
    ASYNC_TRY(async_sleep(0.01));
    puts("ready");
    fflush(stdout);
    ASYNC_TRY(async_wait_readable(input));
    _exit(read(input, &byte, 1) == 0 ? 0 : 1);
}
async_fn(amain, int);

int main(int count, char **arguments)
{
    room_before[0] = room_after[0] = (char)count;
    return async_main(amain, count > 1 ? atoi(arguments[1]) : 3);
}
