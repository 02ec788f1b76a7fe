/*
 * states.c: a program for tests/scripts/gdb_commands.py: tasks in every state. When they are there,
 * it calls reached().
 *
 *     states           one loop: #1 runs, #2 and #3 wait, #4 has ended, #5 is a future, #6 waits,
 *                      #7 has a group, #8 waits in it, #9 is held back, #10 is ready, #11 has not
 *                      begun
 *     states loops     #1 waits, too; on another thread is a second loop, in which #1 runs and #2
 *                      waits
 *
 * With one loop it then prints a line, and ends with its standard input.
 */
#include <asyncio.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

__attribute__((noinline)) void reached(void)
{
    __asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) int twice(int number)
{
    return 2 * number;
}

static async_event never, soon;

/* Each level keeps a frame and a variable. */
__attribute__((noinline)) static int dive(int depth, async_event *event)
{
    volatile int kept = 100 + depth;
    int result = depth > 1 ? dive(depth - 1, event) : async_event_wait(event);
    return kept > 0 ? result : -1;
}

/* Two calls at different places: a stack that is as deep need not have the same calls. */
static int waits(int depth)
{
    if (depth == 0)
        return 1 + dive(1, &never);
    int result = dive(depth, &never);
    return result;
}
async_fn(waits, int);

static int becomes_ready(void)
{
    int result = dive(1, &soon);
    return result;
}
async_fn(becomes_ready);

static int ends(void)
{
    return 0;
}
async_fn(ends);

static int has_group(void)
{
    ASYNC_TASK_GROUP_WITH(group, .limit = 1);
    async_group_create_task(&group, waits, 1);
    async_group_create_task(&group, ends);
    int result = async_group_wait(&group);
    return result;
}
async_fn(has_group);

static int has_another(void)
{
    async_task_detach(async_create_task(waits, 1));
    ASYNC_TRY(async_sleep(0.01));
    reached();
    int result = dive(1, &never);
    return result;
}
async_fn(has_another);

static void *run_another(void *argument)
{
    async_run(has_another);
    return argument;
}

/* The event is not shared: each loop has waiters of its own. */
static int start_another(void)
{
    pthread_t thread;
    (void)async_get_loop(); /* the other thread may know it: so the standstill is no deadlock */
    int result = -pthread_create(&thread, NULL, run_another, NULL);
    return result == 0 ? dive(1, &never) : result;
}

static int amain(int loops)
{
    char byte;
    async_task_detach(async_create_task(waits, 3));
    async_task_detach(async_create_task(waits, 3));
    async_task *ended = async_create_task(ends);
    async_future *future = async_future_new();
    async_task_detach(async_create_task(waits, 0));
    async_task_detach(async_create_task(has_group));
    ASYNC_TRY(async_sleep(0.01));
    if (loops == 2)
        return start_another();
    async_task_detach(async_create_task(becomes_ready));
    ASYNC_TRY(async_sleep(0.01));
    async_event_set(&soon);
    async_task_detach(async_create_task(ends));
    reached();
    puts("ready");
    fflush(stdout);
    if (future == NULL || async_await(ended) != 0)
        return -EINVAL;
    ASYNC_TRY(async_wait_readable(STDIN_FILENO));
    _exit(read(STDIN_FILENO, &byte, 1) == 0 ? 0 : 1);
}
async_fn(amain, int);

int main(int count, char **arguments)
{
    return async_main(amain, count > 1 && strcmp(arguments[1], "loops") == 0 ? 2 : 1);
}
