/*
 * top/blocking.h: system calls that block a thread: their names, and the calls that do not.
 */
#ifndef TOP_BLOCKING_H
#define TOP_BLOCKING_H

#include "sys/thread_state.h"

/* "connect(2) on descriptor 7, socket:[4711]", or "a page fault, …" */
void asyncp_blocking_describe(char *text, size_t size, const struct thread_call *call);

/* What the program should do in place of the call. */
const char *asyncp_blocking_hint(const struct thread_call *call);

/* The hint for a function of libc that looks up names or addresses; NULL for any other. */
const char *asyncp_blocking_hint_by_name(const char *function);

#endif
