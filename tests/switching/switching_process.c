/*
 * switching_process.c: the rows (switching.h) of the calls on processes. Programs are started
 * before the scene, wait for a signal, and are killed when the row is supplied; the supply returns
 * when the kernel has reported their end. After every scene no child of this program is left.
 */
#include "switching.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

static async_process *processes[MAX_CALLERS]; /* by place; NULL: none, or it was freed */
static const async_process_options with_output = {.out = ASYNC_PIPE};

static void start_sleep(int place, const async_process_options *options)
{
    CHECK_EQ(async_create_subprocess_exec(&processes[place], options, "sleep", "1000"), 0);
}

/* One process for all callers. */
static void prepare_process(struct scene *scene)
{
    (void)scene;
    start_sleep(0, NULL);
}

static void prepare_processes(struct scene *scene)
{
    for (int i = 0; i < scene->caller_count; i++)
        start_sleep(i, &with_output);
}

static void supply_ends(struct scene *scene)
{
    (void)scene;
    for (int i = 0; i < MAX_CALLERS; i++) {
        if (processes[i] == NULL)
            continue;
        struct pollfd end = {.fd = async_process_fd(processes[i]), .events = POLLIN};
        async_ignore(async_process_kill(processes[i]));
        CHECK_EQ(poll(&end, 1, -1), 1);
    }
}

/* After the end of the loop the processes have ended with it. */
static void check_processes(struct scene *scene)
{
    for (int i = 0; i < MAX_CALLERS; i++) {
        if (!scene->cut_off)
            async_process_free_wait(processes[i]);
        processes[i] = NULL;
    }
    CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
}

/* ---- waiting -------------------------------------------------------------------------------- */

static int wait_for_process(struct caller *caller)
{
    (void)caller;
    return async_process_wait(processes[0]);
}

SWITCHING_CALL(process_wait_for_one_that_runs, async_process_wait, .kind = ASKS_KERNEL,
               .gives = SIGKILL, .prepare = prepare_process, .make = wait_for_process,
               .supply = supply_ends, .check = check_processes);

static void prepare_ended(struct scene *scene)
{
    prepare_process(scene);
    CHECK_EQ(async_process_kill(processes[0]), 0);
    CHECK_EQ(async_process_wait(processes[0]), SIGKILL);
}

SWITCHING_CALL(process_wait_for_one_that_has_ended, async_process_wait, .kind = NEED_NOT_WAIT,
               .gives = SIGKILL, .prepare = prepare_ended, .make = wait_for_process,
               .check = check_processes);

static int communicate(struct caller *caller)
{
    async_auto_output output = {0};
    int status = async_process_communicate(processes[caller->place], NULL, 0, &output);
    CHECK((status >= 0) == (output.out != NULL));
    return status;
}

/* A call that was cancelled can be made again. */
static void check_communicate(struct scene *scene)
{
    if (!scene->cut_off) {
        supply_ends(scene);
        CHECK_EQ(communicate(scene->subject), SIGKILL);
    }
    check_processes(scene);
}

SWITCHING_CALL(process_communicate, async_process_communicate, .kind = DEPENDS, .gives = SIGKILL,
               .prepare = prepare_processes, .make = communicate, .supply = supply_ends,
               .check = check_communicate);

/* ---- ending --------------------------------------------------------------------------------- */

static int stop(struct caller *caller)
{
    return async_process_stop(processes[caller->place], 60);
}

SWITCHING_CALL(process_stop, async_process_stop, .kind = JOINS_SURE, .gives = SIGTERM,
               .prepare = prepare_processes, .make = stop, .check = check_processes);

static int free_process(struct caller *caller)
{
    async_process *process = processes[caller->place];
    processes[caller->place] = NULL;
    async_process_free_wait(process);
    return 0;
}

SWITCHING_CALL(process_free_wait, async_process_free_wait, .kind = JOINS_SURE,
               .prepare = prepare_processes, .make = free_process, .check = check_processes);

/* ---- starts --------------------------------------------------------------------------------- */

static int start(struct caller *caller)
{
    async_auto_wait_process *process = NULL;
    (void)caller;
    int result = async_create_subprocess_exec(&process, NULL, "true");
    CHECK((result == 0) == (process != NULL));
    return result;
}

SWITCHING_CALL(process_start, async_create_subprocess_exec, .kind = DEPENDS, .make = start,
               .check = check_processes);

static int start_array(struct caller *caller)
{
    char *const argv[] = {"true", NULL};
    async_auto_wait_process *process = NULL;
    (void)caller;
    int result = async_create_subprocess_execv(&process, NULL, argv);
    CHECK((result == 0) == (process != NULL));
    return result;
}

SWITCHING_CALL(process_start_of_an_array, async_create_subprocess_execv, .kind = DEPENDS,
               .make = start_array, .check = check_processes);

static int start_command(struct caller *caller)
{
    async_auto_wait_process *process = NULL;
    (void)caller;
    int result = async_create_subprocess_shell(&process, NULL, ":");
    CHECK((result == 0) == (process != NULL));
    return result;
}

SWITCHING_CALL(process_start_of_a_command, async_create_subprocess_shell, .kind = DEPENDS,
               .make = start_command, .check = check_processes);

static int run(struct caller *caller)
{
    (void)caller;
    return async_run_process(NULL, NULL, "true");
}

SWITCHING_CALL(run_process, async_run_process, .kind = DEPENDS, .make = run,
               .check = check_processes);

static int run_array(struct caller *caller)
{
    char *const argv[] = {"true", NULL};
    async_auto_output output = {0};
    (void)caller;
    return async_run_processv(NULL, &output, argv);
}

SWITCHING_CALL(run_process_of_an_array, async_run_processv, .kind = DEPENDS, .make = run_array,
               .check = check_processes);
