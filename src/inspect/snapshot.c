/* inspect/snapshot.c: follows the list of loops, and for each of them that of its chunks. */
#include "inspect/edges.h"
#include "inspect/kept.h"
#include "inspect/reading.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LOOPS = 4096 };

/* ---- loops ---------------------------------------------------------------------------------- */

static int compare_rows(const void *one, const void *other)
{
    const struct row *a = one, *b = other;
    return (a->id > b->id) - (a->id < b->id);
}

/* A chunk that was read, by the part of memory in which it begins. A part is as long as a chunk. */
struct chunk_place {
    uint64_t part;    /* its number, the key */
    uint64_t address; /* 0: no chunk begins there */
};

/* 1: the chunk overlaps with an earlier one; 0: it is noted; -ENOMEM. */
static int note_chunk(struct table *places, uint64_t chunk, uint64_t size)
{
    const uint64_t own = chunk / size;
    struct chunk_place *place;
    uint32_t index;
    for (uint64_t part = own - 1; part != own + 2; part++) {
        if (!asyncp_table_find(places, &part, &index))
            continue;
        place = asyncp_table_at(places, index);
        if (place->address - chunk < size || chunk - place->address < size)
            return 1;
    }
    if (asyncp_table_add(places, &own, &index) < 0)
        return -ENOMEM;
    place = asyncp_table_at(places, index);
    place->address = chunk;
    return 0;
}

/*
 * The list of chunks is not trusted. A chunk is added for as many new tasks at least, so the list
 * cannot be longer; and none overlaps with another one, as in a circle. *chunk: behind the last one
 * that was read.
 */
static int read_chunks(struct reading *reading, uint64_t *chunk)
{
    struct table places = {.record_bytes = sizeof(struct chunk_place),
                           .key_bytes = sizeof(uint64_t)};
    uint64_t left = reading->loop->created / reading->records + 1;
    int result = 0;
    for (; *chunk != 0 && left > 0 && result == 0; left--) {
        result = note_chunk(&places, *chunk, reading->chunk_bytes);
        if (result == 0)
            result = asyncp_chunk_read(reading, *chunk, chunk);
    }
    asyncp_table_free(&places);
    return result;
}

static int read_tasks(struct reading *reading, uint64_t chunk)
{
    struct snapshot *snapshot = reading->snapshot;
    struct loop_row *loop = reading->loop;
    loop->first_row = snapshot->row_count;
    int result = read_chunks(reading, &chunk);
    if (result == -EFAULT || result == -E2BIG || (result >= 0 && chunk != 0)) {
        snapshot->unreadable++;
        result = 0;
    }
    loop->row_count = snapshot->row_count - loop->first_row;
    if (loop->row_count > 0)
        qsort(snapshot->rows + loop->first_row, loop->row_count, sizeof *snapshot->rows,
              compare_rows);
    return result;
}

/* The name of the backend: a member of the struct that the loop points to. */
static int read_backend(struct reading *reading, uint64_t backend, uint32_t *text)
{
    const char *bytes = asyncp_read_whole(reading, backend, LAYOUT_backend);
    uint64_t name = bytes != NULL ? get_member(reading, bytes, LAYOUT_backend_name) : 0;
    return asyncp_texts_add(&reading->snapshot->texts, name, text);
}

static struct loop_row *add_loop(struct snapshot *snapshot)
{
    struct loop_row *loops = realloc(snapshot->loops, (snapshot->loop_count + 1) * sizeof *loops);
    if (loops == NULL)
        return NULL;
    snapshot->loops = loops;
    return &loops[snapshot->loop_count++];
}

/* Whether the loop sleeps: two readings agree, between which it would have read its clock. */
static bool is_asleep(const struct reading *reading, uint64_t loop, int64_t now_ns)
{
    const uint64_t asleep = reading->layout->entries[LAYOUT_attention_sleeping].offset;
    const char *bytes = asyncp_read_whole(reading, loop, LAYOUT_loop);
    return bytes != NULL && (get_member(reading, bytes, LAYOUT_loop_attention) & asleep) != 0 &&
           (int64_t)get_member(reading, bytes, LAYOUT_loop_now_ns) == now_ns;
}

/* *loop: the next one. */
static int read_loop(struct reading *reading, uint64_t *loop)
{
    const char *bytes = asyncp_read_whole(reading, *loop, LAYOUT_loop);
    if (bytes == NULL)
        return -EFAULT;
    struct loop_row *row = reading->loop = add_loop(reading->snapshot);
    if (row == NULL)
        return -ENOMEM;
    *row = (struct loop_row){.address = *loop,
                             .now_ns = (int64_t)get_member(reading, bytes, LAYOUT_loop_now_ns),
                             .created = get_member(reading, bytes, LAYOUT_loop_created),
                             .ended = get_member(reading, bytes, LAYOUT_loop_ended),
                             .in_flight = get_member(reading, bytes, LAYOUT_loop_in_flight),
                             .jobs = get_member(reading, bytes, LAYOUT_loop_jobs),
                             .timers = get_member(reading, bytes, LAYOUT_loop_timers),
                             .current = get_member(reading, bytes, LAYOUT_loop_current),
                             .number = (uint32_t)get_member(reading, bytes, LAYOUT_loop_number),
                             .process = (uint32_t)get_member(reading, bytes, LAYOUT_loop_process),
                             .thread = (uint32_t)get_member(reading, bytes, LAYOUT_loop_thread),
                             .is_virtual = get_member(reading, bytes, LAYOUT_loop_is_virtual) != 0,
                             .in_callback = get_member(reading, bytes, LAYOUT_loop_in_callback) !=
                                            0};
    uint64_t chunks = get_member(reading, bytes, LAYOUT_loop_chunks);
    uint64_t backend = get_member(reading, bytes, LAYOUT_loop_backend);
    *loop = get_member(reading, bytes, LAYOUT_loop_next);
    row->is_asleep = is_asleep(reading, row->address, row->now_ns);
    int result = read_backend(reading, backend, &row->backend);
    return result < 0 || reading->loops_only ? result : read_tasks(reading, chunks);
}

