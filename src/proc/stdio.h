/*
 * proc/stdio.h: the standard streams of a new process: pipes, /dev/null and given descriptors.
 */
#ifndef PROC_STDIO_H
#define PROC_STDIO_H

#include "base/list.h"
#include <asyncio/process.h>

struct async_loop;

/* Descriptors for the child alone, which the parent closes after the start. */
struct child_stdio {
    int opened[3];
    int count;
};

/*
 * Opens what the options say. child[i] becomes descriptor i of the process, or is SPAWN_INHERIT;
 * streams[i] is our end, if it is a pipe, and becomes NULL when it is closed. 0, or an error with a
 * message; then nothing of the child's is left open, but streams may be.
 */
int asyncp_stdio_open(struct child_stdio *stdio, struct async_loop *loop,
                      const async_process_options *options, int child[3],
                      struct async_stream *streams[3]);
void asyncp_stdio_close(struct child_stdio *stdio);

#endif
