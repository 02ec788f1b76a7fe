/*
 * inspect/snapshot.h: the loops and tasks of a process that goes on running. A row that may have
 * changed while it was read is looked at again, until two looks agree. So a row is true by itself.
 * Rows of different tasks may be of different moments.
 */
#ifndef INSPECT_SNAPSHOT_H
#define INSPECT_SNAPSHOT_H

#include "inspect/layout.h"
#include "inspect/texts.h"
#include "inspect/unwind.h"

enum row_state {
    ROW_RUNS,
    ROW_READY,
    ROW_WAITS,
    ROW_HELD_BACK, /* its group has reached its limit */
    ROW_MOVED,     /* it changed faster than it could be read */
    ROW_UNREADABLE /* its stack is not there, as in a core without it */
};

enum { MIN_OBJECT_ADDRESS = 4096 }; /* an object of a wait below it is a descriptor */

/*
 * Rows, places of tasks that have ended, and texts together. A process may lie about the number of
 * its tasks.
 */
enum { MAX_ROWS = 1 << 22 };

/* A task. Texts are indices for asyncp_texts_get. */
struct row {
    uint64_t id;
    uint64_t address;   /* of its handle */
    uint64_t coroutine; /* its address */
    uint64_t wait;      /* the address of its wait; 0: it does not wait */
    uint64_t group;     /* the group that has its handle; 0: none */
    uint64_t object;    /* what it waits for: an address, or a descriptor; 0: nothing */
    uint64_t awaited;   /* id of the task that it awaits; 0: none */
    uint64_t owner;     /* id of the task that has the lock it waits for; 0: unknown */
    int64_t since_ns;   /* the begin of its wait, by the loop's clock */
    uint32_t name, where, call;
    uint32_t trace;    /* for asyncp_snapshot_trace */
    uint32_t loop;     /* index */
    uint32_t requests; /* to cancel, not answered yet */
    enum row_state state;
    bool cannot_cancel;  /* the wait cannot be cancelled */
    uint64_t stack_size; /* bytes */
    uint64_t stack_used; /* bytes, while it does not run */
};

struct loop_row {
    uint64_t address;
    int64_t now_ns; /* its last reading of the clock */
    uint64_t created, ended, in_flight, jobs, timers;
    uint64_t current; /* the running coroutine */
    uint64_t chunks;
    uint32_t number, process, thread;
    uint32_t backend; /* a text */
    bool is_virtual;
    bool is_asleep;   /* before its tasks were looked at */
    bool in_callback; /* at the same time */
    size_t first_row, row_count;
};

struct snapshot {
    int64_t taken_ns; /* CLOCK_MONOTONIC, before the first look */
    struct loop_row *loops;
    size_t loop_count;
    struct row *rows; /* by loop, and in it by id */
    size_t row_count, row_capacity;
    size_t unreadable; /* records, chunks and loops that could not be read */
    uint64_t inside;   /* an address in the library: of an instruction, if one is known */
    struct texts texts;
    struct table traces;
    struct table kept; /* struct kept: tasks that have ended, and are in no row */
};

/* The calls on a stack as in unwind.h, the innermost first; behind the last one 0. */
struct trace {
    uint64_t frames[MAX_FRAMES];
};

/*
 * Looks at a process. `loops` is the address of its struct loops. Nothing in it is trusted. 0;
 * -ENOMEM; -EPROTO if what is there is no list of loops; an error of the view. Without an
 * unwinder the traces are empty.
 */
int asyncp_snapshot_take(struct snapshot *snapshot, const struct view *view,
                         const struct layout *layout, uint64_t loops, struct unwinder *unwinder);

/* Looks at the loops alone; the snapshot has no tasks. */
int asyncp_snapshot_take_loops(struct snapshot *snapshot, const struct view *view,
                               const struct layout *layout, uint64_t loops);

const struct trace *asyncp_snapshot_trace(const struct snapshot *snapshot, const struct row *row);

void asyncp_snapshot_free(struct snapshot *snapshot);

/*
 * Checks a table as it was read, `size` bytes, and copies it to *layout; entries that are not known
 * here are left out. 0; -EPROTO if it is damaged; -ENOTSUP if it is of another LAYOUT_MAJOR, of
 * another size of pointers, or of an older library that lacks entries.
 */
int asyncp_layout_check(struct layout *layout, const void *bytes, size_t size);

#endif
