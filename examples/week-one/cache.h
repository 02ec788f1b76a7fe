/*
 * cache.h: a cache for values that take long to load. A task that asks for a value which another
 * task is loading waits for it.
 */
#ifndef CACHE_H
#define CACHE_H

#include <asyncio.h>

struct cache;

/*
 * Loads the value of a key into value[0..size), as a string.
 *
 * Returns 0 or more, or -errno.
 * Switches.
 */
typedef int cache_loader(const char *key, char *value, size_t size, void *argument);

/* Returns NULL if out of memory. Never switches. */
struct cache *cache_new(cache_loader *load, void *argument);

/* Frees the cache, which no task may be using. NULL is ignored. Never switches. */
void cache_free(struct cache *cache);

/*
 * Copies the value of the key, after loading it if necessary.
 *
 * Errors are not cached: if loading fails or the loading task is cancelled, the next waiting task
 * loads the value.
 *
 * Returns 0, or the error of the loader; -ENOMEM.
 * Switches.
 */
ASYNC_MUST int cache_get(struct cache *cache, const char *key, char *value, size_t size);

#endif
