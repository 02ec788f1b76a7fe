/*
 * sys/spawn.c: the child between clone(2) and execve(2). It runs on a stack of its own in the
 * memory of its parent, whose calling thread stands still until the program runs or the child has
 * ended. So the child makes system calls only, and libc's wrappers of calls that change the whole
 * process (setresuid) or that sanitizers replace (sigaction, dup2) are avoided.
 *
 * Emulators (qemu-user, valgrind) make a real fork of it: the memory is a copy, and the parent goes
 * on. The child then reports a failure through a pipe that the program does not inherit.
 */
#include "sys/spawn.h"
#include "sys/call.h"
#include "sys/number.h"
#include "sys/thread.h"
#include "sys/tools.h"
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_STACK_BYTES = 64 * 1024, SIGNAL_COUNT = 64, FIRST_KEPT = 3, EXEC_FAILED = 127 };

/* Bytes of the kernel's signal set, and of its struct sigaction at most. */
#ifdef __mips__
enum { KERNEL_SIGSET_BYTES = 16 };
#else
enum { KERNEL_SIGSET_BYTES = 8 };
#endif
static const uint64_t zeros[8]; /* an empty signal set; or SIG_DFL with an empty mask */

/* What the child tells its parent. */
struct report {
    int error; /* 0: none */
    enum spawn_step step;
    int program;
};

struct child {
    const struct spawn *spawn;
    struct report report;
    bool shares_memory;         /* set by the child */
    bool ignored[SIGNAL_COUNT]; /* by number - 1: stays ignored */
    pid_t parent;
    int report_fd; /* the end to write to; -1: none */
};

/* Learned by the first start. */
static enum { MEMORY_UNKNOWN, MEMORY_SHARED, MEMORY_COPIED } memory_of_child;

/* ---- the child ------------------------------------------------------------------------------ */

/* ThreadSanitizer's _exit would wait for a second, and work on the parent's memory. */
TOOLS_NO_CHECKS _Noreturn static void exit_child(void)
{
    for (;;)
        syscall(SYS_exit_group, EXEC_FAILED);
}

TOOLS_NO_CHECKS _Noreturn static void fail_child(struct child *child, enum spawn_step step,
                                                 int program)
{
    const struct report report = {.error = errno, .step = step, .program = program};
    const void *bytes = &report;
    child->report = report;
    if (child->report_fd < 0 || write(child->report_fd, bytes, sizeof report) < 0)
        exit_child();
    exit_child();
}

TOOLS_NO_CHECKS static void check_step(struct child *child, enum spawn_step step, long result)
{
    if (result < 0)
        fail_child(child, step, 0);
}

/* No handler of the parent may run in its memory when the mask is emptied. */
TOOLS_NO_CHECKS static void reset_signals(const struct child *child)
{
    for (int number = 1; number <= SIGNAL_COUNT; number++)
        if (!child->ignored[number - 1])
            syscall(SYS_rt_sigaction, number, zeros, NULL, KERNEL_SIGSET_BYTES);
}

/* Descriptors that are to become 0, 1 and 2 are first moved out of the way. */
TOOLS_NO_CHECKS static void place_stdio(struct child *child)
{
    int from[3];
    for (int i = 0; i < 3; i++) {
        from[i] = child->spawn->stdio[i];
        if (from[i] >= 0 && from[i] < FIRST_KEPT && from[i] != i)
            check_step(child, SPAWN_STDIO, from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, FIRST_KEPT));
    }
    for (int i = 0; i < 3; i++) {
        if (from[i] == i)
            check_step(child, SPAWN_STDIO, fcntl(i, F_SETFD, 0));
        else if (from[i] >= 0)
            check_step(child, SPAWN_STDIO, syscall(SYS_dup3, from[i], i, 0));
    }
}

TOOLS_NO_CHECKS static void enter_session(struct child *child)
{
    const struct spawn *spawn = child->spawn;
    if (spawn->new_session)
        check_step(child, SPAWN_SESSION, setsid());
    else if (spawn->group != SPAWN_UNSET)
        check_step(child, SPAWN_SESSION, setpgid(0, spawn->group));
}

