/* timeline/rings.c: nothing that is read is trusted: the memory of a core may be damaged. */
#include "timeline/rings.h"
#include "sys/ticks.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Texts that cannot be read are shown as unknown. */
static void describe_task(const struct rings *rings, const struct row *row, struct live_task *live)
{
    const struct layout *layout = rings->layout;
    const struct view *view = rings->view;
    *live = (struct live_task){.task = (uint32_t)row->id};
    uint64_t function = 0, name = 0;
    asyncp_layout_read(layout, view, row->address, LAYOUT_task_name, &name);
    asyncp_layout_read(layout, view, row->coroutine, LAYOUT_coroutine_function, &function);
    asyncp_layout_read(layout, view, function, LAYOUT_function_name, &live->name);
    live->own_name = name != live->name ? name : 0;
    asyncp_layout_read(layout, view, row->address, LAYOUT_task_where, &live->where);
    if (row->state == ROW_WAITS && row->wait != 0) {
        asyncp_layout_read(layout, view, row->wait, LAYOUT_wait_call, &live->call);
        asyncp_layout_read(layout, view, row->wait, LAYOUT_wait_object, &live->object);
    }
}

/* Where the rings that were read are in the process. */
struct ring_extents {
    struct ring_extent {
        uint64_t address, size;
    } * each;
    size_t count;
};

/* Notes a ring. false: it overlaps with an earlier one, as no ring of the library does. */
static bool note_ring(struct ring_extents *extents, uint64_t address, uint64_t size)
{
    for (size_t i = 0; i < extents->count; i++) {
        const struct ring_extent *other = &extents->each[i];
        if (address - other->address < other->size || other->address - address < size)
            return false;
    }
    extents->each[extents->count++] = (struct ring_extent){address, size};
    return true;
}

static bool is_ring(const struct trace_ring *ring)
{
    return ring->magic == RING_MAGIC && ring->version == RING_VERSION && ring->blocks > 0 &&
           ring->blocks <= MAX_RING_BLOCKS && (ring->blocks & (ring->blocks - 1)) == 0;
}

/* The ring, to be freed; NULL: the loop has none, or it is damaged. *after: its position then. */
static struct trace_ring *copy_ring(const struct view *view, uint64_t address,
                                    struct ring_extents *extents, uint64_t *after)
{
    struct trace_ring *ring = malloc(sizeof *ring);
    if (ring == NULL || address == 0 || asyncp_view_read(view, address, ring, sizeof *ring) < 0 ||
        !is_ring(ring) || !note_ring(extents, address, ring_bytes(ring->blocks))) {
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

/*
 * The loop's last reading of both clocks is from before its turn, which may be long. Or it has read
 * them only once.
 */
static void read_clocks(struct trace_ring *ring)
{
    ring->latest = (struct clock_pair){.ticks = ticks_now(ring->has_ticks != 0),
                                       .ns = asyncp_sys_clock_now()};
}

/* When the record ends, by the loop's clock. */
static uint64_t end_of_record(const struct trace_ring *ring, const struct loop_row *loop)
{
    bool is_later = ring->is_virtual == 0 && ring->latest.ns > loop->now_ns;
    return (uint64_t)(is_later ? ring->latest.ns : loop->now_ns);
}

static int encode_ring(struct output *output, const struct rings *rings,
                       const struct snapshot *snapshot, const struct loop_row *loop,
                       const struct trace_ring *ring, uint64_t after)
{
    struct live_task *live = calloc(loop->row_count + 1, sizeof *live);
    if (live == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < loop->row_count; i++)
        describe_task(rings, &snapshot->rows[loop->first_row + i], &live[i]);
    const struct recording recording = {
        .ring = ring,
        .written_after = after,
        .view = rings->view,
        .loop = loop->number,
        .thread = loop->thread,
        .backend = asyncp_texts_get(&snapshot->texts, loop->backend),
        .now_ns = end_of_record(ring, loop),
        .end = rings->end,
        .timers = loop->timers,
        .in_flight = loop->in_flight,
        .jobs = loop->jobs,
        .live = live,
        .live_count = loop->row_count};
    int result = asyncp_timeline_encode(output, &recording);
    free(live);
    return result;
}

static bool is_wanted(const struct rings *rings, const struct loop_row *loop)
{
    return (rings->only == 0 || rings->only == loop->number) &&
           (rings->process == 0 || rings->process == loop->process);
}

static int encode_loops(struct output *output, const struct rings *rings,
                        const struct snapshot *snapshot)
{
    struct ring_extents extents = {calloc(snapshot->loop_count + 1, sizeof *extents.each), 0};
    int result = extents.each != NULL ? 0 : -ENOMEM, count = 0;
    for (size_t i = 0; i < snapshot->loop_count && result == 0; i++) {
        const struct loop_row *loop = &snapshot->loops[i];
        uint64_t address = 0, after = 0;
        if (!is_wanted(rings, loop) || asyncp_layout_read(rings->layout, rings->view, loop->address,
                                                          LAYOUT_loop_ring, &address) < 0)
            continue;
        struct trace_ring *ring = copy_ring(rings->view, address, &extents, &after);
        if (ring == NULL)
            continue;
        if (rings->is_live)
            read_clocks(ring);
        result = encode_ring(output, rings, snapshot, loop, ring, after);
        count++;
        free(ring);
    }
    free(extents.each);
    return result < 0 ? result : count;
}

int asyncp_rings_encode(struct output *output, const struct rings *rings)
{
    struct snapshot snapshot;
    int result = asyncp_snapshot_take(&snapshot, rings->view, rings->layout, rings->loops, NULL);
    if (result < 0)
        return result;
    result = encode_loops(output, rings, &snapshot);
    asyncp_snapshot_free(&snapshot);
    return result;
}
