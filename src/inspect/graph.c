/* inspect/graph.c: reads joins, watches and groups, and finds the rows of their tasks. */
#include "inspect/graph.h"
#include "inspect/array.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A read of its own costs as much as that of some hundred bytes of an array. */
enum { MAX_LISTENERS = 1024, MIN_BUDGET = 1 << 24, BUDGET_OF_ROW = 16, READ_COST_BYTES = 256 };
enum { MAX_ENDED_READ = 1 << 16, MAX_RECORD_BYTES = 512 };

/* A row by an address: of its handle, or of the group that it waits for. */
struct place_of_row {
    uint64_t address;
    uint32_t row;
    bool waits_for_one; /* child of the group */
};

struct building {
    struct graph *graph;
    const struct snapshot *snapshot;
    const struct view *view;
    const struct layout *layout;
    struct place_of_row *handles, *groups; /* sorted */
    size_t group_count;
    struct edge *last;   /* to each row, the last one that was added */
    uint64_t bytes_left; /* that may still be read; a process may lie about its arrays */
    uint32_t ended_left; /* records of tasks that have ended, and may still be read */
};

static int compare_places(const void *one, const void *other)
{
    uint64_t a = ((const struct place_of_row *)one)->address;
    uint64_t b = ((const struct place_of_row *)other)->address;
    return (a > b) - (a < b);
}

static size_t whole_size(const struct building *building, enum layout_name whole)
{
    return building->layout->entries[whole].size;
}

/* A list may have a task a million times: an edge equal to the last one to its task is dropped. */
static int add_edge(struct building *building, uint32_t from, uint32_t to, enum edge_kind kind)
{
    struct graph *graph = building->graph;
    struct edge *last = &building->last[to];
    if (last->from == from && last->kind == kind)
        return 0;
    struct edge *edges = asyncp_array_grow(graph->edges, &graph->capacity, graph->count + 1,
                                           sizeof *edges);
    if (edges == NULL)
        return -ENOMEM;
    graph->edges = edges;
    *last = (struct edge){from, to, kind};
    graph->edges[graph->count++] = *last;
    return 0;
}

/* Whether so many elements may still be read; if not, the caller's edges are missing. */
static bool spend(struct building *building, uint64_t count, uint64_t size)
{
    bool is_left = count <= building->bytes_left / size;
    building->bytes_left -= is_left ? count * size : 0;
    building->graph->unreadable += !is_left;
    return is_left;
}

static uint32_t index_of(const struct building *building, const struct row *row)
{
    return (uint32_t)(row - building->snapshot->rows);
}

/* ---- joins ---------------------------------------------------------------------------------- */

/* 1: the task has a row; 0: NULL is no task, and one that has ended has no row; -ENOMEM. */
static int add_handle(struct building *building, const struct row *row, uint64_t handle,
                      enum edge_kind kind)
{
    const struct place_of_row key = {.address = handle};
    const struct place_of_row *found = bsearch(
        &key, building->handles, building->snapshot->row_count, sizeof key, compare_places);
    int result = found == NULL ? 0 : add_edge(building, index_of(building, row), found->row, kind);
    return result < 0 ? result : found != NULL;
}

/* Adds the edges of an element of an array, which was read from `address`. Negative: an error. */
typedef int add_element(struct building *building, const struct row *row, const char *bytes,
                        uint64_t address);

static int add_each(struct building *building, const struct row *row, uint64_t array,
                    uint64_t count, size_t size, add_element *add)
{
    if (!spend(building, count, size > sizeof(void *) ? size : sizeof(void *)))
        return 0;
    char *bytes = malloc((size_t)count * size + 1);
    int result = bytes != NULL ? 0 : -ENOMEM;
    if (result == 0)
        result = asyncp_view_read(building->view, array, bytes, (size_t)count * size);
    for (uint64_t i = 0; i < count && result >= 0; i++)
        result = add(building, row, bytes + i * size, array + i * size);
    free(bytes);
    return result < 0 ? result : 0;
}

static int add_pointer(struct building *building, const struct row *row, const char *bytes,
                       uint64_t address)
{
    (void)address;
    uint64_t handle = 0;
    memcpy(&handle, bytes, sizeof(void *)); /* little-endian, or of 8 bytes */
    return add_handle(building, row, handle, EDGE_AWAITS);
}

