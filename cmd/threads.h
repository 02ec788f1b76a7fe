/*
 * cmd/threads.h: the registers of threads: of a running process as far as the kernel tells them
 * without stopping it, of a core those of its notes; and the signal that has ended the process.
 */
#ifndef CMD_THREADS_H
#define CMD_THREADS_H

#include "cmd/subject.h"
#include "inspect/running.h"

struct subject_threads {
    struct thread_source source;
    const struct subject *subject;
};

void threads_open(struct subject_threads *threads, const struct subject *subject);

/* The signal for which a core was written. */
struct core_signal {
    int number; /* 0: none is known */
    const char *name;
    int code; /* si_code of sigaction(2) */
    bool has_address, has_sender;
    uint64_t address; /* of a fault */
    int32_t sender;   /* number of the process that has sent the signal */
    uint32_t thread;  /* that has received it */
    bool has_ended;   /* false: a debugger has written the core, and the process may have gone on */
};

/* Of a running process the number is 0. */
void threads_find_signal(const struct subject *subject, struct core_signal *signal);

#endif
