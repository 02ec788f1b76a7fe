/*
 * test_decode.c: that files that were cut off or damaged are refused, or shown as far as they are
 * whole. The sanitizers see each access.
 */
#include "run/runner.h"
#include "timeline/page.h"
#include "timeline/recorded.h"
#include "timeline/verdict.h"
#include <string.h>

static async_lock lock;

static int takes_lock(double seconds)
{
    ASYNC_WITH(&lock);
    return async_sleep(seconds);
}
async_fn(takes_lock, double);

static int some_tasks(void)
{
    const async_task_options options = {.name = "named"};
    return async_gather(async_create_task(takes_lock, 1), async_create_task(takes_lock, 2),
                        async_create_task_with(&options, takes_lock, 3));
}
async_fn(some_tasks);

static char *make_file(size_t *size)
{
    async_run_options options = *test_options();
    options.virtual_clock = true;
    record_begin();
    CHECK_EQ(async_run_with(&options, some_tasks), 0);
    return record_bytes(size);
}

/* Reads all sections, as the command does. Returns the result of the last one. */
static int read_all(const char *bytes, size_t size)
{
    struct timeline timeline;
    struct verdict verdict;
    size_t offset, begin;
    int result = 0;
    if (!asyncp_timeline_is_file(bytes, size, &offset))
        return -EPROTO;
    while (begin = offset, (result = asyncp_timeline_decode(&timeline, bytes, size, &offset)) > 0) {
        struct output page = {.bytes = NULL};
        CHECK_EQ(asyncp_verdict_make(&verdict, &timeline), 0);
        CHECK_EQ(asyncp_page_add(&page, bytes + begin, offset - begin), 0);
        asyncp_output_free(&page);
        asyncp_timeline_free(&timeline);
    }
    return result;
}

/* -ECANCELED - (1 << 16) */
static int returns_less_than_int16_min(void)
{
    return -65661;
}
async_fn(returns_less_than_int16_min);

TEST(trace_takes_no_result_below_16_bits_for_another_one)
{
    struct timeline timeline;
    record_begin();
    CHECK_EQ(async_run_with(test_options(), returns_less_than_int16_min), -65661);
    record_end(&timeline);
    CHECK_EQ(recorded_task(&timeline, 1)->error, INT16_MIN);
    asyncp_timeline_free(&timeline);
}

TEST(decode_reads_a_whole_file)
{
    size_t size;
    char *bytes = make_file(&size);
    CHECK_EQ(read_all(bytes, size), 0);
    free(bytes);
}

TEST(decode_refuses_each_file_that_was_cut_off)
{
    size_t size, offset;
    char *bytes = make_file(&size);
    for (size_t cut = 0; cut < size; cut++) {
        char *copy = malloc(cut > 0 ? cut : 1); /* its end is an end for the sanitizer, too */
        CHECK(copy != NULL);
        memcpy(copy, bytes, cut);
        if (asyncp_timeline_is_file(copy, cut, &offset) && cut > offset)
            CHECK_EQ(read_all(copy, cut), -EPROTO);
        free(copy);
    }
    free(bytes);
}

static uint64_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

TEST(decode_survives_damaged_files)
{
    enum { ROUNDS = 20000, MOST_CHANGES = 4 };
    size_t size, whole = 0;
    uint64_t state = 1;
    char *bytes = make_file(&size), *copy = malloc(size);
    CHECK(copy != NULL);
    for (int round = 0; round < ROUNDS; round++) {
        memcpy(copy, bytes, size);
        for (uint64_t i = draw(&state) % MOST_CHANGES + 1; i > 0; i--)
            copy[draw(&state) % size] = (char)draw(&state);
        whole += read_all(copy, size) == 0;
    }
    CHECK(whole > 0 && whole < ROUNDS); /* some changes are only other numbers */
    free(copy);
    free(bytes);
}
