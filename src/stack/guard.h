/*
 * stack/guard.h: guards, which stop a stack from growing into its neighbour.
 */
#ifndef STACK_GUARD_H
#define STACK_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The smallest guard. Code compiled with -fstack-clash-protection touches large frames at distances
 * of this size and does not probe smaller frames, so it cannot jump over the guard. On aarch64 gcc
 * and clang assume guards of 64 KiB.
 */
#if defined(__aarch64__)
enum { MIN_GUARD_BYTES = 64 * 1024 };
#else
enum { MIN_GUARD_BYTES = 4096 };
#endif

enum guard {
    GUARD_LIGHT,      /* MADV_GUARD_INSTALL, Linux 6.13: needs no mapping of its own */
    GUARD_PROTECTION, /* PROT_NONE: needs a mapping of its own */
    GUARD_CANARY      /* a pattern, checked when the stack is given back */
};

/* The best kind supported by this kernel. */
enum guard asyncp_guard_best(size_t page);

/*
 * Installs guards of `size` bytes at the start of `count` slots. Returns the number of installed
 * guards. Canaries are always installed.
 */
uint32_t asyncp_guard_install(enum guard kind, char *slot, size_t slot_size, size_t size,
                              uint32_t count);

/* Whether the canary is unchanged. */
bool asyncp_guard_intact(const char *bottom);

#endif
