/*
 * test_unwind.c: the calls on the stacks of waiting tasks, found by the unwind tables, against the
 * return addresses that the calls themselves have noted; and tables that are damaged.
 */
#include "inspect/edges.h"
#include "inspect/own_view.h"
#include "inspect/cfi.h"
#include "loop/loops.h"
#include "run/runner.h"
#include "stack/context.h"
#include <asyncio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 5 };

static const void *noted[DEPTH];
static volatile double kept; /* the functions differ in what they save */

/* Notes to where it returns. The calls behind the last one keep it from being a jump. */
__attribute__((noinline)) static int descend(int depth, double number)
{
    volatile char room[64];
    room[depth] = (char)depth;
    noted[depth] = __builtin_return_address(0);
    kept = number;
    int result = depth + 1 < DEPTH ? descend(depth + 1, number * 1.5) : async_sleep(1000);
    kept += number + room[depth];
    return result;
}

static int descends(void)
{
    int result = descend(0, 1.25);
    kept++;
    return result;
}
async_fn(descends);

static void need_tables(void)
{
    struct code_range *ranges;
    size_t range_count;
    bool has_table = false;
    CHECK_EQ(asyncp_own_code(&ranges, &range_count), 0);
    for (size_t i = 0; i < range_count; i++)
        has_table |= (ranges[i].index != 0 || ranges[i].table != 0) &&
                     (uintptr_t)&descend - ranges[i].start < ranges[i].end - ranges[i].start;
    free(ranges);
    if (asyncp_switch_resume == NULL)
        test_skip("contexts are switched by libc here");
    CHECK(has_table);
}

/* Where the noted address is in the trace; MAX_FRAMES: nowhere. */
static int find_noted(const struct trace *trace, const void *address)
{
    int index = 0;
    while (index < MAX_FRAMES && trace->frames[index] != (uintptr_t)address)
        index++;
    return index;
}

LOOP_TEST(unwind_finds_the_calls_of_a_waiting_task)
{
    struct snapshot snapshot;
    need_tables();
    async_task *task = async_create_task(descends);
    CHECK_EQ(async_sleep(1), 0);
    take_own_snapshot(&snapshot);
    const struct trace *trace = asyncp_snapshot_trace(&snapshot, row_named(&snapshot, "descends"));
    int innermost = find_noted(trace, noted[DEPTH - 1]);
    CHECK(innermost + DEPTH <= MAX_FRAMES);
    for (int i = 0; i < DEPTH; i++)
        CHECK(trace->frames[innermost + i] == (uintptr_t)noted[DEPTH - 1 - i]);
    asyncp_snapshot_free(&snapshot);
    async_task_cancel(task);
    async_ignore(async_await(task));
    return 0;
}

static size_t pieces_read;

static int count_pieces(const struct view *view, struct piece pieces[], size_t count)
{
    pieces_read += count;
    return asyncp_own_view.read(view, pieces, count);
}

LOOP_TEST(unwind_reads_the_tables_of_a_call_once)
{
    const struct view view = {.read = count_pieces};
    struct code_range *ranges;
    struct unwinder unwinder;
    size_t range_count, first;
    need_tables();
    async_task *task = async_create_task(descends);
    CHECK_EQ(async_sleep(1), 0);
    CHECK_EQ(asyncp_own_code(&ranges, &range_count), 0);
    CHECK_EQ(asyncp_unwinder_open(&unwinder, &view, ranges, range_count), 0);
    for (int i = 0; i < 2; i++) {
        struct snapshot snapshot;
        first = pieces_read;
        pieces_read = 0;
        CHECK_EQ(asyncp_snapshot_take(&snapshot, &view, own_layout(), (uintptr_t)&asyncp_loops,
                                      &unwinder),
                 0);
        asyncp_snapshot_free(&snapshot);
    }
    CHECK(pieces_read + 4 * DEPTH <= first); /* for each call an FDE and a CIE, in two pieces */
    asyncp_unwinder_close(&unwinder);
    free(ranges);
    async_task_cancel(task);
    async_ignore(async_await(task));
    return 0;
}

static int begins_later(void)
{
    return 0;
}
async_fn(begins_later);

LOOP_TEST(unwind_finds_no_calls_in_a_task_that_has_not_begun_and_in_the_running_one)
{
    struct snapshot snapshot;
    async_task *task = async_create_task(begins_later);
    take_own_snapshot(&snapshot);
    const struct row *self = asyncp_row_of(&snapshot, 0, async_task_id(async_current_task()));
    CHECK(self != NULL && asyncp_snapshot_trace(&snapshot, self)->frames[0] == 0);
    const struct row *other = row_named(&snapshot, "begins_later");
    CHECK_EQ(asyncp_snapshot_trace(&snapshot, other)->frames[0], 0);
    asyncp_snapshot_free(&snapshot);
    return async_await(task);
}

