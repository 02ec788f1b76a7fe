/*
 * sys/frames.h: the functions whose frames lie on a stack, for the message about an overflow.
 */
#ifndef SYS_FRAMES_H
#define SYS_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A return address without its signature: aarch64 may sign one, in bits that are not used. */
static inline uintptr_t return_address(uintptr_t word)
{
#if defined(__aarch64__)
    return word & (((uintptr_t)1 << 48) - 1);
#else
    return word;
#endif
}

enum { MAX_CALL_BYTES = 6 };

/*
 * Whether the code ends in a call instruction. Always true on architectures without a decoder here.
 */
bool asyncp_ends_in_call(const unsigned char code[MAX_CALL_BYTES]);

/* Writes the name of an instruction. false: it has none, and the text is unchanged. */
typedef bool frame_name(uint64_t address, char *text, size_t size);

/*
 * Reports the return addresses between sp and end: the repeated ones, or if none repeats, the
 * innermost, and some more of the program, with a question mark, because they may be left from
 * calls that have returned. Not reentrant.
 */
void asyncp_frames_report(const char *sp, const char *end, frame_name *name);

#endif
