/* inspect/array.c: the capacity is doubled; qsort(3) sorts; a search halves what is left. */
#include "inspect/array.h"
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 64 };

void *asyncp_array_grow(void *items, size_t *capacity, size_t count, size_t size)
{
    size_t wanted = *capacity > 0 ? *capacity : FIRST_CAPACITY;
    if (count <= *capacity)
        return items;
    while (wanted < count)
        wanted *= 2;
    void *moved = realloc(items, wanted * size);
    if (moved != NULL)
        *capacity = wanted;
    return moved;
}

size_t asyncp_array_sort_once(void *items, size_t count, size_t size, asyncp_compare *compare)
{
    char *bytes = items;
    size_t kept = 0;
    if (count > 0)
        qsort(items, count, size, compare);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || compare(bytes + (kept - 1) * size, bytes + i * size) != 0)
            memmove(bytes + kept++ * size, bytes + i * size, size);
    return kept;
}

size_t asyncp_array_first(const void *key, const void *items, size_t count, size_t size,
                          asyncp_compare *compare)
{
    const char *bytes = items;
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(bytes + middle * size, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
