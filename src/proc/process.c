/*
 * proc/process.c: a process handle from the start of the program to the end of the handle: waiting,
 * signals, the orderly stop. A handle comes from malloc, because it may outlive its loop in
 * reaper.c.
 */
#include "proc/process.h"
#include "base/options.h"
#include "base/values.h"
#include "net/stream.h"
#include "poll/poll.h"
#include "proc/launch.h"
#include "proc/stdio.h"
#include "sched/current.h"
#include "sys/file.h"
#include "sys/report.h"
#include <asyncio/time.h>
#include <unistd.h>

void (*asyncp_before_start)(struct async_loop *loop);

enum { DEFAULT_LIMIT = 64 << 20 };
static const double DEFAULT_GRACE_SECONDS = 5;
static const async_process_options default_options;

void asyncp_process_check(const async_process *process, const char *call)
{
    ENSURE(process != NULL, "%s: the process is NULL; check the result of its start", call);
    if (unlikely(process->loop != asyncp_current))
        asyncp_wrong_loop(process->loop, call, "the process");
}

/* ---- references ----------------------------------------------------------------------------- */

void asyncp_process_hold(struct async_process *process)
{
    process->references++;
}

void asyncp_process_release(struct async_process *process)
{
    if (--process->references > 0)
        return;
    asyncp_communication_free(&process->communication);
    memory_free(&asyncp_malloc, process, process->bytes);
}

/* ---- the end of the process ----------------------------------------------------------------- */

/* The handle is gone. */
static void free_process(struct async_process *process)
{
    process->is_freed = true;
    list_remove(&process->close_hook.link);
    asyncp_process_release(process);
}

static void close_pidfd(struct async_process *process)
{
    if (process->end.source.fd >= 0)
        asyncp_pollable_close(process->loop, &process->end, -EBADF);
}

/* Removes a process that has ended from the kernel's table. */
static void reap(struct async_process *process)
{
    if (!process->is_reaped)
        asyncp_sys_reap_process(process->end.source.fd);
    process->is_reaped = true;
}

static void free_ended(struct async_process *process)
{
    reap(process);
    close_pidfd(process);
    free_process(process);
}

/* A detached process counts as in flight, so that the loop polls for its end. */
static void free_detached(struct async_process *process)
{
    poller_release(&process->loop->poller, 1);
    free_ended(process);
}

/* Asks the kernel whether the process has ended. */
static void check_end(struct async_process *process)
{
    int status;
    if (process->status != -EINPROGRESS)
        return;
    int result = asyncp_sys_wait_process(process->end.source.fd, !process->leads_group, &status);
    if (result == PROCESS_RUNS)
        return;
    process->status = result > 0 ? status : -ECHILD;
    process->is_reaped = !process->leads_group || result != PROCESS_ENDED;
    asyncp_wake_all(&process->waiters, process->status);
}

/* The pidfd is readable. */
static void handle_end(struct pollable *pollable)
{
    struct async_process *process = CONTAINER_OF(pollable, struct async_process, end);
    pollable_drained(pollable, SIDE_READ);
    check_end(process);
    if (process->is_detached && process->status != -EINPROGRESS)
        free_detached(process);
}

/* ---- the start ------------------------------------------------------------------------------ */

static void end_process_with_loop(struct close_hook *hook);

static struct async_process *new_process(struct async_loop *loop,
                                         const async_process_options *options, const char *name)
{
    size_t bytes = sizeof(struct async_process) + strlen(name) + 1;
    struct async_process *process = memory_new(&asyncp_malloc, bytes);
    if (process == NULL)
        return NULL;
    process->loop = loop;
    process->bytes = bytes;
    process->references = 1;
    process->end.source.fd = -1;
    process->status = -EINPROGRESS;
    process->leads_group = options->own_group || options->own_session;
    process->outlives = options->outlives;
    process->stop_signal = options->stop_signal != 0 ? options->stop_signal : SIGTERM;
    process->linger = options->linger;
    process->limit = options->limit > 0 ? options->limit : DEFAULT_LIMIT;
    process->grace = options->grace > 0 ? options->grace : DEFAULT_GRACE_SECONDS;
    process->close_hook.on_close = end_process_with_loop;
    memcpy(process->name, name, strlen(name) + 1);
    loop_add_close_hook(loop, &process->close_hook);
    return process;
}

