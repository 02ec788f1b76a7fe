/*
 * cache_test.c: a unit test of the cache, on a virtual clock: each load takes an hour, and the test
 * takes no time.
 */
#include "cache.h"
#include <asyncio/test.h>
#include <stdio.h>

static int loads; /* 0 at the begin: each test has a process of its own */

static int load_slowly(const char *key, char *value, size_t size, void *argument)
{
    (void)argument;
    loads++;
    ASYNC_TRY(async_sleep(3600));
    return snprintf(value, size, "<%s>", key);
}

static int getter(struct cache *cache, const char *key, char *value)
{
    return cache_get(cache, key, value, 64);
}
async_fn(getter, struct cache *, const char *, char *);

static void free_cache(struct cache **cache)
{
    cache_free(*cache);
}

ASYNC_TEST(ten_ask_and_one_loads)
{
    ASYNC_CLEANUP(free_cache) struct cache *cache = cache_new(load_slowly, NULL);
    char values[10][64];
    async_task *getters[10];
    for (int i = 0; i < 10; i++)
        getters[i] = async_create_task(getter, cache, "k", values[i]);
    ASYNC_TRY(async_gather_n(getters, 10, NULL, ASYNC_FIRST_ERROR));
    ASYNC_CHECK(loads == 1 && async_time() == 3600);
    for (int i = 0; i < 10; i++)
        ASYNC_CHECK_STR(values[i], "<k>");
    return 0;
}

ASYNC_TEST(the_next_loads_when_the_loader_is_cancelled)
{
    ASYNC_CLEANUP(free_cache) struct cache *cache = cache_new(load_slowly, NULL);
    char a[64], b[64];
    async_task *first = async_create_task(getter, cache, "k", a);
    ASYNC_TRY(async_sleep(5)); /* it loads */
    async_task *second = async_create_task(getter, cache, "k", b);
    ASYNC_TRY(async_sleep(5));
    async_task_cancel(first);
    ASYNC_CHECK_EQ(async_await(first), -ECANCELED);
    ASYNC_TRY(async_await(second));
    ASYNC_CHECK(loads == 2 && async_time() == 10 + 3600);
    ASYNC_CHECK_STR(b, "<k>");
    return 0;
}

ASYNC_TEST(keys_do_not_wait_for_each_other)
{
    ASYNC_CLEANUP(free_cache) struct cache *cache = cache_new(load_slowly, NULL);
    char a[64], b[64];
    async_task *first = async_create_task(getter, cache, "one", a);
    ASYNC_TRY(async_gather(first, async_create_task(getter, cache, "two", b)));
    ASYNC_CHECK(loads == 2 && async_time() == 3600);
    ASYNC_CHECK_STR(a, "<one>");
    ASYNC_CHECK_STR(b, "<two>");
    return 0;
}

ASYNC_TEST_MAIN
