/*
 * sched/program_frames.h: where the frames of the program begin on the stack of a suspended task:
 * above those of the call of the library in which it waits. For the checks of debug mode.
 */
#ifndef SCHED_PROGRAM_FRAMES_H
#define SCHED_PROGRAM_FRAMES_H

#include "show/library_frames.h"
#include <stddef.h>
#include <stdint.h>

struct async_loop;
struct coroutine;

enum { KNOWN_CALLS = 64 };

/* A word on a stack: a return address. */
struct known_return {
    uint32_t offset; /* from the stack pointer */
    uintptr_t word;
};

/* The frames of the library in a call that was looked at. */
struct known_call {
    uint32_t count; /* of the returns; 0: the place is free */
    uint32_t bytes; /* from the stack pointer to the frames of the program */
    struct known_return returns[MAX_LIBRARY_FRAMES];
};

struct known_calls {
    struct known_call calls[KNOWN_CALLS];
    uint32_t added;
    uint32_t failures; /* looks that have found nothing */
};

/*
 * The lowest address in frames of the program on the stack of a suspended task: memory below
 * belongs to the library, or to functions that have returned. If the frames are not known, this is
 * the stack pointer.
 */
const char *asyncp_program_frames(struct async_loop *loop, const struct coroutine *suspended);

void asyncp_program_frames_close(struct async_loop *loop);

#endif