/* Without it the stacks of tasks that do not run are not unwound. */
static void find_resume(struct reading *reading, uint64_t address)
{
    uint64_t resume = 0;
    if (reading->unwinder == NULL ||
        asyncp_view_read(reading->view, address, &resume, sizeof(void *)) < 0)
        return;
    reading->unwinder->resume = resume;
    if (resume != 0)
        reading->snapshot->inside = resume;
}

static int read_loops(struct reading *reading, uint64_t loops)
{
    const char *bytes = asyncp_read_whole(reading, loops, LAYOUT_loops);
    if (bytes == NULL || get_member(reading, bytes, LAYOUT_loops_magic) != LAYOUT_MAGIC)
        return -EPROTO;
    uint64_t loop = get_member(reading, bytes, LAYOUT_loops_first);
    reading->future = get_member(reading, bytes, LAYOUT_loops_future);
    find_resume(reading, get_member(reading, bytes, LAYOUT_loops_resume));
    int result = 0;
    uint64_t remembered = 0;
    for (unsigned i = 0; loop != 0 && loop != remembered && i < MAX_LOOPS && result == 0; i++) {
        if ((i & (i - 1)) == 0)
            remembered = loop;
        result = read_loop(reading, &loop);
    }
    if (result == -EFAULT || (result == 0 && loop != 0)) {
        reading->snapshot->unreadable++;
        result = 0;
    }
    return result;
}

/* ---- the whole ------------------------------------------------------------------------------ */

static int open_reading(struct reading *reading)
{
    size_t whole = 0;
    for (unsigned name = 0; name < LAYOUT_LENGTH; name++)
        if (reading->layout->entries[name].size > whole)
            whole = reading->layout->entries[name].size;
    reading->records = reading->layout->entries[LAYOUT_chunk_records].offset;
    if (reading->records > MAX_RECORDS)
        return -EPROTO;
    reading->chunk_bytes = size_of(reading, LAYOUT_chunk) +
                           reading->records * size_of(reading, LAYOUT_task);
    reading->stack_bytes = PAGE + size_of(reading, LAYOUT_coroutine);
    reading->scratch = malloc(whole);
    reading->chunk = malloc(reading->chunk_bytes);
    reading->stacks = malloc(reading->records * reading->stack_bytes);
    return reading->scratch != NULL && reading->chunk != NULL && reading->stacks != NULL ? 0
                                                                                         : -ENOMEM;
}

static void close_reading(struct reading *reading)
{
    free(reading->stacks);
    free(reading->chunk);
    free(reading->scratch);
    free(reading);
}

/* A reading is too large for the stack of a task. */
static struct reading *new_reading(struct snapshot *snapshot, const struct view *view,
                                   const struct layout *layout)
{
    struct reading *reading = calloc(1, sizeof *reading);
    if (reading == NULL)
        return NULL;
    reading->snapshot = snapshot;
    reading->view = view;
    reading->layout = layout;
    return reading;
}

/* Frees the reading, which may be NULL. */
static int take_snapshot(struct snapshot *snapshot, struct reading *reading, uint64_t loops)
{
    *snapshot = (struct snapshot){
        .inside = loops,
        .traces = {.record_bytes = sizeof(struct trace), .key_bytes = sizeof(struct trace)}};
    asyncp_texts_open(&snapshot->texts);
    asyncp_kept_open(&snapshot->kept);
    if (reading == NULL)
        return -ENOMEM;
    int result = open_reading(reading);
    if (result == 0)
        result = read_loops(reading, loops);
    if (result == 0)
        result = asyncp_texts_read(&snapshot->texts, reading->view);
    if (result == 0)
        result = asyncp_edges_find(snapshot, reading->view, reading->layout);
    close_reading(reading);
    if (result < 0)
        asyncp_snapshot_free(snapshot);
    return result;
}

int asyncp_snapshot_take(struct snapshot *snapshot, const struct view *view,
                         const struct layout *layout, uint64_t loops, struct unwinder *unwinder)
{
    struct reading *reading = new_reading(snapshot, view, layout);
    if (reading != NULL)
        reading->unwinder = unwinder;
    return take_snapshot(snapshot, reading, loops);
}

int asyncp_snapshot_take_loops(struct snapshot *snapshot, const struct view *view,
                               const struct layout *layout, uint64_t loops)
{
    struct reading *reading = new_reading(snapshot, view, layout);
    if (reading != NULL)
        reading->loops_only = true;
    return take_snapshot(snapshot, reading, loops);
}

const struct trace *asyncp_snapshot_trace(const struct snapshot *snapshot, const struct row *row)
{
    return asyncp_table_at(&snapshot->traces, row->trace);
}

void asyncp_snapshot_free(struct snapshot *snapshot)
{
    asyncp_texts_free(&snapshot->texts);
    asyncp_table_free(&snapshot->traces);
    asyncp_table_free(&snapshot->kept);
    free(snapshot->rows);
    free(snapshot->loops);
    *snapshot = (struct snapshot){.loop_count = 0};
}