TOOLS_NO_CHECKS static void take_terminal(struct child *child)
{
    if (child->spawn->controls_terminal)
        check_step(child, SPAWN_TERMINAL, ioctl(0, TIOCSCTTY, 0));
    if (child->spawn->takes_foreground)
        check_step(child, SPAWN_TERMINAL, tcsetpgrp(0, getpgrp()));
}

#ifdef SYS_setresuid32
enum { CALL_GROUPS = SYS_setgroups32, CALL_GROUP = SYS_setresgid32, CALL_USER = SYS_setresuid32 };
#else
enum { CALL_GROUPS = SYS_setgroups, CALL_GROUP = SYS_setresgid, CALL_USER = SYS_setresuid };
#endif

TOOLS_NO_CHECKS static void change_identity(struct child *child)
{
    const struct spawn_identity *identity = &child->spawn->identity;
    if (identity->group_count != SIZE_MAX)
        check_step(child, SPAWN_IDENTITY,
                   syscall(CALL_GROUPS, identity->group_count, identity->groups));
    if (identity->group != UINT32_MAX)
        check_step(child, SPAWN_IDENTITY,
                   syscall(CALL_GROUP, identity->group, identity->group, identity->group));
    if (identity->user != UINT32_MAX)
        check_step(child, SPAWN_IDENTITY,
                   syscall(CALL_USER, identity->user, identity->user, identity->user));
}

/* Without close_range(2): one number after the other. */
TOOLS_NO_CHECKS static void close_each(unsigned first, unsigned last)
{
    long limit = sysconf(_SC_OPEN_MAX);
    unsigned end = limit > 0 && limit < INT_MAX ? (unsigned)limit : 65536;
    for (unsigned fd = first; fd <= last && fd < end; fd++)
        syscall(SYS_close, fd);
}

TOOLS_NO_CHECKS static void close_between(unsigned first, unsigned last)
{
    if (first <= last && syscall(CALL_CLOSE_RANGE, first, last, 0) < 0)
        close_each(first, last);
}

/* Closes everything from 3 except the kept ones and the pipe of the report. */
TOOLS_NO_CHECKS static void close_others(struct child *child)
{
    const struct spawn *spawn = child->spawn;
    unsigned next = FIRST_KEPT;
    bool report_is_open = child->report_fd >= 0;
    for (size_t i = 0; i <= spawn->kept_count; i++) {
        unsigned kept = i < spawn->kept_count ? (unsigned)spawn->kept[i] : UINT_MAX;
        if (report_is_open && (unsigned)child->report_fd < kept) {
            close_between(next, (unsigned)child->report_fd - 1);
            next = (unsigned)child->report_fd + 1;
            report_is_open = false;
        }
        if (kept == UINT_MAX)
            close_between(next, UINT_MAX);
        else if (kept > next)
            close_between(next, kept - 1);
        next = kept + 1;
    }
}

TOOLS_NO_CHECKS static void inherit_descriptors(struct child *child)
{
    const struct spawn *spawn = child->spawn;
    if (!spawn->keeps_all)
        close_others(child);
    for (size_t i = 0; i < spawn->kept_count; i++)
        check_step(child, SPAWN_DESCRIPTORS, fcntl(spawn->kept[i], F_SETFD, 0));
}

/* The parent may have ended before the request. */
TOOLS_NO_CHECKS static void die_with_parent(const struct child *child)
{
    if (!child->spawn->dies_with_parent)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != child->parent)
        exit_child();
}

/* Of several errors, the first that is not a missing file counts. */
TOOLS_NO_CHECKS _Noreturn static void run_program(struct child *child)
{
    const struct spawn *spawn = child->spawn;
    int error = ENOENT, program = 0;
    for (int i = 0; spawn->programs[i] != NULL; i++) {
        execve(spawn->programs[i], spawn->arguments, spawn->environment);
        if (errno != ENOENT && errno != ENOTDIR && error == ENOENT) {
            error = errno;
            program = i;
        }
    }
    errno = error;
    fail_child(child, SPAWN_EXEC, program);
}