static int add_join(struct building *building, const struct row *row, const char *join)
{
    return add_each(building, row, asyncp_layout_get(building->layout, join, LAYOUT_join_tasks),
                    asyncp_layout_get(building->layout, join, LAYOUT_join_count), sizeof(void *),
                    add_pointer);
}

/* ---- failures ------------------------------------------------------------------------------- */

/* Those of the row, which is the last one; with a new entry if it has none. NULL: no memory. */
static struct failures *failures_of(struct graph *graph, uint32_t row)
{
    if (graph->failure_count > 0 && graph->failures[graph->failure_count - 1].row == row)
        return &graph->failures[graph->failure_count - 1];
    struct failures *failures = asyncp_array_grow(graph->failures, &graph->failure_capacity,
                                                  graph->failure_count + 1, sizeof *failures);
    if (failures == NULL)
        return NULL;
    graph->failures = failures;
    graph->failures[graph->failure_count] = (struct failures){.row = row, .ended = UINT64_MAX};
    return &graph->failures[graph->failure_count++];
}

static int add_failure(struct graph *graph, uint32_t row, int32_t error, uint64_t ended)
{
    struct failures *failures = failures_of(graph, row);
    if (failures == NULL)
        return -ENOMEM;
    failures->count++;
    if (ended < failures->ended) {
        failures->ended = ended;
        failures->error = error;
    }
    return 0;
}

/* The number of a row's failures is right or unknown. */
static void forget_failures(struct graph *graph, uint32_t row)
{
    if (graph->failure_count > 0 && graph->failures[graph->failure_count - 1].row == row)
        graph->failure_count--;
}

static int add_ended(struct building *building, const struct row *row, uint64_t handle)
{
    const struct layout *layout = building->layout;
    char record[MAX_RECORD_BYTES];
    size_t size = whole_size(building, LAYOUT_task);
    if (building->ended_left == 0 || size > sizeof record)
        forget_failures(building->graph, index_of(building, row));
    if (building->ended_left == 0 || size > sizeof record ||
        asyncp_view_read(building->view, handle, record, size) < 0)
        return 0;
    building->ended_left--;
    const int32_t result = (int32_t)asyncp_layout_get(layout, record, LAYOUT_task_result);
    const uint64_t loop = building->snapshot->loops[row->loop].address;
    bool has_failed = result < 0 && asyncp_layout_get(layout, record, LAYOUT_task_coroutine) == 0 &&
                      asyncp_layout_get(layout, record, LAYOUT_task_loop) == loop &&
                      asyncp_layout_get(layout, record, LAYOUT_task_references) != 0;
    return !has_failed ? 0
                       : add_failure(building->graph, index_of(building, row), result,
                                     asyncp_layout_get(layout, record, LAYOUT_task_ended));
}

static int add_gathered(struct building *building, const struct row *row, const char *bytes,
                        uint64_t address)
{
    uint64_t handle = 0;
    int result = add_pointer(building, row, bytes, address);
    memcpy(&handle, bytes, sizeof(void *));
    return result != 0 || handle == 0 ? result : add_ended(building, row, handle);
}

static int add_gather(struct building *building, const struct row *row, const char *join)
{
    return add_each(building, row, asyncp_layout_get(building->layout, join, LAYOUT_join_tasks),
                    asyncp_layout_get(building->layout, join, LAYOUT_join_count), sizeof(void *),
                    add_gathered);
}

/* ---- watches -------------------------------------------------------------------------------- */

/*
 * The listener of a watched task is in a list whose head is in the task's record, mostly next to
 * it. A future has no row: its list leads back to the listener.
 */
static int add_watched(struct building *building, const struct row *row, const char *watched,
                       uint64_t address)
{
    const struct layout *layout = building->layout;
    const uint64_t own = address + layout->entries[LAYOUT_watched_next].offset;
    const uint64_t offset = layout->entries[LAYOUT_task_waiters].offset;
    uint64_t link = asyncp_layout_get(layout, watched, LAYOUT_watched_next);
    if (asyncp_layout_get(layout, watched, LAYOUT_watched_ended) != 0)
        return 0;
    for (int left = MAX_LISTENERS; left > 0; left--) {
        uint64_t next = 0;
        int result = add_handle(building, row, link - offset, EDGE_ONE_OF);
        if (result != 0 || link == own)
            return result;
        if (!spend(building, 1, READ_COST_BYTES))
            return 0;
        result = asyncp_view_read(building->view, link, &next, sizeof(void *));
        if (result < 0)
            return result;
        link = next;
    }
    building->graph->unreadable++;
    return 0;
}

