/*
 * measured.c: a program for tests/scripts/top.py. It prints a line, and ends with its standard
 * input.
 *
 *     measured busy      two tasks share the loop 3 to 1
 *     measured asleep    nothing is to be done
 *     measured two       the loop of another thread is busy, that of the main thread is asleep
 *     measured blocks    a task blocks its thread
 *     measured calls     a callback blocks its thread
 *     measured text      prints its metrics and ends
 */
#include <asyncio.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ROUNDS = 10000 };

static volatile unsigned long counted;

static int counts(int parts)
{
    for (;;) {
        for (int i = 0; i < parts * ROUNDS; i++)
            counted++;
        ASYNC_TRY(async_sleep(0));
    }
}
async_fn(counts, int);

static int create(const char *name, int parts)
{
    async_task_options options = {.name = name};
    async_task *task = async_create_task_with(&options, counts, parts);
    if (task == NULL)
        return -ENOMEM;
    async_task_detach(task);
    return 0;
}

static int other_main(void)
{
    ASYNC_TRY(create("parses", 1));
    return async_sleep(ASYNC_FOREVER);
}
async_fn(other_main);

static void *run_other(void *unused)
{
    (void)unused;
    async_ignore(async_run(other_main));
    return NULL;
}

static int blocks(void)
{
    char byte;
    puts("ready");
    fflush(stdout);
    return (int)read(STDIN_FILENO, &byte, 1);
}
async_fn(blocks);

static void block_in_callback(void *unused)
{
    (void)unused;
    _exit(blocks());
}

static int adds(int number)
{
    return number + 1;
}
async_fn(adds, int);

static int print_metrics(void)
{
    ASYNC_TRY(async_sleep(0.01));
    ASYNC_TRY(async_to_thread(adds, 1));
    return async_metrics_print(STDOUT_FILENO);
}

static int amain(const char *mode)
{
    static pthread_t thread;
    char byte;
    if (strcmp(mode, "blocks") == 0)
        return async_await(async_create_task(blocks));
    if (strcmp(mode, "calls") == 0) {
        async_call_soon(block_in_callback, NULL);
        return async_sleep(ASYNC_FOREVER);
    }
    if (strcmp(mode, "text") == 0)
        return print_metrics();
    if (strcmp(mode, "two") == 0 && pthread_create(&thread, NULL, run_other, NULL) != 0)
        return -EAGAIN;
    if (strcmp(mode, "busy") == 0) {
        ASYNC_TRY(create("heavy", 3));
        ASYNC_TRY(create("light\033[31m", 1));
    }
    ASYNC_TRY(async_sleep(0.01));
    puts("ready");
    fflush(stdout);
    ASYNC_TRY(async_wait_readable(STDIN_FILENO));
    _exit(read(STDIN_FILENO, &byte, 1) == 0 ? 0 : 1);
}
async_fn(amain, const char *);

int main(int count, char **arguments)
{
    return async_main(amain, count > 1 ? arguments[1] : "asleep");
}
