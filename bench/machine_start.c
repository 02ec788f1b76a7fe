/*
 * bench/machine_start.c: programs that end at once are started and waited for, one after the other.
 */
#define _GNU_SOURCE
#include "machine.h"

static int start_often(const char *program, int times)
{
    for (int i = 0; i < times; i++) {
        async_auto_wait_process *process = NULL;
        ASYNC_TRY(async_create_subprocess_exec(&process, NULL, program));
        ASYNC_TRY(async_process_wait(process));
    }
    return 0;
}

static int starting(const char *name, const char *program)
{
    ASYNC_TRY(start_often(program, CHILD_STARTS_BEFORE));
    struct child_times begun = child_now();
    ASYNC_TRY(start_often(program, CHILD_STARTS));
    child_say_times(name, begun, CHILD_STARTS);
    return 0;
}
async_fn(starting, const char *, const char *);

void measure_start_static(void)
{
    must(async_run(starting, "static", child_helper("nothing")), "static");
}

void measure_start_true(void)
{
    must(async_run(starting, "true", "/bin/true"), "true");
}

void measure_start_descriptors(void)
{
    child_add_descriptors();
    must(async_run(starting, "static 10k fds", child_helper("nothing")), "static 10k fds");
}

void measure_start_memory(void)
{
    child_add_memory();
    must(async_run(starting, "static 1 GiB", child_helper("nothing")), "static 1 GiB");
}
