/*
 * cache.h: a cache whose values take long to load. Whoever asks for a value that is being loaded
 * waits for it.
 */
#ifndef CACHE_H
#define CACHE_H

#include <asyncio.h>

struct cache;

/*
 * Loads the value of a key into value[0..size), as a string, and returns 0 or more; or -errno.
 * Switches.
 */
typedef int cache_loader(const char *key, char *value, size_t size, void *argument);

/* NULL: out of memory. Never switches. */
struct cache *cache_new(cache_loader *load, void *argument);

/* Takes the cache, which nobody may be using. NULL is nothing. Never switches. */
void cache_free(struct cache *cache);

/*
 * Copies the value of the key, loading it unless that was done. An error of the loader is given to
 * the one who asked and is not kept: those who waited for that value try in turn, also when the one
 * who was loading is cancelled. Switches.
 */
ASYNC_MUST int cache_get(struct cache *cache, const char *key, char *value, size_t size);

#endif