/* Not 0, 1 or 2: the program has closed these, and may open them again. */
static int move_pidfd(int pidfd)
{
    int above = pidfd <= STDERR_FILENO ? asyncp_sys_dup(pidfd) : -EEXIST;
    if (above < 0)
        return pidfd;
    asyncp_sys_close(pidfd);
    return above;
}

/* Without its end being watched, a process that was started is of no use. */
static int adopt_started(struct async_process *process, const struct spawned *spawned)
{
    int pidfd = move_pidfd(spawned->pidfd);
    process->pid = spawned->pid;
    int result = asyncp_pollable_open(process->loop, &process->end, pidfd, handle_end);
    if (result == 0) {
        pollable_drained(&process->end, SIDE_READ);
        return 0;
    }
    asyncp_sys_signal_process(pidfd, spawned->pid, SIGKILL);
    asyncp_sys_reap_process(pidfd);
    asyncp_sys_close(pidfd);
    return result;
}

static void close_pipes(struct async_process *process)
{
    for (int i = 0; i < PIPES; i++)
        async_stream_close(process->pipes[i]); /* which sets the pointer to NULL */
}

static void note_pipes(struct async_process *process)
{
    for (int i = 0; i < PIPES; i++)
        process->had_pipe[i] = process->pipes[i] != NULL;
}

static int start_process(struct async_process *process, const async_process_options *options,
                         const char *const argv[])
{
    static const char call[] = "async_create_subprocess_exec";
    struct launch launch;
    struct child_stdio stdio;
    int result = asyncp_launch_prepare(&launch, process->loop, options, argv);
    if (result == 0)
        result = asyncp_stdio_open(&stdio, process->loop, options, launch.spawn.stdio,
                                   process->pipes);
    if (result == 0) {
        note_pipes(process);
        if (asyncp_before_start != NULL)
            asyncp_before_start(process->loop);
        result = asyncp_launch_start(&launch, call);
        asyncp_stdio_close(&stdio);
    }
    if (result == 0)
        result = adopt_started(process, &launch.spawned);
    asyncp_launch_free(&launch);
    return result;
}

int asyncp_create_subprocess(async_process **out, const async_process_options *options,
                             const char *const argv[])
{
    static const char call[] = "async_create_subprocess_exec";
    struct async_loop *loop = loop_enter(call);
    OPTIONS_CHECK(options, call);
    if (out != NULL)
        *out = NULL;
    if (out == NULL || argv == NULL || argv[0] == NULL)
        return async_fail(-EINVAL, "%s: the place for the process or its program is NULL", call);
    if ((options != NULL && options->executable != NULL ? options->executable : argv[0])[0] == 0)
        return async_fail(-ENOENT, "%s: the name of the program is empty", call);
    if (loop_running(loop)->cancel_pending)
        return asyncp_fail_cancelled(loop);
    options = options != NULL ? options : &default_options;
    struct async_process *process = new_process(loop, options, argv[0]);
    if (process == NULL)
        return -ENOMEM;
    int result = start_process(process, options, argv);
    if (result < 0) {
        close_pipes(process);
        free_process(process);
        return result;
    }
    *out = process;
    return 0;
}

int async_create_subprocess_execv(async_process **process, const async_process_options *options,
                                  char *const argv[])
{
    return asyncp_create_subprocess(process, options, (const char *const *)argv);
}

int async_create_subprocess_shell(async_process **process, const async_process_options *options,
                                  const char *command)
{
    const char *const argv[] = {"/bin/sh", "-c", command, NULL};
    if (process != NULL)
        *process = NULL;
    if (command == NULL)
        return async_fail(-EINVAL, "async_create_subprocess_shell: the command is NULL");
    return asyncp_create_subprocess(process, options, argv);
}

/* ---- waiting -------------------------------------------------------------------------------- */

