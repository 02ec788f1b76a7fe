/*
 * cmd/process.h: a running process whose tasks are looked at. It is neither stopped nor written to.
 */
#ifndef CMD_PROCESS_H
#define CMD_PROCESS_H

#include "cmd/image.h"
#include <sys/types.h>

enum { MAX_LIBRARIES = 16 };

struct process {
    struct view view;
    pid_t id;
    pid_t inner_id; /* its number in its own namespace */
    char name[64];
    struct library libraries[MAX_LIBRARIES]; /* mostly one */
    size_t library_count;
    struct code_range *ranges; /* of all loaded files */
    size_t range_count;
};

/* Finds the copies of libasyncio. After an error it has printed why, and what to do. */
int process_open(struct process *process, const char *pid);
void process_close(struct process *process);

/* Prints why the process could not be read. Returns the error. */
int process_refuse(const struct process *process, int error);

#endif
