/*
 * timeline/encode.h: from a ring to a section of a file. Memory of the traced process is read
 * through a view, because the ring has addresses of names: of this process, or of a core.
 *
 *      file      "ASYNCTRC", a byte with the version, sections
 *      section   "LOOP", the size of the rest in 8 bytes, then numbers as LEB128 and texts
 *
 * docs/decisions/trace.md has the list of all numbers. timeline/decode.c and page.js read it.
 */
#ifndef TIMELINE_ENCODE_H
#define TIMELINE_ENCODE_H

#include "inspect/view.h"
#include "timeline/output.h"
#include "timeline/ring.h"

#define TIMELINE_MAGIC "ASYNCTRC"

enum { TIMELINE_VERSION = 1 };

#define SECTION_TAG "LOOP"

/* Why a timeline was written. */
enum timeline_end {
    TIMELINE_CLOSED,   /* the loop has ended */
    TIMELINE_EXITED,   /* the program has ended before the loop */
    TIMELINE_DEADLOCK, /* nothing can wake a task any more */
    TIMELINE_STALL,    /* a task has held the loop for long */
    TIMELINE_CRASHED,  /* read from a core */
    TIMELINE_RUNNING,  /* read from the running process */
    TIMELINE_HELD,     /* as STALL, while it lasts */
    TIMELINE_ABORTED,  /* the library ends the process after an error of the program */
    TIMELINE_ENDS
};

/* A task that has not ended when the ring is read. Addresses are those of the view. */
struct live_task {
    uint32_t task;         /* as in events */
    uint64_t name, where;  /* name: of its function */
    uint64_t own_name;     /* 0: it has no other */
    uint64_t call, object; /* of its wait; 0: it runs, is ready, or has not begun */
};

struct recording {
    const struct trace_ring *ring; /* in this process: perhaps a copy */
    uint64_t written_after;        /* position of the ring after it was copied; 0: it stood still */
    const struct view *view;
    uint32_t loop, thread;
    const char *backend;
    uint64_t now_ns; /* when it was read */
    enum timeline_end end;
    uint64_t timers, in_flight, jobs;
    const struct live_task *live;
    size_t live_count;
};

/* Begins a file. */
void asyncp_timeline_begin(struct output *output);

/* Appends a section. 0; -ENOMEM; an error of the view. */
int asyncp_timeline_encode(struct output *output, const struct recording *recording);

#endif
