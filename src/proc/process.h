/*
 * proc/process.h: a process: its pidfd, its status, the tasks waiting for its end, and our ends of
 * its pipes.
 *
 * A process that leads a group stays in the kernel's table after its end (a zombie) until its
 * handle is freed: as long as it is there, no other group gets the same number. Every other process
 * is reaped at its end.
 */
#ifndef PROC_PROCESS_H
#define PROC_PROCESS_H

#include "io/pollable.h"
#include "proc/capture.h"
#include "proc/reaper.h"
#include "sched/close_hook.h"
#include <asyncio/process.h>

enum process_pipe { PIPE_IN, PIPE_OUT, PIPE_ERR, PIPES };

/* Only process.c and communicate.c touch the fields. */
struct async_process {
    struct async_loop *loop;
    struct pollable end; /* the pidfd; -1: it was closed */
    pid_t pid;
    int status; /* as of waitpid(2); -EINPROGRESS: it runs; -ECHILD: unknown */
    bool leads_group;
    bool is_reaped;
    bool is_detached;    /* its handle was given up: it frees itself at its end */
    bool is_freed;       /* so did the program; a call that still uses it fails */
    uint32_t references; /* of the handle, and of calls that use the process beyond a wait */
    bool outlives;
    int stop_signal;
    double grace;
    struct list waiters;
    double linger;
    size_t limit;
    struct communication communication; /* communicate.c's */
    bool is_communicating;              /* so is this */
    struct async_stream *pipes[PIPES];  /* NULL: no pipe, or it was closed */
    bool had_pipe[PIPES];
    struct close_hook close_hook;
    struct orphan orphan; /* for a process that outlives the loop */
    size_t bytes;         /* of the struct with its name */
    char name[];          /* argv[0], for messages */
};

/*
 * Called in a task before each start, with its loop: what the program has written to its standard
 * streams comes before the output of the process. NULL: it has not used them. May switch.
 */
extern void (*asyncp_before_start)(struct async_loop *loop);

/* For a call during which the process may be freed: its memory stays until the release. */
void asyncp_process_hold(struct async_process *process);
void asyncp_process_release(struct async_process *process);

/* Ends the program unless the process may be used here. */
void asyncp_process_check(const async_process *process, const char *call);

#endif
