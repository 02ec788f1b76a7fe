/*
 * runs.c: a program for tests/scripts/inspect.py with a task that runs. It prints a line; when a
 * byte of its standard input has come, the task `digs` does what the argument says:
 *
 *     blocks       reads its standard input to the end, in the kernel
 *     computes     reads it without a pause, and without waiting
 *     faults       writes to address 8
 *     aborts       calls abort()
 *     handles      writes to address 8, with a handler on a stack of its own that calls abort()
 *     sleeps       waits for ever
 *     thread       another thread writes to address 8
 *     calls        a callback writes to address 8
 *     twice        as faults, while a second loop is open in the process
 */
#include <asyncio.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int *volatile nowhere = (int *)8;

__attribute__((noinline)) static int write_nowhere(void)
{
    *nowhere = 1; /* the fault */
    return *nowhere;
}

static void *write_in_thread(void *argument)
{
    (void)argument;
    write_nowhere();
    return NULL;
}

static void call_nowhere(void *argument)
{
    (void)argument;
    write_nowhere();
}

static void on_fault(int number)
{
    (void)number;
    abort();
}

static void handle_faults(void)
{
    static char room[1 << 16];
    const stack_t stack = {.ss_sp = room, .ss_size = sizeof room};
    struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_ONSTACK};
    sigaltstack(&stack, NULL);
    sigaction(SIGSEGV, &action, NULL);
}

__attribute__((noinline)) static int read_all(void)
{
    char bytes[64];
    ssize_t count = 1;
    while (count > 0)
        count = read(STDIN_FILENO, bytes, sizeof bytes); /* the read */
    _exit(0);
}

__attribute__((noinline)) static int read_at_once(void)
{
    char bytes[64];
    fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    for (volatile unsigned long i = 1;; i++)
        if (i % 100000000 == 0 && read(STDIN_FILENO, bytes, sizeof bytes) == 0)
            _exit(0);
}

__attribute__((noinline)) static int call_abort(void)
{
    abort(); /* the abort */
}

__attribute__((noinline)) static int start_thread(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, write_in_thread, NULL);
    return pthread_join(thread, NULL);
}

static int digs(const char *what)
{
    char byte;
    ASYNC_TRY(async_wait_readable(STDIN_FILENO));
    if (read(STDIN_FILENO, &byte, 1) != 1)
        _exit(0);
    if (strcmp(what, "blocks") == 0)
        return read_all() + 1;
    if (strcmp(what, "computes") == 0)
        return read_at_once() + 1;
    if (strcmp(what, "aborts") == 0)
        return call_abort() + 1;
    if (strcmp(what, "thread") == 0)
        return start_thread() + 1;
    if (strcmp(what, "calls") == 0)
        async_call_soon(call_nowhere, NULL);
    if (strcmp(what, "sleeps") == 0 || strcmp(what, "calls") == 0)
        return async_sleep(1000);
    if (strcmp(what, "handles") == 0)
        handle_faults();
    return write_nowhere() + 1;
}
async_fn(digs, const char *);

static int amain(const char *what)
{
    async_task *task = async_create_task(digs, what);
    puts("ready");
    fflush(stdout);
    return async_await(task);
}
async_fn(amain, const char *);

static sem_t second;

static int sleeps(void)
{
    sem_post(&second);
    return async_sleep(1000);
}
async_fn(sleeps);

static void *run_second(void *argument)
{
    (void)argument;
    async_main(sleeps);
    return NULL;
}

int main(int count, char **arguments)
{
    pthread_t thread;
    const char *what = count > 1 ? arguments[1] : "sleeps";
    sem_init(&second, 0, 0);
    if (strcmp(what, "twice") == 0 && pthread_create(&thread, NULL, run_second, NULL) == 0)
        sem_wait(&second);
    return async_main(amain, what);
}