/* A CIE and an FDE of 0x1000 to 0x1010, whose registers are saved at 0x1004. */
static const uint8_t cie[] = {20, 0,    0,  0, 0,    0,    0, 0, 1,    'z', 'R', 0,
                              1,  0x78, 16, 1, 0x03, 0x0c, 7, 8, 0x90, 1,   0,   0};
static const uint8_t fde[] = {20,   0, 0, 0, 28, 0,    0,    0,  0,    0x10, 0,    0,
                              0x10, 0, 0, 0, 0,  0x44, 0x0e, 16, 0x83, 2,    0x44, 0x0e};

static int find_rules(uint64_t pc, struct cfi_rules *rules)
{
    return asyncp_cfi_rules(&(struct cfi_bytes){cie, sizeof cie, 0},
                            &(struct cfi_bytes){fde, sizeof fde, 24}, pc, rules);
}

TEST(unwind_tables_that_are_damaged_are_refused)
{
    struct cfi_rules rules;
    uint8_t damaged[sizeof fde];
    uint32_t random = 1;
    if (CFI_STACK_POINTER != 7 || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
        test_skip("the table is one of x86-64");
    CHECK_EQ(find_rules(0x1000, &rules), 0);
    CHECK_EQ(rules.frame.offset, 8);
    CHECK_EQ(rules.registers[16].kind, CFI_AT_OFFSET);
    CHECK_EQ(rules.registers[16].offset, -8);
    CHECK_EQ(find_rules(0x1005, &rules), 0);
    CHECK_EQ(rules.frame.offset, 16);
    CHECK_EQ(rules.registers[3].offset, -16);
    CHECK_EQ(find_rules(0x1009, &rules), -EPROTO); /* an operand is missing */
    CHECK_EQ(find_rules(0x1010, &rules), -ENOENT);
    CHECK_EQ(find_rules(0xfff, &rules), -ENOENT);
    for (int round = 0; round < 100000; round++) { /* for the sanitizers */
        memcpy(damaged, round % 2 == 0 ? fde : cie, sizeof damaged);
        for (int i = 0; i < 3; i++) {
            random = random * 1103515245 + 12345;
            damaged[8 + (random >> 16) % (sizeof damaged - 8)] = (uint8_t)(random >> 8);
        }
        const struct cfi_bytes whole = {round % 2 == 0 ? cie : fde, sizeof cie, 0};
        const struct cfi_bytes other = {damaged, sizeof damaged, 24};
        (void)(round % 2 == 0 ? asyncp_cfi_rules(&whole, &other, 0x1009, &rules)
                              : asyncp_cfi_rules(&other, &whole, 0x1009, &rules));
    }
}

static size_t bytes_copied;

/* Memory that is there wherever it is looked for. */
static int count_bytes(const struct view *view, struct piece pieces[], size_t count)
{
    (void)view;
    for (size_t i = 0; i < count; i++) {
        bytes_copied += pieces[i].size;
        memset(pieces[i].bytes, 0, pieces[i].size < 64 ? pieces[i].size : 64);
        pieces[i].was_read = true;
    }
    return 0;
}

/* A process may have mapped any number of files, and may say any sizes of their tables. */
TEST(unwind_tables_of_all_files_together_have_a_limit)
{
    enum { RANGES = 100, TABLE = 1 << 26, LIMIT = 1 << 27 };
    const struct view view = {.read = count_bytes};
    const struct piece stack = {.size = 0};
    struct code_range ranges[RANGES] = {{.start = 0}};
    struct unwinder unwinder;
    uint64_t frames[MAX_FRAMES];
    for (uint64_t i = 0; i < RANGES; i++)
        ranges[i] = (struct code_range){
            .start = i << 12, .end = (i + 1) << 12, .index = i << 32, .index_bytes = TABLE};
    ranges[0].index = 1;
    CHECK_EQ(asyncp_unwinder_open(&unwinder, &view, ranges, RANGES), 0);
    for (uint64_t i = 0; i < RANGES; i++) {
        unwinder.resume = (i << 12) + 8;
        CHECK_EQ(asyncp_unwind(&unwinder, 0, &stack, frames), 0);
    }
    CHECK(bytes_copied >= TABLE && bytes_copied <= LIMIT);
    asyncp_unwinder_close(&unwinder);
}
