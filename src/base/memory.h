/*
 * base/memory.h: allocation. One function of the user allocates, resizes and frees, and receives
 * the sizes. All heap memory of the library goes through it, so a program can count, place or
 * refuse it.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <asyncio/base.h>
#include <stdint.h>
#include <string.h>

/* The default allocator: realloc and free. */
extern const async_allocator asyncp_malloc;

/* The user's allocator, or the default for NULL and {0}. */
static inline async_allocator memory_from(const async_allocator *given)
{
    return given != NULL && given->reallocate != NULL ? *given : asyncp_malloc;
}

static inline void *memory_resize(const async_allocator *memory, void *block, size_t old_size,
                                  size_t new_size)
{
    return memory->reallocate(memory->context, block, old_size, new_size);
}

/* Zeroed memory, or NULL. */
static inline void *memory_new(const async_allocator *memory, size_t size)
{
    void *block = memory_resize(memory, NULL, 0, size);
    return block != NULL ? memset(block, 0, size) : NULL;
}

/* memcpy, inlined for the most frequent sizes of items and arguments. */
static inline void memory_copy(void *to, const void *from, size_t size)
{
    if (size == sizeof(uint64_t))
        memcpy(to, from, sizeof(uint64_t));
    else if (size == sizeof(uint32_t))
        memcpy(to, from, sizeof(uint32_t));
    else
        memcpy(to, from, size);
}

static inline void memory_free(const async_allocator *memory, void *block, size_t size)
{
    if (block != NULL)
        memory->reallocate(memory->context, block, size, 0);
}

#endif
