/*
 * model/memory.h: which values a thread may read of those that other threads wrote. See memory.c.
 */
#ifndef MODEL_MEMORY_H
#define MODEL_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

enum { ANY_LAG = 1000 };

/* Loads may give values that are that many writes old, where the memory order allows it. */
void memory_begin(int lag);

/*
 * Gives an atomic its place before any thread uses it: which one is first must make no difference.
 */
void memory_place(const volatile void *address, size_t size);

/*
 * Letters are plain memory that one thread writes and another reads: here is written that it has.
 */
void memory_write_letter(int letter);

/* Whether the running thread must see the last value of this place. */
bool memory_sees_letter(int letter);

#endif
