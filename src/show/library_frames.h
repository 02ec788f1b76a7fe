/*
 * show/library_frames.h: the frames of the library on the stack of a suspended task of this
 * process, from the innermost one to the one that the program has called.
 */
#ifndef SHOW_LIBRARY_FRAMES_H
#define SHOW_LIBRARY_FRAMES_H

#include <stddef.h>
#include <stdint.h>

enum { MAX_LIBRARY_FRAMES = 8 };

/* A frame of the library; offsets from the stack pointer of the task. */
struct library_frame {
    uint32_t returns; /* where its return address is */
    uint32_t end;     /* the stack pointer of its caller: its last byte is below */
};

/*
 * Finds the frames on a stack of `size` bytes above the stack pointer. resume is
 * asyncp_switch_resume, or 0. Returns how many; with more than MAX_LIBRARY_FRAMES the outer ones
 * are left out. 0: they cannot be found, or there is no memory.
 */
size_t asyncp_find_library_frames(uint64_t resume, uint64_t sp, size_t size,
                                  struct library_frame frames[MAX_LIBRARY_FRAMES]);

#endif