static int add_watch(struct building *building, const struct row *row, const char *watch)
{
    return add_each(building, row, asyncp_layout_get(building->layout, watch, LAYOUT_watch_tasks),
                    asyncp_layout_get(building->layout, watch, LAYOUT_watch_count),
                    whole_size(building, LAYOUT_watched), add_watched);
}

/* ---- selects -------------------------------------------------------------------------------- */

/* Only tasks: of a lock the owner is not awaited, and other objects have no task. */
static int add_case(struct building *building, const struct row *row, const char *bytes,
                    uint64_t address)
{
    (void)address;
    uint64_t kind = asyncp_layout_get(building->layout, bytes, LAYOUT_case_kind);
    uint64_t object = asyncp_layout_get(building->layout, bytes, LAYOUT_case_object);
    return kind == building->layout->entries[LAYOUT_case_task].offset
               ? add_handle(building, row, object, EDGE_ONE_OF)
               : 0;
}

static int add_select(struct building *building, const struct row *row, const char *select)
{
    return add_each(building, row, asyncp_layout_get(building->layout, select, LAYOUT_select_cases),
                    asyncp_layout_get(building->layout, select, LAYOUT_select_count),
                    whole_size(building, LAYOUT_case), add_case);
}

/* ---- rows ----------------------------------------------------------------------------------- */

/*
 * What calls wait for, besides the handle that is their object. The last wait of a race is a join;
 * the object of a join is a task, that of other waits is none.
 */
static const struct {
    const char *call;
    enum layout_name whole;
    int (*add)(struct building *building, const struct row *row, const char *bytes);
} finders[] = {{"async_gather", LAYOUT_join, add_gather},
               {"async_wait", LAYOUT_watch, add_watch},
               {"async_completion_next", LAYOUT_watch, add_watch},
               {"async_staggered_race", LAYOUT_watch, add_watch},
               {"async_staggered_race", LAYOUT_join, add_join},
               {"async_select", LAYOUT_select, add_select}};

/* Memory that has changed meanwhile gives fewer edges, and no error. */
static int read_and_add(struct building *building, const struct row *row, size_t finder)
{
    size_t size = whole_size(building, finders[finder].whole);
    bool is_object = finders[finder].whole == LAYOUT_watch;
    uint64_t address = is_object ? row->object : row->wait;
    char *bytes = malloc(size);
    int result = bytes != NULL ? 0 : -ENOMEM;
    if (result == 0)
        result = asyncp_view_read(building->view, address, bytes, size);
    if (result == 0)
        result = finders[finder].add(building, row, bytes);
    free(bytes);
    return result == -EFAULT ? 0 : result;
}

static int add_group(struct building *building, const struct row *child)
{
    const struct place_of_row key = {.address = child->group};
    const struct place_of_row *found = child->group == 0
                                           ? NULL
                                           : bsearch(&key, building->groups, building->group_count,
                                                     sizeof key, compare_places);
    return found == NULL ? 0
                         : add_edge(building, found->row, index_of(building, child),
                                    found->waits_for_one ? EDGE_ONE_OF : EDGE_AWAITS);
}

static int add_owner(struct building *building, const struct row *row)
{
    const struct row *owner = row->owner != 0
                                  ? asyncp_row_of(building->snapshot, row->loop, row->owner)
                                  : NULL;
    return owner == NULL
               ? 0
               : add_edge(building, index_of(building, row), index_of(building, owner), EDGE_LOCK);
}

