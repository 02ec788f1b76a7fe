/*
 * cmd/rings.c: the rings of traced loops, read from a running process or from a core. The ring of a
 * running loop is written meanwhile, so what was overwritten during the copy is left out.
 */
#include "cmd/subject.h"
#include "cmd/trace.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A copy of libasyncio that is looked at. */
struct rings {
    const struct subject *subject;
    const struct library *library;
    const struct snapshot *snapshot;
    struct output *output;
    size_t found;
};

static int read_member(const struct rings *rings, uint64_t address, enum layout_name name,
                       uint64_t *value)
{
    const struct layout_entry entry = rings->library->layout.entries[name];
    unsigned char bytes[sizeof(uint64_t)] = {0};
    if (entry.size > sizeof bytes)
        return -EPROTO;
    int result = asyncp_view_read(&rings->subject->view, address + entry.offset, bytes, entry.size);
    *value = 0;
    memcpy(value, bytes, entry.size);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    *value >>= 8 * (sizeof bytes - entry.size);
#endif
    return result;
}

/* Texts that cannot be read are shown as unknown. */
static void describe_task(const struct rings *rings, const struct row *row, struct live_task *live)
{
    *live = (struct live_task){.task = (uint32_t)row->id};
    read_member(rings, row->address, LAYOUT_task_name, &live->name);
    read_member(rings, row->address, LAYOUT_task_where, &live->where);
    if (row->state == ROW_WAITS && row->wait != 0) {
        read_member(rings, row->wait, LAYOUT_wait_call, &live->call);
        read_member(rings, row->wait, LAYOUT_wait_object, &live->object);
    }
}

/* The ring, to be freed; NULL: the loop has none, or it is damaged. *after: its position then. */
static struct trace_ring *copy_ring(const struct rings *rings, uint64_t address, uint64_t *after)
{
    const struct view *view = &rings->subject->view;
    struct trace_ring *ring = malloc(sizeof *ring);
    if (ring == NULL || address == 0 || asyncp_view_read(view, address, ring, sizeof *ring) < 0 ||
        ring->magic != RING_MAGIC || ring->version != RING_VERSION || ring->blocks == 0 ||
        ring->blocks > MAX_RING_BLOCKS || (ring->blocks & (ring->blocks - 1)) != 0) {
        free(ring);
        return NULL;
    }
    struct trace_ring *whole = realloc(ring, ring_bytes(ring->blocks));
    if (whole == NULL) {
        free(ring);
        return NULL;
    }
    for (uint32_t i = 0; i < whole->blocks; i++) {
        struct trace_event *block = &whole->events[(size_t)i * BLOCK_EVENTS];
        uint64_t at = address + (uint64_t)((const char *)block - (const char *)whole);
        if (asyncp_view_read(view, at, block, BLOCK_EVENTS * sizeof *block) < 0)
            memset(block, 0, BLOCK_EVENTS * sizeof *block); /* it was never written */
    }
    *after = 0;
    asyncp_view_read(view, address + offsetof(struct trace_ring, position), after, sizeof *after);
    return whole;
}

static int encode_ring(const struct rings *rings, const struct loop_row *loop,
                       const struct trace_ring *ring, uint64_t after)
{
    struct live_task *live = calloc(loop->row_count + 1, sizeof *live);
    if (live == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < loop->row_count; i++)
        describe_task(rings, &rings->snapshot->rows[loop->first_row + i], &live[i]);
    const struct recording recording = {
        .ring = ring,
        .written_after = after,
        .view = &rings->subject->view,
        .loop = loop->number,
        .thread = loop->thread,
        .backend = asyncp_texts_get(&rings->snapshot->texts, loop->backend),
        .now_ns = (uint64_t)loop->now_ns,
        .end = rings->subject->core != NULL ? TIMELINE_CRASHED : TIMELINE_RUNNING,
        .timers = loop->timers,
        .in_flight = loop->in_flight,
        .jobs = loop->jobs,
        .live = live,
        .live_count = loop->row_count};
    int result = asyncp_timeline_encode(rings->output, &recording);
    free(live);
    return result;
}

static int encode_loops(struct rings *rings)
{
    int result = 0;
    for (size_t i = 0; i < rings->snapshot->loop_count && result == 0; i++) {
        const struct loop_row *loop = &rings->snapshot->loops[i];
        uint64_t address = 0, after = 0;
        if (read_member(rings, loop->address, LAYOUT_loop_ring, &address) < 0)
            continue;
        struct trace_ring *ring = copy_ring(rings, address, &after);
        if (ring == NULL)
            continue;
        result = encode_ring(rings, loop, ring, after);
        rings->found++;
        free(ring);
    }
    return result;
}

static int read_library(struct rings *rings, const struct library *library)
{
    struct snapshot snapshot;
    rings->library = library;
    rings->snapshot = &snapshot;
    int result = asyncp_snapshot_take(&snapshot, &rings->subject->view, &library->layout,
                                      library->loops, NULL);
    if (result < 0)
        return result;
    result = encode_loops(rings);
    asyncp_snapshot_free(&snapshot);
    return result;
}

int trace_read_subject(struct output *output, const char *name)
{
    static struct subject subject;
    struct rings rings = {.subject = &subject, .output = output};
    int result = subject_open(&subject, name);
    if (result < 0) {
        subject_close(&subject);
        return -1;
    }
    asyncp_timeline_begin(output);
    for (size_t i = 0; i < subject.copy_count && result == 0; i++)
        result = read_library(&rings, &subject.copies[i]);
    if (result < 0)
        subject_refuse(&subject, result);
    else if (rings.found == 0)
        subject_say(&subject,
                    "no loop is traced; start the program with ASYNCIO_TRACE, for example "
                    "ASYNCIO_TRACE=flight:run.html");
    subject_close(&subject);
    return result < 0 || rings.found == 0 ? -1 : 0;
}