TOOLS_NO_CHECKS static int run_child(void *argument)
{
    struct child *child = argument;
    const struct spawn *spawn = child->spawn;
    child->shares_memory = true;
    reset_signals(child);
    place_stdio(child);
    enter_session(child);
    take_terminal(child);
    if (spawn->directory != NULL)
        check_step(child, SPAWN_DIRECTORY, chdir(spawn->directory));
    if (spawn->mode_mask != SPAWN_UNSET)
        umask((mode_t)spawn->mode_mask);
    change_identity(child);
    die_with_parent(child); /* after a change of the user, which takes it back */
    inherit_descriptors(child);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, zeros, NULL, KERNEL_SIGSET_BYTES);
    run_program(child);
}

/* ---- the parent ----------------------------------------------------------------------------- */

static void find_ignored(struct child *child)
{
    static const int kept[] = {SIGINT, SIGQUIT, SIGHUP};
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        struct sigaction action;
        child->ignored[kept[i] - 1] = sigaction(kept[i], NULL, &action) == 0 &&
                                      (action.sa_flags & SA_SIGINFO) == 0 &&
                                      action.sa_handler == SIG_IGN;
    }
}

/* A pipe whose end to write to is above 2. */
static int open_report(int ends[2])
{
    int result = (int)SYS_CALL(SITE_PIPE, pipe2(ends, O_CLOEXEC));
    if (result < 0)
        return result;
    int above = (int)sys_result(fcntl(ends[1], F_DUPFD_CLOEXEC, FIRST_KEPT));
    close(ends[1]);
    ends[1] = above;
    if (above < 0)
        close(ends[0]);
    return above < 0 ? above : 0;
}

/* ThreadSanitizer takes clone for a fork; glibc has it under a second name. */
#if ASYNC_TSAN
int __clone(int (*function)(void *), void *stack, int flags, void *argument, ...);
#define clone __clone
#endif

/* Without CLONE_PIDFD, which emulators refuse, a pidfd is opened afterwards. */
static int clone_child(struct child *child, struct spawned *spawned)
{
    static _Alignas(64) char stack[CHILD_STACK_BYTES];
    const int flags = CLONE_VM | CLONE_VFORK | SIGCHLD;
    spawned->pidfd = -1;
    spawned->pid = (pid_t)SYS_CALL(SITE_SPAWN, clone(run_child, stack + sizeof stack,
                                                     flags | CLONE_PIDFD, child, &spawned->pidfd));
    if (spawned->pid != -EINVAL)
        return spawned->pid;
    spawned->pid = (pid_t)SYS_CALL(SITE_SPAWN,
                                   clone(run_child, stack + sizeof stack, flags, child));
    if (spawned->pid < 0)
        return spawned->pid;
    spawned->pidfd = (int)SYS_CALL(SITE_PIDFD_OPEN, syscall(CALL_PIDFD_OPEN, spawned->pid, 0));
    return spawned->pid;
}

/* No handler may run in the child, and none here: the child uses our memory. */
static int clone_with_signals_blocked(struct child *child, struct spawned *spawned)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int result = clone_child(child, spawned);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

/* In a fork, the end of the pipe tells that the program runs. */
static void read_report(struct child *child, int fd)
{
    ssize_t size;
    do
        size = read(fd, &child->report, sizeof child->report);
    while (size < 0 && errno == EINTR);
    if (size != sizeof child->report)
        child->report.error = 0;
}

