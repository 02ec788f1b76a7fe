/*
 * cache_test.c: a unit test of the cache, on a virtual clock: each load takes an hour, and the test
 * takes no time.
 */
#include "cache.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

static int loads;

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

static int ten_ask_and_one_loads(struct cache *cache)
{
    char values[10][64];
    async_task *getters[10];
    double start = async_time();
    for (int i = 0; i < 10; i++)
        getters[i] = async_create_task(getter, cache, "k", values[i]);
    ASYNC_TRY(async_gather_n(getters, 10, NULL, ASYNC_FIRST_ERROR));
    assert(loads == 1 && async_time() - start == 3600);
    for (int i = 0; i < 10; i++)
        assert(strcmp(values[i], "<k>") == 0);
    return 0;
}
async_fn(ten_ask_and_one_loads, struct cache *);

static int the_next_loads_when_the_loader_is_cancelled(struct cache *cache)
{
    char a[64], b[64];
    async_task *first = async_create_task(getter, cache, "k", a);
    async_task *second = async_create_task(getter, cache, "k", b);
    ASYNC_TRY(async_sleep(10));
    async_task_cancel(first);
    int cancelled = async_await(first), result = async_await(second);
    assert(cancelled == -ECANCELED && async_task_cancelling(async_current_task()) == 0);
    assert(result == 0 && loads == 2 && strcmp(b, "<k>") == 0);
    assert(async_time() == 10 + 3600);
    return 0;
}
async_fn(the_next_loads_when_the_loader_is_cancelled, struct cache *);

static int keys_do_not_wait_for_each_other(struct cache *cache)
{
    char a[64], b[64];
    async_task *first = async_create_task(getter, cache, "one", a);
    async_task *second = async_create_task(getter, cache, "two", b);
    ASYNC_TRY(async_gather(first, second));
    assert(loads == 2 && async_time() == 3600 && strcmp(a, "<one>") == 0 &&
           strcmp(b, "<two>") == 0);
    return 0;
}
async_fn(keys_do_not_wait_for_each_other, struct cache *);

/* Each test has a loop and a cache of its own. */
#define RUN(test)                                                                                  \
    do {                                                                                           \
        struct cache *cache = cache_new(load_slowly, NULL);                                        \
        loads = 0;                                                                                 \
        assert(cache != NULL && async_run_with(&options, test, cache) == 0);                       \
        cache_free(cache);                                                                         \
        puts(#test);                                                                               \
    } while (0)

int main(void)
{
    async_run_options options = {.debug = true, .virtual_clock = true};
    RUN(ten_ask_and_one_loads);
    RUN(the_next_loads_when_the_loader_is_cancelled);
    RUN(keys_do_not_wait_for_each_other);
    return 0;
}
