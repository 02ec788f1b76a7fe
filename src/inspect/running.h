/*
 * inspect/running.h: the calls of tasks that run, or ran when their process ended, and of threads:
 * from the registers of the threads.
 */
#ifndef INSPECT_RUNNING_H
#define INSPECT_RUNNING_H

#include "inspect/snapshot.h"

/* Where the registers of threads come from. */
struct thread_source {
    /*
     * Reads the registers of a thread, as far as they are known; that is, at least the program
     * counter and the stack pointer. false: they are not known, for example because it runs.
     */
    bool (*read)(const struct thread_source *source, uint32_t thread, struct registers *registers);
};

/*
 * Sets the traces of the tasks that run. The trace of a task stays empty if its thread goes on
 * meanwhile, or is on another stack. 0 or -ENOMEM.
 */
int asyncp_running_find(struct snapshot *snapshot, struct unwinder *unwinder,
                        const struct thread_source *source);

/* *index: of the trace of a thread that may run no task. 0 or -ENOMEM. */
int asyncp_running_find_thread(struct snapshot *snapshot, struct unwinder *unwinder,
                               const struct thread_source *source, uint32_t thread,
                               uint32_t *index);

#endif
