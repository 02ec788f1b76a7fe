/*
 * ext/redis/src/memory.c: memory from malloc, because replies outlive their loop. It is freed with
 * free(3).
 */
#include "redis.h"
#include <stdlib.h>
#include <string.h>

void *(*redisp_realloc)(void *block, size_t size) = realloc;

void *redisp_new(size_t size)
{
    void *block = redisp_realloc(NULL, size);
    return block != NULL ? memset(block, 0, size) : NULL;
}

char *redisp_copy(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = redisp_realloc(NULL, size);
    return copy != NULL ? memcpy(copy, text, size) : NULL;
}
