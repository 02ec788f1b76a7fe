/*
 * inspect/reading.h: a snapshot that is being taken: by snapshot.c, which reads the loops, and
 * chunk.c, which reads their tasks.
 */
#ifndef INSPECT_READING_H
#define INSPECT_READING_H

#include "inspect/snapshot.h"

enum { MAX_RECORDS = 256, PAGE = 4096 };

/* One look at a task. */
struct look {
    uint64_t id, name, where, coroutine;      /* of the record; coroutine 0: it has ended */
    uint64_t task, wait, sp;                  /* of the control block */
    uint64_t waiting, since_ns, call, object; /* of the wait */
    uint64_t requests, stack_log, group;
    bool throttled, claimed, cancellable;
    bool has_stack; /* the control block was read, and not left out of a core */
    bool is_whole;  /* all was read, and belongs together */
};

/* A record of the current chunk that has a task. */
struct place {
    size_t index;
    uint64_t coroutine; /* its stack is read next */
    struct look look;   /* the last one */
    bool is_open;       /* the last look may be of different moments */
    size_t piece;       /* of the reading, with its stack */
    uint32_t trace;
};

struct reading {
    struct snapshot *snapshot;
    const struct view *view;
    const struct layout *layout;
    struct unwinder *unwinder; /* NULL: none */
    bool loops_only;
    struct loop_row *loop; /* the current one */
    uint64_t future;       /* the coroutine of all futures */
    size_t records, chunk_bytes, stack_bytes;
    char *chunk, *stacks, *scratch; /* scratch: for any struct */
    size_t place_count;
    struct place places[MAX_RECORDS];
    struct piece pieces[MAX_RECORDS + 1]; /* of the chunk, and of a stack for each open place */
    uint64_t kept[MAX_RECORDS]; /* of each record of the chunk: the id of asyncp_kept_id */
};

static inline size_t size_of(const struct reading *reading, enum layout_name whole)
{
    return reading->layout->entries[whole].size;
}

static inline uint64_t get_member(const struct reading *reading, const char *bytes,
                                  enum layout_name name)
{
    return asyncp_layout_get(reading->layout, bytes, name);
}

/* The bytes of a struct, until the next call; NULL: it cannot be read. */
const char *asyncp_read_whole(const struct reading *reading, uint64_t address,
                              enum layout_name whole);

/*
 * Adds rows for the tasks of the current loop in a chunk of records. *next is the chunk behind it.
 * 0; -EFAULT: it cannot be read; -E2BIG: there are MAX_ROWS already; -ENOMEM; an error of the view.
 */
int asyncp_chunk_read(struct reading *reading, uint64_t chunk, uint64_t *next);

#endif