/* The status. A waiting task counts as in flight. */
static int wait_for_end(struct async_process *process, const char *call)
{
    struct async_loop *loop = process->loop;
    check_end(process);
    if (process->status != -EINPROGRESS)
        return process->status;
    poller_hold(&loop->poller, 1);
    int result = asyncp_wait_in_list(loop, &process->waiters, call, process, asyncp_cancel_wait);
    poller_release(&loop->poller, 1); /* the process may be freed by now */
    return result;
}

int async_process_wait(async_process *process)
{
    static const char call[] = "async_process_wait";
    struct async_loop *loop = loop_enter(call);
    asyncp_process_check(process, call);
    if (loop_running(loop)->cancel_pending)
        return asyncp_fail_cancelled(loop);
    return paced(loop, PACE_STEP, wait_for_end(process, call));
}

int async_process_returncode(const async_process *process)
{
    asyncp_process_check(process, "async_process_returncode");
    check_end(unconst(process)); /* the loop may not have polled since the end */
    return process->status;
}

pid_t async_process_pid(const async_process *process)
{
    asyncp_process_check(process, "async_process_pid");
    return process->pid;
}

int async_process_fd(const async_process *process)
{
    asyncp_process_check(process, "async_process_fd");
    return process->end.source.fd;
}

async_stream *async_process_stdin(const async_process *process)
{
    asyncp_process_check(process, "async_process_stdin");
    return process->pipes[PIPE_IN];
}

async_stream *async_process_stdout(const async_process *process)
{
    asyncp_process_check(process, "async_process_stdout");
    return process->pipes[PIPE_OUT];
}

async_stream *async_process_stderr(const async_process *process)
{
    asyncp_process_check(process, "async_process_stderr");
    return process->pipes[PIPE_ERR];
}

/* ---- signals -------------------------------------------------------------------------------- */

static int send_signal(async_process *process, int number, const char *call)
{
    asyncp_process_check(process, call);
    check_end(process);
    if (process->status != -EINPROGRESS)
        return async_fail(-ESRCH, "%s (process %d) has ended", process->name, (int)process->pid);
    int result = asyncp_sys_signal_process(process->end.source.fd, process->pid, number);
    return result < 0 ? async_fail_errno(result, "signal %d to %s (process %d)", number,
                                         process->name, (int)process->pid)
                      : 0;
}

int async_process_send_signal(async_process *process, int number)
{
    return send_signal(process, number, "async_process_send_signal");
}

int async_process_terminate(async_process *process)
{
    return send_signal(process, SIGTERM, "async_process_terminate");
}

int async_process_kill(async_process *process)
{
    return send_signal(process, SIGKILL, "async_process_kill");
}

int async_process_send_signal_group(async_process *process, int number)
{
    asyncp_process_check(process, "async_process_send_signal_group");
    if (!process->leads_group)
        return async_fail(-EINVAL, "%s (process %d) shares our group; start it with own_group",
                          process->name, (int)process->pid);
    if (process->is_reaped) /* the number may be another group's by now */
        return async_fail(-ESRCH, "%s (process %d) has ended", process->name, (int)process->pid);
    int result = asyncp_sys_signal_group(process->end.source.fd, process->pid, number);
    return result < 0 ? async_fail_errno(result, "signal %d to the group of %s (process %d)",
                                         number, process->name, (int)process->pid)
                      : 0;
}

/* ---- the end of the handle ------------------------------------------------------------------ */

/*
 * To its group, if it leads one, and to the process itself where it has left the group, or to be
 * sure of its end.
 */
static int send_to_end(struct async_process *process, int number)
{
    int result = process->leads_group ? async_process_send_signal_group(process, number) : -ESRCH;
    if (process->status == -EINPROGRESS && (result < 0 || number == SIGKILL))
        result = async_process_send_signal(process, number);
    return result;
}

/* An error other than its end is reported: the wait may be long. */
static void signal_to_end(struct async_process *process, int number)
{
    int result = send_to_end(process, number);
    if (result < 0 && result != -ESRCH)
        asyncp_report("%s; waiting for its end", async_strerror(result));
}

/* A process that is stopped gets the signal when it continues. */
static int wait_through_grace(struct async_process *process, double grace, const char *call)
{
    signal_to_end(process, process->stop_signal);
    async_ignore(send_to_end(process, SIGCONT));
    return async_no_cancel(async_timeout(grace, wait_for_end(process, call)));
}

