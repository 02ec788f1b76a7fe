/*
 * async_dump.c: show what every task is doing
 *
 * Pages: async_dump
 */
#include <asyncio.h>
#include <unistd.h>

static int boil_eggs(void)
{
    return async_sleep(6 * 60);
}
async_fn(boil_eggs);

static int make_breakfast(void)
{
    return async_await(async_create_task(boil_eggs));
}
async_fn(make_breakfast);

static int amain(void)
{
    async_task *breakfast = async_create_task(make_breakfast);
    ASYNC_TRY(async_sleep(60));
    async_dump(STDOUT_FILENO);
    return async_await(breakfast);
}
async_fn(amain);

int main(void)
{
    async_run_options options = {.virtual_clock = true, .backend = "epoll"};
    return async_run_with(&options, amain) < 0;
}

/* Prints:
 * asyncio: tasks: 3, ready: 0, timers: 1, operations in flight: 0 (epoll)
 *   #1    amain                runs, created at docs/man/async_dump.c:33
 *   #2    make_breakfast       waits in async_await on 0x559f129fa9c0 for 60.000 s, created at docs/man/async_dump.c:23
 *   #3    boil_eggs            waits in async_sleep for 60.000 s, created at docs/man/async_dump.c:17
 */
