/*
 * base/hash.h: the hash of byte strings for the library's small tables (djb2).
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

static inline uint32_t hash_bytes(const void *bytes, size_t size)
{
    uint32_t hash = 5381;
    for (size_t i = 0; i < size; i++)
        hash = hash * 33 + ((const unsigned char *)bytes)[i];
    return hash;
}

#endif
