/* inspect/sorted.h: sorts arrays that are searched later, and that have each item once. */
#ifndef INSPECT_SORTED_H
#define INSPECT_SORTED_H

#include <stddef.h>

/* Sorts items of a size, and removes those that are equal to the one before. Returns the count. */
size_t asyncp_sort_once(void *items, size_t count, size_t size,
                        int (*compare)(const void *one, const void *other));

#endif
