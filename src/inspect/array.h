/* inspect/array.h: arrays that grow, that are sorted, and that are searched. */
#ifndef INSPECT_ARRAY_H
#define INSPECT_ARRAY_H

#include <stddef.h>

/* As that of qsort(3). */
typedef int asyncp_compare(const void *one, const void *other);

/*
 * Makes room for `count` items of a size. Returns the array, which may have moved, and sets
 * *capacity; NULL: no memory, and the array is as before.
 */
void *asyncp_array_grow(void *items, size_t *capacity, size_t count, size_t size);

/* Sorts items of a size, and removes those that are equal to the one before. Returns the count. */
size_t asyncp_array_sort_once(void *items, size_t count, size_t size, asyncp_compare *compare);

/* The index of the first item that is not before the key; `count`: all are before it. */
size_t asyncp_array_first(const void *key, const void *items, size_t count, size_t size,
                          asyncp_compare *compare);

#endif
