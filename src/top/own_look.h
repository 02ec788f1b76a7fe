/*
 * top/own_look.h: a look at the loops and tasks of this process, by the same reader as the command
 * asyncio has for other ones. It allocates memory, so it is not for handlers of signals.
 */
#ifndef TOP_OWN_LOOK_H
#define TOP_OWN_LOOK_H

#include "inspect/cycles.h"
#include "inspect/known.h"
#include "inspect/process.h"
#include "show/own_places.h"
#include <stdio.h>

struct own_look {
    struct snapshot snapshot;
    struct graph graph;
    struct cycles cycles;
    struct known known;
    struct own_places places;
    struct unwinder unwinder;
    struct code_range *ranges;
    size_t range_count;
};

/* Writes a report about a look. 0 or -errno; then nothing is written. */
typedef int own_report(FILE *to, struct own_look *look, void *context);

/*
 * Takes a look and writes a report about it, in one piece: lines of other threads do not get
 * between. is_certain: the caller is the thread of the only loop that matters, which runs no task;
 * else cycles that are gone 10 ms later are left out. 0 or -errno.
 */
int asyncp_own_report(int fd, bool is_certain, own_report *report, void *context);

#endif