static void reap_failed_child(const struct spawned *spawned)
{
    int status;
    while (waitpid(spawned->pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (spawned->pidfd >= 0)
        close(spawned->pidfd);
}

/* Of a child that was cloned. 0 or -errno; then it is reaped. */
static int take_report(struct child *child, struct spawned *spawned, int report_fd)
{
    memory_of_child = child->shares_memory ? MEMORY_SHARED : MEMORY_COPIED;
    if (memory_of_child == MEMORY_COPIED)
        read_report(child, report_fd);
    if (child->report.error == 0 && spawned->pidfd < 0) {
        child->report = (struct report){.error = -spawned->pidfd, .step = SPAWN_CLONE};
        kill(spawned->pid, SIGKILL);
    }
    if (child->report.error == 0)
        return 0;
    reap_failed_child(spawned);
    spawned->step = child->report.step;
    spawned->program = child->report.program;
    return -child->report.error;
}

int asyncp_sys_spawn(const struct spawn *spawn, struct spawned *spawned)
{
    struct child child = {.spawn = spawn, .report_fd = -1, .parent = getpid()};
    int ends[2] = {-1, -1};
    *spawned = (struct spawned){.pid = -1, .pidfd = -1, .step = SPAWN_CLONE};
    if (memory_of_child != MEMORY_SHARED) {
        int result = open_report(ends);
        if (result < 0)
            return result;
        child.report_fd = ends[1];
    }
    find_ignored(&child);
    int result = clone_with_signals_blocked(&child, spawned);
    if (ends[1] >= 0)
        close(ends[1]);
    if (result > 0)
        result = take_report(&child, spawned, ends[0]);
    if (ends[0] >= 0)
        close(ends[0]);
    return result;
}

/* ---- ends ----------------------------------------------------------------------------------- */

/* The kernel's struct pidfd_info in its first version, and what is asked of it. */
struct pidfd_info_of_kernel {
    uint64_t mask, cgroup;
    uint32_t pids[3], ids[8];
    int32_t exit_code;
};
enum { INFO_EXIT = 1 << 3 }; /* Linux 6.15 */
#define GET_PIDFD_INFO _IOWR(0xFF, 11, struct pidfd_info_of_kernel)

/* The status of a process that was reaped by another waiter. PROCESS_REAPED or -ECHILD. */
static int ask_for_status(int pidfd, int *status)
{
    struct pidfd_info_of_kernel info = {.mask = INFO_EXIT};
    if (sys_ioctl(pidfd, GET_PIDFD_INFO, &info) < 0 || (info.mask & INFO_EXIT) == 0)
        return -ECHILD;
    *status = info.exit_code;
    return PROCESS_REAPED;
}

/* The inverse of WIFEXITED and its kin. */
static int status_of(const siginfo_t *info)
{
    enum { CORE = 0x80, EXIT_SHIFT = 8, EXIT_MASK = 0xff };
    if (info->si_code == CLD_EXITED)
        return (info->si_status & EXIT_MASK) << EXIT_SHIFT;
    return info->si_status | (info->si_code == CLD_DUMPED ? CORE : 0);
}

static int wait_for_process(int pidfd, int options, int *status)
{
    enum { ID_IS_PIDFD = 3 }; /* P_PIDFD, which not every libc defines */
    siginfo_t info = {0};
    int result;
    do
        result = (int)SYS_CALL(SITE_WAIT_PROCESS, waitid((idtype_t)ID_IS_PIDFD, (id_t)pidfd, &info,
                                                         WEXITED | options));
    while (result == -EINTR);
    if (result == -ECHILD)
        return ask_for_status(pidfd, status);
    if (result < 0 || info.si_pid == 0)
        return result < 0 ? result : PROCESS_RUNS;
    *status = status_of(&info);
    return PROCESS_ENDED;
}

int asyncp_sys_wait_process(int pidfd, bool reap, int *status)
{
    return wait_for_process(pidfd, WNOHANG | (reap ? 0 : WNOWAIT), status);
}

void asyncp_sys_reap_process(int pidfd)
{
    int status;
    wait_for_process(pidfd, 0, &status);
}

/* Valgrind does not know the call, or a filter denies it: an error that kill(2) may not have. */
static bool may_be_missing(int error)
{
    return error == -ENOSYS || error == -EPERM || error == -EACCES;
}

static int signal_by_pidfd(int pidfd, int number, unsigned flags)
{
    static _Atomic bool is_missing;
    if (is_missing)
        return -ENOSYS;
    int result = (int)SYS_CALL(SITE_SIGNAL_PROCESS,
                               syscall(CALL_PIDFD_SEND_SIGNAL, pidfd, number, NULL, flags));
    is_missing = result == -ENOSYS;
    return result;
}

int asyncp_sys_signal_process(int pidfd, pid_t pid, int number)
{
    int result = signal_by_pidfd(pidfd, number, 0);
    return may_be_missing(result) ? (int)sys_result(kill(pid, number)) : result;
}

int asyncp_sys_signal_group(int pidfd, pid_t leader, int number)
{
    enum { TO_GROUP = 4 }; /* PIDFD_SIGNAL_PROCESS_GROUP, Linux 6.9 */
    int result = signal_by_pidfd(pidfd, number, TO_GROUP);
    bool try_number = may_be_missing(result) || result == -EINVAL; /* of the flag, before 6.9 */
    return try_number ? (int)sys_result(kill(-leader, number)) : result;
}
