/*
 * test_decode.c: that files that were cut off or damaged are refused, or shown as far as they are
 * whole. The sanitizers see each access.
 */
#include "run/runner.h"
#include "timeline/page.h"
#include "timeline/recorded.h"
#include "timeline/verdict.h"
#include <string.h>
#include <sys/resource.h>

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

/* A file with one section of `size` bytes: zeros, but for the number of its tasks. */
static char *make_zeros(size_t size, uint64_t tasks, size_t *total)
{
    enum { HEAD_BYTES = 12 }; /* numbers, the backend, and no texts */
    struct output output = {.bytes = NULL};
    asyncp_timeline_begin(&output);
    asyncp_output_put(&output, SECTION_TAG, sizeof SECTION_TAG - 1);
    for (unsigned shift = 0; shift < 64; shift += 8)
        asyncp_output_byte(&output, (uint8_t)((uint64_t)size >> shift));
    size_t begin = output.count;
    for (int i = 0; i < HEAD_BYTES; i++)
        asyncp_output_byte(&output, 0);
    asyncp_output_uleb(&output, tasks);
    *total = begin + size;
    char *bytes = calloc(1, *total);
    CHECK(bytes != NULL && !output.failed);
    memcpy(bytes, output.bytes, output.count);
    asyncp_output_free(&output);
    return bytes;
}

static long peak_memory_kib(void)
{
    struct rusage usage;
    CHECK_EQ(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_maxrss;
}

/* A task takes three bytes in the file and 48 in memory: 768 MiB for one in each byte. */
TEST(decode_makes_no_room_for_more_tasks_than_there_are)
{
    enum { SECTION_BYTES = 16 << 20, HEAD_BYTES = 32, MOST_KIB = 128 << 10 };
    size_t size;
    char *bytes = make_zeros(SECTION_BYTES, SECTION_BYTES - HEAD_BYTES, &size);
    long before_kib = peak_memory_kib();
    CHECK_EQ(read_all(bytes, size), -EPROTO);
    CHECK(peak_memory_kib() - before_kib < MOST_KIB);
    free(bytes);
}