static int add_edges_of(struct building *building, const struct row *row)
{
    const char *call = asyncp_texts_get(&building->snapshot->texts, row->call);
    int result = add_group(building, row);
    if (result == 0)
        result = add_owner(building, row);
    if (result < 0 || row->state != ROW_WAITS)
        return result;
    for (size_t i = 0; i < sizeof finders / sizeof *finders; i++)
        if (strcmp(call, finders[i].call) == 0 &&
            (finders[i].whole != LAYOUT_watch || row->awaited == 0))
            return read_and_add(building, row, i);
    if (row->awaited != 0)
        result = add_handle(building, row, row->object, EDGE_AWAITS);
    return result < 0 ? result : 0;
}

/* ---- the graph ------------------------------------------------------------------------------ */

/* Calls that wait for children of a group, which is their object. */
static void add_group_place(struct building *building, const struct row *row)
{
    const char *call = asyncp_texts_get(&building->snapshot->texts, row->call);
    bool is_next = strcmp(call, "async_group_next") == 0;
    if (row->state == ROW_WAITS && (is_next || strcmp(call, "async_group_wait") == 0 ||
                                    strcmp(call, "the end of a task group") == 0))
        building->groups[building->group_count++] = (struct place_of_row){
            row->object, index_of(building, row), is_next};
}

static int open_places(struct building *building)
{
    const struct snapshot *snapshot = building->snapshot;
    building->handles = malloc((snapshot->row_count + 1) * sizeof *building->handles);
    building->groups = malloc((snapshot->row_count + 1) * sizeof *building->groups);
    building->last = malloc((snapshot->row_count + 1) * sizeof *building->last);
    if (building->handles == NULL || building->groups == NULL || building->last == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < snapshot->row_count; i++) {
        building->handles[i] = (struct place_of_row){.address = snapshot->rows[i].address,
                                                     .row = i};
        building->last[i].from = UINT32_MAX; /* no row */
        add_group_place(building, &snapshot->rows[i]);
    }
    qsort(building->handles, snapshot->row_count, sizeof *building->handles, compare_places);
    qsort(building->groups, building->group_count, sizeof *building->groups, compare_places);
    return 0;
}

static int compare_edges(const void *one, const void *other)
{
    const struct edge *a = one, *b = other;
    if (a->from != b->from)
        return a->from > b->from ? 1 : -1;
    return a->to != b->to ? (a->to > b->to) - (a->to < b->to) : (int)a->kind - (int)b->kind;
}

static int compare_failures(const void *one, const void *other)
{
    const struct failures *a = one, *b = other;
    return (a->row > b->row) - (a->row < b->row);
}

/* The first edge from a row or from one behind it. */
static size_t first_edge(const struct graph *graph, uint32_t row)
{
    const struct edge key = {.from = row};
    return asyncp_array_first(&key, graph->edges, graph->count, sizeof key, compare_edges);
}

int asyncp_graph_open(struct graph *graph, const struct snapshot *snapshot, const struct view *view,
                      const struct layout *layout)
{
    struct building building = {.graph = graph,
                                .snapshot = snapshot,
                                .view = view,
                                .layout = layout,
                                .ended_left = MAX_ENDED_READ,
                                .bytes_left = MIN_BUDGET + BUDGET_OF_ROW * snapshot->row_count};
    *graph = (struct graph){.count = 0};
    int result = open_places(&building);
    for (size_t i = 0; i < snapshot->row_count && result == 0; i++)
        result = add_edges_of(&building, &snapshot->rows[i]);
    free(building.handles);
    free(building.groups);
    free(building.last);
    graph->count = asyncp_array_sort_once(graph->edges, graph->count, sizeof *graph->edges,
                                          compare_edges);
    if (result < 0)
        asyncp_graph_close(graph);
    return result;
}

void asyncp_graph_close(struct graph *graph)
{
    free(graph->edges);
    free(graph->failures);
    *graph = (struct graph){.count = 0};
}

size_t asyncp_graph_from(const struct graph *graph, uint32_t row, const struct edge **edges)
{
    size_t begin = first_edge(graph, row), end = first_edge(graph, row + 1);
    *edges = end > begin ? graph->edges + begin : NULL;
    return end - begin;
}

const struct failures *asyncp_graph_failures(const struct graph *graph, uint32_t row)
{
    const struct failures key = {.row = row};
    return graph->failure_count == 0
               ? NULL
               : bsearch(&key, graph->failures, graph->failure_count, sizeof key, compare_failures);
}
