/* inspect/sorted.c: sorts by qsort(3), and moves the items that stay to the front. */
#include "inspect/sorted.h"
#include <stdlib.h>
#include <string.h>

size_t asyncp_sort_once(void *items, size_t count, size_t size,
                        int (*compare)(const void *one, const void *other))
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
