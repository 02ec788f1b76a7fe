/*
 * timeline/decode.h: the sections of a file as arrays: the model of the verdict, the page and the
 * other pictures. A file may be cut off or damaged: indices are checked, so users of the arrays
 * need not.
 */
#ifndef TIMELINE_DECODE_H
#define TIMELINE_DECODE_H

#include "timeline/encode.h"

struct timeline_event {
    uint64_t at_ns; /* since the begin of the timeline */
    uint32_t task;  /* index */
    uint32_t wait;  /* WAIT: index */
    uint8_t kind;   /* enum event_kind */
    uint8_t flags;
};

struct timeline_task {
    uint32_t id;      /* 0: the loop itself */
    const char *name; /* its own, else that of its function; "" if unknown */
    const char *function, *where;
    int error;    /* -errno with which it has ended; 0: none */
    bool is_live; /* it has not ended */
    bool has_events;
    uint32_t wait; /* live: index + 1 of its wait; 0: it runs, is ready or has not begun */
};

struct timeline_wait {
    const char *call;
    uint64_t object; /* an address; below MIN_OBJECT_ADDRESS a descriptor, 0: none */
};

struct timeline {
    uint32_t loop, thread;
    bool is_virtual;
    enum timeline_end end;
    uint64_t begin_ns; /* by the loop's clock */
    uint64_t length_ns;
    uint64_t lost; /* about so many events were overwritten before */
    uint64_t timers, in_flight, jobs;
    const char *backend;
    const char **texts;
    struct timeline_task *tasks; /* the first one is the loop */
    struct timeline_wait *waits;
    struct timeline_event *events; /* by time */
    size_t text_count, task_count, wait_count, event_count;
    char *memory; /* of the texts */
};

enum { TIMELINE_OBJECT_ADDRESS = 4096 };

/* Whether the bytes begin as a file; *offset is that of its first section then. */
bool asyncp_timeline_is_file(const void *bytes, size_t size, size_t *offset);

/*
 * Reads the section at *offset and moves *offset behind it. 1; 0: there is no more; -EPROTO: it is
 * damaged or cut off; -ENOMEM.
 */
int asyncp_timeline_decode(struct timeline *timeline, const void *bytes, size_t size,
                           size_t *offset);

void asyncp_timeline_free(struct timeline *timeline);

#endif
