/*
 * proc/launch.h: what a start needs, copied from the options and the environment while the task
 * still runs: another task may change the environment before the starter thread uses it.
 */
#ifndef PROC_LAUNCH_H
#define PROC_LAUNCH_H

#include "base/memory.h"
#include "sys/spawn.h"
#include <asyncio/process.h>

struct launch {
    struct spawn spawn;
    struct spawned spawned;  /* set by the start */
    const char *name;        /* for messages: argv[0] or the executable */
    const char *search_path; /* PATH; NULL: the name has a slash */
    const char **programs;   /* paths, tried in order */
    char **environment;      /* a copy of the array */
    int *kept;               /* sorted, without duplicates */
    void *block;             /* all of that memory */
    size_t block_bytes;
    struct async_loop *loop;
};

/* 0, -ENOMEM, or -EINVAL with a message. */
int asyncp_launch_prepare(struct launch *launch, struct async_loop *loop,
                          const async_process_options *options, const char *const argv[]);
void asyncp_launch_free(struct launch *launch);

/*
 * Starts the program on the starter thread of the process. 0, or an error with a message. A cancel
 * request before the start has begun refuses it; later it has no effect. Switches.
 */
int asyncp_launch_start(struct launch *launch, const char *call);

#endif
