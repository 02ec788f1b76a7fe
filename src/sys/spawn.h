/*
 * sys/spawn.h: starting programs, and the ends of processes by pidfd.
 *
 * The child shares the memory of its parent until it runs the program (vfork), so starting takes
 * the same time however much memory the parent has. The calling thread stands still meanwhile, for
 * milliseconds if the program must be read from the disk: call it on a thread of its own.
 */
#ifndef SYS_SPAWN_H
#define SYS_SPAWN_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { SPAWN_INHERIT = -1, SPAWN_UNSET = -1 };

/* Who the child is. */
struct spawn_identity {
    uint32_t user, group; /* UINT32_MAX: unchanged */
    const uint32_t *groups;
    size_t group_count; /* SIZE_MAX: unchanged */
};

struct spawn {
    const char *const *programs; /* paths, tried in order; ended by NULL */
    char *const *arguments;
    char *const *environment;
    const char *directory; /* NULL: the parent's */
    int stdio[3];          /* become 0, 1 and 2; SPAWN_INHERIT: the parent's */
    const int *kept;       /* also stay open, under their numbers; in ascending order, above 2 */
    size_t kept_count;
    bool keeps_all;         /* all descriptors without FD_CLOEXEC stay open */
    bool new_session;       /* setsid */
    pid_t group;            /* of the child; 0: a new one; SPAWN_UNSET: the parent's */
    bool controls_terminal; /* descriptor 0 becomes the controlling terminal */
    bool takes_foreground;  /* its group becomes the foreground group of descriptor 0 */
    bool dies_with_parent;  /* SIGKILL when the calling thread ends */
    int mode_mask;          /* umask; SPAWN_UNSET: the parent's */
    struct spawn_identity identity;
};

/* The step in which a start has failed. */
enum spawn_step {
    SPAWN_CLONE,
    SPAWN_STDIO,
    SPAWN_SESSION,
    SPAWN_TERMINAL,
    SPAWN_IDENTITY,
    SPAWN_DIRECTORY,
    SPAWN_DESCRIPTORS,
    SPAWN_EXEC
};

struct spawned {
    pid_t pid;
    int pidfd;
    enum spawn_step step; /* if the start has failed */
    int program;          /* of a failure in SPAWN_EXEC: index in programs */
};

/*
 * Starts a program. All signals have their default action in it, but for SIGINT, SIGQUIT and SIGHUP
 * if they are ignored here; none is blocked. 0; -errno, and no process is left. One call at a time.
 */
int asyncp_sys_spawn(const struct spawn *spawn, struct spawned *spawned);

enum process_state {
    PROCESS_RUNS,
    PROCESS_ENDED, /* *status is set */
    PROCESS_REAPED /* the same, and another waiter had removed it from the kernel's table */
};

/*
 * The state of the process, and its status as of waitpid(2). reap: it is removed from the kernel's
 * table. -ECHILD: another waiter has taken the status, and the kernel does not keep it (before
 * Linux 6.15).
 */
int asyncp_sys_wait_process(int pidfd, bool reap, int *status);

/* Waits until the process has ended, and removes it. For a process that was killed. */
void asyncp_sys_reap_process(int pidfd);

/* Sends a signal to the process, which we have not reaped. -ESRCH: another waiter has. */
int asyncp_sys_signal_process(int pidfd, pid_t pid, int number);

/* Sends a signal to the group of that leader, which is not reaped. */
int asyncp_sys_signal_group(int pidfd, pid_t leader, int number);

#endif
