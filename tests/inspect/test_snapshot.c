/*
 * test_snapshot.c: what a snapshot says of this process's own tasks, and that it ends whatever the
 * memory holds.
 */
#include "inspect/edges.h"
#include "inspect/kept.h"
#include "inspect/own_view.h"
#include "loop/loops.h"
#include "run/runner.h"
#include <asyncio.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static async_lock lock;
static async_event event;

static int has_lock(void)
{
    ASYNC_WITH(&lock);
    return async_event_wait(&event);
}
async_fn(has_lock);

static int wants_lock(void)
{
    ASYNC_WITH(&lock);
    return 0;
}
async_fn(wants_lock);

static int awaits(async_task *task)
{
    return async_await(task);
}
async_fn(awaits, async_task *);

static int keeps_on(void)
{
    return async_no_cancel(async_event_wait(&event));
}
async_fn(keeps_on);

static void check_row(const struct snapshot *snapshot, const char *name, enum row_state state,
                      const char *call)
{
    const struct row *row = row_named(snapshot, name);
    CHECK_EQ(row->state, state);
    CHECK_STR(text_of_row(snapshot, row->call), call);
    CHECK(strncmp(text_of_row(snapshot, row->where), "tests/inspect/test_snapshot.c:", 30) == 0);
    CHECK(row->stack_size >= 16384 && row->stack_used < row->stack_size);
}

LOOP_TEST(snapshot_says_what_each_task_waits_for)
{
    struct snapshot snapshot;
    async_task *owner = async_create_task(has_lock), *waiter = async_create_task(wants_lock);
    async_task *third = async_create_task(awaits, waiter);
    CHECK_EQ(async_sleep(1), 0);
    async_task *ready = async_create_task(wants_lock);
    CHECK_EQ(async_task_set_name(ready, "\"begins\""), 0);
    take_own_snapshot(&snapshot);
    CHECK_EQ(snapshot.row_count, 5);
    CHECK_EQ(snapshot.loops[0].row_count, 5);
    check_row(&snapshot, "has_lock", ROW_WAITS, "async_event_wait");
    check_row(&snapshot, "wants_lock", ROW_WAITS, "async_lock_acquire");
    check_row(&snapshot, "awaits", ROW_WAITS, "async_await");
    check_row(&snapshot, "\"begins\"", ROW_READY, "");
    CHECK_EQ(row_named(&snapshot, "has_lock")->object, (uintptr_t)&event);
    CHECK_EQ(row_named(&snapshot, "wants_lock")->owner, async_task_id(owner));
    CHECK_EQ(row_named(&snapshot, "awaits")->awaited, async_task_id(waiter));
    CHECK_EQ(row_named(&snapshot, "awaits")->since_ns, row_named(&snapshot, "has_lock")->since_ns);
    const struct row *self = asyncp_row_of(&snapshot, 0, async_task_id(async_current_task()));
    CHECK(self != NULL && self->state == ROW_RUNS);
    CHECK(asyncp_row_of(&snapshot, 0, 1000) == NULL);
    asyncp_snapshot_free(&snapshot);
    async_event_set(&event);
    return async_gather(owner, third, ready);
}

LOOP_TEST(snapshot_tells_requests_and_groups_at_their_limit)
{
    struct snapshot snapshot;
    async_event_clear(&event);
    ASYNC_TASK_GROUP_WITH(group, .limit = 1);
    async_task *stays = async_group_create_task(&group, keeps_on);
    async_group_create_task(&group, has_lock);
    CHECK_EQ(async_sleep(1), 0);
    async_task_cancel(stays);
    take_own_snapshot(&snapshot);
    CHECK_EQ(row_named(&snapshot, "has_lock")->state, ROW_HELD_BACK);
    CHECK_EQ(row_named(&snapshot, "keeps_on")->requests, 1);
    asyncp_snapshot_free(&snapshot);
    async_event_set(&event);
    async_ignore(async_group_wait(&group)); /* one was cancelled */
    return 0;
}

static int ends(void)
{
    return 0;
}
async_fn(ends);

