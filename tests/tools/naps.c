/*
 * naps.c: a program for tests/scripts/places.py: a task that sleeps, or, with an argument, one that
 * blocks its thread, or, with two, one that lends another task an event. As a shared file it is a
 * plugin. With PLUGIN it is the program that loads it.
 */
#ifdef PLUGIN
#include <dlfcn.h>
#include <stddef.h>

int main(int count, char **arguments)
{
    (void)arguments;
    int (*run)(int count) = NULL;
    void *file = dlopen(PLUGIN, RTLD_NOW | RTLD_LOCAL);
    if (file != NULL)
        *(void **)&run = dlsym(file, "run_program");
    return run != NULL ? run(count) : 1;
}

#else
#include <asyncio.h>
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;

__attribute__((noinline)) static int blocks(void)
{
    int result = pthread_mutex_lock(&held); /* the block */
    return result == 0 ? pthread_mutex_unlock(&held) : -result;
}

__attribute__((noinline)) static int naps(void)
{
    int result = async_sleep(1000); /* the nap */
    return result < 0 ? result : 1;
}

static int waits(async_event *event)
{
    return async_event_wait(event);
}
async_fn(waits, async_event *);

__attribute__((noinline)) static int rests(void)
{
    for (int i = 0; i < 20; i++)
        ASYNC_TRY(async_sleep(0.001));
    return 0;
}

/* The event is in a frame between those of functions that wait. */
__attribute__((noinline)) static int lends(void)
{
    async_event event = {0};
    async_task *task = async_create_task(waits, &event);
    ASYNC_TRY(rests());
    async_event_set(&event);
    return async_await(task);
}

static int amain(int count)
{
    int result;
    puts("ready");
    fflush(stdout);
    result = count > 2 ? lends() : count > 1 ? blocks() : naps();
    return result < 0 ? result : 0;
}
async_fn(amain, int);

__attribute__((visibility("default"))) int run_program(int count)
{
    pthread_mutex_lock(&held);
    return async_main(amain, count);
}

int main(int count, char **arguments)
{
    (void)arguments;
    return run_program(count);
}
#endif
