/*
 * base/memory.c: the default allocator, which is realloc and free.
 */
#include "base/memory.h"
#include "sys/fault.h"
#include <stdlib.h>

static void *malloc_reallocate(void *context, void *block, size_t old_size, size_t new_size)
{
    (void)context;
    (void)old_size;
    if (new_size != 0)
        return fault(SITE_MALLOC) ? NULL : realloc(block, new_size);
    free(block);
    return NULL;
}

const async_allocator asyncp_malloc = {.reallocate = malloc_reallocate};
