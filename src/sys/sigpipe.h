/*
 * sys/sigpipe.h: for the files of src/sys: SIGPIPE is kept from the program around calls that have
 * no flag for it.
 */
#ifndef SYS_SIGPIPE_H
#define SYS_SIGPIPE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

struct blocked_sigpipe {
    sigset_t sigpipe;  /* SIGPIPE alone */
    sigset_t old_mask; /* the thread's signal mask before */
    bool is_blocked;
    bool must_clear; /* none was pending before, so a later one came from the call */
};

void asyncp_sigpipe_block(struct blocked_sigpipe *blocked);

/* result: of the call, which was to move `size` bytes. */
void asyncp_sigpipe_unblock(const struct blocked_sigpipe *blocked, long result, size_t size);

#endif
