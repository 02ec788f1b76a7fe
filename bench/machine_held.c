/*
 * bench/machine_held.c: beside the task that starts programs another one is always ready. The loop
 * is held for the longest time between two of its turns. Measured in wall-clock time, because a
 * caller that waits for its child uses no processor time.
 */
#define _GNU_SOURCE
#include "machine.h"

static struct child_watch watch;

static int tick(void)
{
    for (;;) {
        child_turn(&watch);
        ASYNC_TRY(async_sleep(0));
    }
}
async_fn(tick);

static int watching(const char *row, const char *program)
{
    async_task *ticker = async_create_task(tick);
    while (child_watches(&watch)) {
        async_auto_wait_process *process = NULL;
        child_begin(&watch);
        ASYNC_TRY(async_create_subprocess_exec(&process, NULL, program));
        child_end(&watch);
        ASYNC_TRY(async_process_wait(process));
    }
    child_say_held(row, &watch);
    async_task_cancel(ticker);
    async_ignore(async_await(ticker));
    return 0;
}
async_fn(watching, const char *, const char *);

void measure_held_static(void)
{
    must(async_run(watching, "held/static", child_helper("nothing")), "held/static");
}

void measure_held_true(void)
{
    must(async_run(watching, "held/true", "/bin/true"), "held/true");
}

void measure_held_descriptors(void)
{
    child_add_descriptors();
    must(async_run(watching, "held/static 10k fds", child_helper("nothing")), "held/descriptors");
}

void measure_held_memory(void)
{
    child_add_memory();
    must(async_run(watching, "held/static 1 GiB", child_helper("nothing")), "held/memory");
}
