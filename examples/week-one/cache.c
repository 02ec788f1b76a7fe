/*
 * cache.c: each key has a lock. The task that holds it loads the value, the others wait for the
 * lock. If the holder fails or is cancelled, the next task gets the lock and tries again.
 */
#include "cache.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 256, MAX_BYTES = 256 };

struct entry {
    struct entry *next; /* in its bucket */
    async_lock loading; /* held by the task that loads */
    bool loaded;
    char value[MAX_BYTES];
    char key[];
};

struct cache {
    cache_loader *load;
    void *argument; /* of load */
    struct entry *buckets[BUCKETS];
};

struct cache *cache_new(cache_loader *load, void *argument)
{
    struct cache *cache = calloc(1, sizeof *cache);
    if (cache != NULL)
        *cache = (struct cache){.load = load, .argument = argument};
    return cache;
}

void cache_free(struct cache *cache)
{
    for (int i = 0; cache != NULL && i < BUCKETS; i++)
        for (struct entry *entry = cache->buckets[i], *next; entry != NULL; entry = next) {
            next = entry->next;
            free(entry);
        }
    free(cache);
}

static struct entry **bucket_of(struct cache *cache, const char *key)
{
    unsigned hash = 0;
    while (*key != 0)
        hash = hash * 31 + (unsigned char)*key++;
    return &cache->buckets[hash % BUCKETS];
}

/* Finds or creates the entry. NULL: out of memory. */
static struct entry *entry_of(struct cache *cache, const char *key)
{
    struct entry **bucket = bucket_of(cache, key);
    for (struct entry *entry = *bucket; entry != NULL; entry = entry->next)
        if (strcmp(entry->key, key) == 0)
            return entry;
    struct entry *entry = calloc(1, sizeof *entry + strlen(key) + 1);
    if (entry == NULL)
        return NULL;
    strcpy(entry->key, key);
    entry->next = *bucket;
    return *bucket = entry;
}

int cache_get(struct cache *cache, const char *key, char *value, size_t size)
{
    struct entry *entry = entry_of(cache, key);
    if (entry == NULL)
        return -ENOMEM;
    ASYNC_WITH(&entry->loading);
    if (!entry->loaded) {
        ASYNC_TRY(cache->load(key, entry->value, sizeof entry->value, cache->argument));
        entry->loaded = true;
    }
    snprintf(value, size, "%s", entry->value);
    return 0;
}