/* The first has ended when the join still waits for the second. */
static int joins_two(void)
{
    return async_gather(async_create_task(ends), async_create_task(keeps_on));
}
async_fn(joins_two);

/* Handles of tasks that a join has, or that were detached, are none. */
LOOP_TEST(snapshot_counts_handles_that_are_kept_after_the_end)
{
    struct snapshot snapshot;
    async_task *kept[3];
    async_event_clear(&event);
    for (int i = 0; i < 3; i++)
        kept[i] = async_create_task(ends);
    async_task_detach(async_create_task(ends));
    async_task *joins = async_create_task(joins_two);
    CHECK_EQ(async_sleep(1), 0);
    take_own_snapshot(&snapshot);
    CHECK_EQ(snapshot.kept.count, 1);
    const struct kept *place = asyncp_table_at(&snapshot.kept, 0);
    CHECK_EQ(place->count, 3);
    CHECK_EQ(place->first, async_task_id(kept[0]));
    CHECK_EQ(place->loop, 0);
    CHECK_STR(text_of_row(&snapshot, place->first_name), "ends");
    CHECK(strncmp(text_of_row(&snapshot, place->where), "tests/inspect/test_snapshot.c:", 30) == 0);
    asyncp_snapshot_free(&snapshot);
    async_event_set(&event);
    CHECK_EQ(async_gather_n(kept, 3, NULL, ASYNC_FIRST_ERROR), 0);
    take_own_snapshot(&snapshot);
    CHECK_EQ(snapshot.kept.count, 0);
    asyncp_snapshot_free(&snapshot);
    return async_await(joins);
}

static int fails(int result)
{
    return result;
}
async_fn(fails, int);

/* Results that are no errors are of one kind. */
LOOP_TEST(snapshot_tells_tasks_that_have_failed_by_their_errors)
{
    static const int results[] = {0, -ENOSPC, 7, -ENOSPC, -70000};
    static const struct kept expected[] = {
        {.error = 0, .count = 2}, {.error = -ENOSPC, .count = 2}, {.error = -70000, .count = 1}};
    struct snapshot snapshot;
    async_task *kept[5];
    for (int i = 0; i < 5; i++)
        kept[i] = async_create_task(fails, results[i]);
    CHECK_EQ(async_sleep(1), 0);
    take_own_snapshot(&snapshot);
    CHECK_EQ(snapshot.kept.count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        const struct kept *found = asyncp_table_at(&snapshot.kept, i);
        CHECK_EQ(found->error, expected[i].error);
        CHECK_EQ(found->count, expected[i].count);
    }
    asyncp_snapshot_free(&snapshot);
    async_ignore(async_gather_n(kept, 5, NULL, ASYNC_RETURN_EXCEPTIONS));
    return 0;
}

/* ---- memory that is not as it should be ----------------------------------------------------- */

static uint64_t random_state;

static uint64_t draw(void)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return random_state >> 16;
}

/* Each word is replaced at random, one in `rarity`. */
static unsigned rarity;

static int read_damaged(const struct view *view, struct piece pieces[], size_t count)
{
    CHECK_EQ(asyncp_own_view.read(view, pieces, count), 0);
    for (size_t i = 0; i < count; i++) {
        char *bytes = pieces[i].bytes;
        if (!pieces[i].was_read)
            continue;
        for (size_t at = 8; at + 8 <= pieces[i].size; at += 8)
            if (draw() % rarity == 0)
                memcpy(bytes + at, &(uint64_t){draw() % 3 == 0 ? (uintptr_t)bytes : draw()}, 8);
    }
    return 0;
}

