/*
 * proc/starter.c: the thread that starts all programs of the process, one after the other. It never
 * ends before the process: SIGKILL for a child at the end of its parent is bound to the thread that
 * started it. No start holds up a loop, also if a program is read from a slow disk.
 */
#include "proc/launch.h"
#include "proc/reaper.h"
#include "sched/sched.h"
#include "sys/polling.h"
#include "thread/executor.h"

/* Another process may have the program open for writing, between its own fork and exec. */
enum { BUSY_TRIES = 100 };
static const int64_t BUSY_PAUSE_NS = 1000000;

static union {
    struct async_executor executor;
    char room[sizeof(struct async_executor) + sizeof(struct worker)];
} starter;

/* ---- on the thread -------------------------------------------------------------------------- */

/* Why the program does not run, as the message of the job. Returns the error. */
static int explain_failure(const struct launch *launch, int error)
{
    static const char *const steps[] = {
        [SPAWN_CLONE] = "create a process",
        [SPAWN_STDIO] = "set the standard streams",
        [SPAWN_SESSION] = "set the session or group",
        [SPAWN_TERMINAL] = "set the controlling terminal",
        [SPAWN_IDENTITY] = "set the user and groups",
        [SPAWN_DESCRIPTORS] = "keep the descriptors",
    };
    enum spawn_step step = launch->spawned.step;
    if (step == SPAWN_DIRECTORY)
        return async_fail_errno(error, "run %s in the directory %s", launch->name,
                                launch->spawn.directory);
    if (step != SPAWN_EXEC)
        return async_fail_errno(error, "run %s: %s", launch->name, steps[step]);
    if (error == -ENOENT && launch->search_path != NULL)
        return async_fail(error, "run %s: there is no such program in PATH (%s)", launch->name,
                          launch->search_path);
    return async_fail_errno(error, "run %s", launch->programs[launch->spawned.program]);
}

static int start_program(void *argument)
{
    struct launch *launch = argument;
    asyncp_reap_orphans();
    int result = asyncp_sys_spawn(&launch->spawn, &launch->spawned);
    for (int tries = 1; result == -ETXTBSY && tries < BUSY_TRIES; tries++) {
        asyncp_sys_poll(NULL, 0, BUSY_PAUSE_NS);
        result = asyncp_sys_spawn(&launch->spawn, &launch->spawned);
    }
    return result < 0 ? explain_failure(launch, result) : 0;
}

/* ---- the process ---------------------------------------------------------------------------- */

/* The thread does not exist in a child of fork(). */
static void renew_starter(void)
{
    asyncp_executor_init(&starter.executor, 1);
}

static void open_starter(void)
{
    renew_starter();
    pthread_atfork(NULL, NULL, renew_starter);
}

__attribute__((destructor)) static void end_starter(void)
{
    if (starter.executor.limit > 0)
        asyncp_executor_end_idle(&starter.executor);
}

int asyncp_launch_start(struct launch *launch, const char *call)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    static const struct asyncp_function function = {.enter = start_program,
                                                    .name = "start of a program"};
    pthread_once(&once, open_starter);
    return asyncp_offload_for(call, &starter.executor, &function, launch);
}
