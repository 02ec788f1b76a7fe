/*
 * net/copy.h: copies of several things in one block of memory, one after the other, each aligned.
 */
#ifndef NET_COPY_H
#define NET_COPY_H

#include <stddef.h>
#include <string.h>

/* The bytes taken by a copy in the block. */
static inline size_t copy_size(size_t size)
{
    const size_t alignment = _Alignof(max_align_t);
    return (size + alignment - 1) / alignment * alignment;
}

/* Copies to *rest, which is advanced, and returns the copy. NULL stays NULL. */
static inline void *copy_to(char **rest, const void *bytes, size_t size)
{
    if (bytes == NULL)
        return NULL;
    void *copy = memcpy(*rest, bytes, size);
    *rest += copy_size(size);
    return copy;
}

#endif