LOOP_TEST(snapshot_of_damaged_memory_ends)
{
    const struct view view = {.read = read_damaged};
    async_task *tasks[100];
    struct code_range *ranges;
    size_t range_count;
    CHECK_EQ(asyncp_own_code(&ranges, &range_count), 0);
    async_event_clear(&event);
    for (int i = 0; i < 100; i++)
        tasks[i] = async_create_task(has_lock);
    CHECK_EQ(async_sleep(1), 0);
    for (random_state = 1; random_state < 300; random_state++) {
        struct snapshot snapshot;
        uint64_t seed = random_state;
        rarity = 1 + (unsigned)(seed % 200);
        struct unwinder unwinder;
        CHECK_EQ(asyncp_unwinder_open(&unwinder, &view, ranges, range_count), 0);
        int result = asyncp_snapshot_take(&snapshot, &view, own_layout(), (uintptr_t)&asyncp_loops,
                                          &unwinder);
        asyncp_unwinder_close(&unwinder);
        CHECK(result == 0 || result == -EPROTO);
        asyncp_snapshot_free(&snapshot);
        random_state = seed;
    }
    free(ranges);
    async_event_set(&event);
    return async_gather_n(tasks, 100, NULL, 0);
}

/* Bytes of a chunk with its records. */
static size_t chunk_bytes(void)
{
    const struct layout *layout = own_layout();
    const size_t records = layout->entries[LAYOUT_chunk_records].offset;
    return layout->entries[LAYOUT_chunk].size + records * layout->entries[LAYOUT_task].size;
}

/* Each chunk is followed by itself, and the loop has created any number of tasks. */
static int read_circle(const struct view *view, struct piece pieces[], size_t count)
{
    const struct layout *layout = own_layout();
    const size_t chunk = chunk_bytes();
    CHECK_EQ(asyncp_own_view.read(view, pieces, count), 0);
    for (size_t i = 0; i < count; i++) {
        char *bytes = pieces[i].bytes;
        if (pieces[i].size == chunk)
            memcpy(bytes, &pieces[i].address, sizeof(void *));
        if (pieces[i].size == layout->entries[LAYOUT_loop].size)
            memset(bytes + layout->entries[LAYOUT_loop_created].offset, 0x3f, 8);
    }
    return 0;
}

LOOP_TEST(snapshot_of_a_circle_ends)
{
    struct snapshot snapshot;
    const struct view view = {.read = sizeof(void *) == 8 ? read_circle : asyncp_own_view.read};
    async_event_clear(&event);
    async_task *task = async_create_task(has_lock);
    CHECK_EQ(async_sleep(1), 0);
    CHECK_EQ(asyncp_snapshot_take(&snapshot, &view, own_layout(), (uintptr_t)&asyncp_loops, NULL),
             0);
    CHECK(snapshot.row_count < 10);
    asyncp_snapshot_free(&snapshot);
    async_event_set(&event);
    return async_await(task);
}

/* ---- limits --------------------------------------------------------------------------------- */

static struct snapshot full;

/* When a chunk is read there seem to be as many rows as there may be. */
static int read_when_full(const struct view *view, struct piece pieces[], size_t count)
{
    full.kept.count = pieces[0].size == chunk_bytes() ? MAX_ROWS : 0;
    return asyncp_own_view.read(view, pieces, count);
}

LOOP_TEST(snapshot_with_all_rows_that_it_may_have_says_that_some_are_missing)
{
    const struct view view = {.read = read_when_full};
    async_event_clear(&event);
    async_task *task = async_create_task(has_lock);
    CHECK_EQ(async_sleep(1), 0);
    CHECK_EQ(asyncp_snapshot_take(&full, &view, own_layout(), (uintptr_t)&asyncp_loops, NULL), 0);
    CHECK_EQ(full.loop_count, 1);
    CHECK_EQ(full.row_count, 0);
    CHECK_EQ(full.unreadable, 1);
    asyncp_snapshot_free(&full);
    async_event_set(&event);
    return async_await(task);
}

/* ---- processes that change ------------------------------------------------------------------ */

/* A process that is in the middle of everything: the stacks differ at each look. */
static int read_moving(const struct view *view, struct piece pieces[], size_t count)
{
    const struct layout *layout = own_layout();
    CHECK_EQ(asyncp_own_view.read(view, pieces, count), 0);
    for (size_t i = 1; i < count; i++) { /* behind the chunk: stacks */
        char *block = (char *)pieces[i].bytes + pieces[i].size -
                      layout->entries[LAYOUT_coroutine].size;
        memcpy(block + layout->entries[LAYOUT_coroutine_sp].offset, &(uint64_t){draw()}, 8);
    }
    return 0;
}

