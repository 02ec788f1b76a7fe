/*
 * inspect/unwind.h: the calls on a stack that is not running, from the program's unwind tables
 * (.eh_frame), which every program has. Files are not opened.
 */
#ifndef INSPECT_UNWIND_H
#define INSPECT_UNWIND_H

#include "inspect/expression.h"
#include "inspect/view.h"

/*
 * A range of code, and its unwind table: by its sorted index (.eh_frame_hdr), or, where a static
 * program has none, the table itself (.eh_frame), which is searched.
 */
struct code_range {
    uint64_t start, end;
    uint64_t index, table; /* addresses; 0: unknown */
    size_t index_bytes, table_bytes;
    char *copy; /* of the index or the table; NULL: not read yet; owned by the unwinder */
    bool is_unreadable;
};

/* Any UNWIND_SET addresses have room in the cache together. */
enum { MAX_FRAMES = 16, UNWIND_CACHED = 64, UNWIND_SET = 8 };

/* The rules of an address, with the bytes into which they point. */
struct unwind_entry {
    uint64_t pc;
    bool is_valid;
    struct cfi_rules rules;
    uint8_t cie[CFI_MAX_ENTRY], fde[CFI_MAX_ENTRY];
};

struct unwinder {
    const struct view *view;
    struct code_range *ranges; /* owned by the caller */
    size_t range_count;
    uint64_t resume;            /* where a suspended context goes on; 0: not known here */
    struct unwind_entry *cache; /* UNWIND_CACHED of them */
    size_t copied_bytes;        /* of all tables */
    unsigned replaced;          /* counts entries that were used again */
};

/* 0 or -ENOMEM. */
int asyncp_unwinder_open(struct unwinder *unwinder, const struct view *view,
                         struct code_range *ranges, size_t range_count);
void asyncp_unwinder_close(struct unwinder *unwinder);

/*
 * The return addresses of a suspended context, the innermost first; at most MAX_FRAMES. `stack` has
 * the bytes of its stack, as far as they were read already. Returns how many: what follows an
 * unknown frame is missing.
 */
size_t asyncp_unwind(struct unwinder *unwinder, uint64_t sp, const struct piece *stack,
                     uint64_t frames[MAX_FRAMES]);

/* A frame of a suspended context. */
struct unwind_frame {
    uint64_t address; /* its return address */
    uint64_t returns; /* where that is saved */
    uint64_t sp;      /* the stack pointer of its caller: the frame ends there */
};

/* The same, with the places of the frames, which lie on one stack. */
size_t asyncp_unwind_frames(struct unwinder *unwinder, uint64_t sp,
                            struct unwind_frame frames[MAX_FRAMES]);

/* Addresses of a stack. */
struct stack_range {
    uint64_t start, size;
};

extern const struct stack_range asyncp_any_stack;

/*
 * The same for a thread that was interrupted. For an instruction that was interrupted, the first
 * one or one outside of a signal handler, the frame is its address + 1: so each frame - 1 is in the
 * instruction of the call. Frames outside of the range are left out, such as those of a signal
 * handler on its own stack. Registers that are not known may hide callers.
 */
size_t asyncp_unwind_from(struct unwinder *unwinder, const struct registers *start,
                          const struct piece *stack, const struct stack_range *range,
                          uint64_t frames[MAX_FRAMES]);

#endif