/* Also ends the rest of its group. -ECANCELED: another task has freed or detached the process. */
static int end_with_grace(struct async_process *process, double grace, const char *call)
{
    check_end(process);
    if (process->status == -EINPROGRESS && grace > 0)
        async_ignore(wait_through_grace(process, grace, call));
    if (!process->is_freed && (process->leads_group || process->status == -EINPROGRESS))
        signal_to_end(process, SIGKILL);
    int result = process->status;
    if (!process->is_freed && result == -EINPROGRESS)
        result = async_no_cancel(wait_for_end(process, call));
    return process->is_freed ? async_fail(-ECANCELED, "the process was freed") : result;
}

static int stop_process(struct async_process *process, double grace, const char *call)
{
    asyncp_process_hold(process);
    int result = end_with_grace(process, grace, call);
    asyncp_process_release(process);
    return result;
}

int async_process_stop(async_process *process, double grace)
{
    struct async_loop *loop = loop_enter("async_process_stop");
    asyncp_process_check(process, "async_process_stop");
    if (is_not_a_number(grace))
        return async_fail(-EINVAL, "async_process_stop: grace is not a number");
    return paced(loop, PACE_STEP, stop_process(process, grace, "async_process_stop"));
}

/* In a child of fork() the process is the parent's. */
static void free_inherited(struct async_process *process)
{
    close_pipes(process);
    close_pidfd(process);
    free_process(process);
}

/* The reaper frees it if it runs. */
static void let_go(struct async_process *process)
{
    process->is_freed = true;
    close_pipes(process);
    check_end(process);
    if (process->status != -EINPROGRESS) {
        free_ended(process);
        return;
    }
    process->is_detached = true;
    poller_hold(&process->loop->poller, 1);
}

void async_process_free_wait(async_process *process)
{
    static const char call[] = "async_process_free_wait";
    if (process == NULL)
        return;
    struct async_loop *before = release_begin(process->loop, call, "the process");
    if (loop_is_inherited(process->loop)) {
        free_inherited(process);
    } else {
        close_pipes(process);
        if (!process->outlives && (process->leads_group || process->status == -EINPROGRESS)) {
            loop_enter(call);
            async_ignore(stop_process(process, process->grace, call));
        }
        asyncp_cancel_waiters(&process->waiters, call);
        let_go(process);
    }
    release_end(before);
}

void async_process_detach(async_process *process)
{
    static const char call[] = "async_process_detach";
    if (process == NULL)
        return;
    struct async_loop *before = release_begin(process->loop, call, "the process");
    asyncp_cancel_waiters(&process->waiters, call);
    if (loop_is_inherited(process->loop))
        free_inherited(process);
    else
        let_go(process);
    release_end(before);
}

static void free_orphan(struct orphan *orphan)
{
    asyncp_process_release(CONTAINER_OF(orphan, struct async_process, orphan));
}

/* It runs on, and no loop watches it any more. */
static void leave_to_reaper(struct async_process *process)
{
    list_remove(&process->close_hook.link);
    asyncp_reap_later(&process->orphan, process->end.source.fd, free_orphan);
}

/*
 * No task can wait any more: a process that is not to outlive its handle is killed. One that may
 * not be signalled runs on.
 */
static void end_process_with_loop(struct close_hook *hook)
{
    struct async_process *process = CONTAINER_OF(hook, struct async_process, close_hook);
    const struct async_loop *loop = process->loop;
    if (loop_is_inherited(loop)) {
        free_inherited(process);
        return;
    }
    check_end(process);
    bool runs = process->status == -EINPROGRESS, lives_on = process->outlives;
    if (process->is_detached)
        poller_release(&process->loop->poller, 1);
    else if (loop_is_debug(loop))
        asyncp_report("%s (process %d) was not freed before its loop", process->name,
                      (int)process->pid);
    if (!process->is_detached && !lives_on && (runs || process->leads_group))
        lives_on = send_to_end(process, SIGKILL) == -EPERM;
    if (runs && (process->is_detached || lives_on))
        leave_to_reaper(process);
    else
        free_ended(process);
}