LOOP_TEST(snapshot_says_what_changes_while_it_is_read)
{
    struct snapshot snapshot;
    const struct view view = {.read = sizeof(void *) == 8 ? read_moving : asyncp_own_view.read};
    async_event_clear(&event);
    async_task *task = async_create_task(has_lock);
    CHECK_EQ(async_sleep(0), 0); /* its wait begins now, so a later one may have the same time */
    CHECK_EQ(asyncp_snapshot_take(&snapshot, &view, own_layout(), (uintptr_t)&asyncp_loops, NULL),
             0);
    enum row_state expected = sizeof(void *) == 8 ? ROW_MOVED : ROW_WAITS;
    CHECK_EQ(row_named(&snapshot, "has_lock")->state, expected);
    asyncp_snapshot_free(&snapshot);
    async_event_set(&event);
    return async_await(task);
}

/* As a core of gcore: what it could not read are zeros. */
static int read_no_stacks(const struct view *view, struct piece pieces[], size_t count)
{
    CHECK_EQ(asyncp_own_view.read(view, pieces, count), 0);
    for (size_t i = 1; i < count && pieces[0].size == chunk_bytes(); i++) /* stacks */
        memset(pieces[i].bytes, 0, pieces[i].size);
    return 0;
}

LOOP_TEST(snapshot_tells_stacks_that_were_left_out_from_those_that_change)
{
    struct snapshot snapshot;
    const struct view view = {.read = read_no_stacks};
    async_event_clear(&event);
    async_task *task = async_create_task(has_lock);
    CHECK_EQ(async_sleep(1), 0);
    CHECK_EQ(asyncp_snapshot_take(&snapshot, &view, own_layout(), (uintptr_t)&asyncp_loops, NULL),
             0);
    CHECK_EQ(row_named(&snapshot, "has_lock")->state, ROW_UNREADABLE);
    asyncp_snapshot_free(&snapshot);
    async_event_set(&event);
    return async_await(task);
}

static size_t stacks_read;

static int count_stacks(const struct view *view, struct piece pieces[], size_t count)
{
    CHECK_EQ(asyncp_own_view.read(view, pieces, count), 0);
    stacks_read += count - 1; /* the others are behind a chunk, or pieces of one */
    return 0;
}

LOOP_TEST(snapshot_reads_the_stack_of_a_task_once_if_it_has_waited_all_the_time)
{
    enum { COUNT = 100 };
    struct snapshot snapshot;
    const struct view view = {.read = count_stacks};
    async_task *tasks[COUNT];
    async_event_clear(&event);
    for (int i = 0; i < COUNT; i++)
        tasks[i] = async_create_task(keeps_on);
    CHECK_EQ(async_sleep(1), 0);
    stacks_read = 0;
    CHECK_EQ(asyncp_snapshot_take(&snapshot, &view, own_layout(), (uintptr_t)&asyncp_loops, NULL),
             0);
    CHECK_EQ(row_named(&snapshot, "keeps_on")->state, ROW_WAITS);
    CHECK(stacks_read >= COUNT &&
          stacks_read < COUNT + COUNT / 2); /* and texts, the running task */
    asyncp_snapshot_free(&snapshot);
    async_event_set(&event);
    return async_gather_n(tasks, COUNT, NULL, 0);
}

static int refuse_reading(const struct view *view, struct piece pieces[], size_t count)
{
    (void)view, (void)pieces, (void)count;
    return -EPERM;
}

TEST(snapshot_returns_the_error_of_the_view)
{
    struct snapshot snapshot;
    const struct view view = {.read = refuse_reading};
    uint64_t word = 0;
    CHECK_EQ(asyncp_snapshot_take(&snapshot, &view, own_layout(), (uintptr_t)&asyncp_loops, NULL),
             -EPROTO);
    CHECK_EQ(
        asyncp_snapshot_take(&snapshot, &asyncp_own_view, own_layout(), (uintptr_t)&word, NULL),
        -EPROTO);
    CHECK(snapshot.rows == NULL && snapshot.loops == NULL);
}
