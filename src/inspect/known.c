/* inspect/known.c: reads each stack once, and looks its words up in a sorted array of objects. */
#include "inspect/known.h"
#include "inspect/array.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_STACK_BYTES = 1 << 16, ROOM_BYTES = 1 << 20, MAX_STACKS = 512, MAX_LOOKS = 1 << 26 };

static int compare_objects(const void *one, const void *other)
{
    const struct known_object *a = one, *b = other;
    if (a->object != b->object)
        return a->object > b->object ? 1 : -1;
    if (a->loop != b->loop)
        return a->loop > b->loop ? 1 : -1;
    return (a->call > b->call) - (a->call < b->call);
}

/* ---- objects -------------------------------------------------------------------------------- */

/* Whether the row waits for an object, and it is not known already which task would wake it. */
static bool is_sought(const struct snapshot *snapshot, const struct graph *graph,
                      const struct row *row)
{
    const struct edge *edges;
    return row->state == ROW_WAITS && row->object >= MIN_OBJECT_ADDRESS &&
           asyncp_graph_from(graph, (uint32_t)(row - snapshot->rows), &edges) == 0;
}

static int collect_objects(struct known *known, const struct snapshot *snapshot,
                           const struct graph *graph)
{
    known->objects = malloc((snapshot->row_count + 1) * sizeof *known->objects);
    if (known->objects == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < snapshot->row_count; i++) {
        const struct row *row = &snapshot->rows[i];
        if (is_sought(snapshot, graph, row))
            known->objects[known->count++] = (struct known_object){
                .object = row->object, .call = row->call, .loop = row->loop};
    }
    known->count = asyncp_array_sort_once(known->objects, known->count, sizeof *known->objects,
                                          compare_objects);
    return 0;
}

/* The first entry of an object or of one behind it. */
static size_t first_entry(const struct known *known, uint64_t object)
{
    const struct known_object key = {.object = object};
    return asyncp_array_first(&key, known->objects, known->count, sizeof key, compare_objects);
}

/* ---- stacks --------------------------------------------------------------------------------- */

struct stack_search {
    struct known *known;
    const struct snapshot *snapshot;
    char *room;
    size_t used, count;
    struct piece pieces[MAX_STACKS];
    uint32_t rows[MAX_STACKS]; /* with these stacks */
    size_t looks_left;         /* at objects: a process may have tasks in any number of calls */
};

/* A task counts once for an object, though its stack may have the address several times. */
static void add_knowing_row(struct known_object *object, uint32_t index)
{
    if (object->last == index + 1)
        return;
    object->last = index + 1;
    if (object->count < KNOWN_MOST)
        object->rows[object->count] = index;
    object->count++;
}

static void look_up(struct stack_search *search, uint64_t word, uint32_t index)
{
    const struct known *known = search->known;
    const struct row *row = &search->snapshot->rows[index];
    for (size_t i = first_entry(known, word);
         i < known->count && known->objects[i].object == word && search->looks_left > 0;
         i++, search->looks_left--) {
        struct known_object *object = &known->objects[i];
        bool waits_too = row->state == ROW_WAITS && row->object == word &&
                         row->call == object->call;
        if (row->loop == object->loop && !waits_too)
            add_knowing_row(object, index);
    }
}

/* Most words are no addresses of objects. */
static void search_stack(struct stack_search *search, const struct piece *piece, uint32_t index)
{
    const struct known *known = search->known;
    const uint64_t first = known->objects[0].object;
    const uint64_t span = known->objects[known->count - 1].object - first;
    for (size_t at = 0; at + sizeof(void *) <= piece->size; at += sizeof(void *)) {
        uintptr_t word;
        memcpy(&word, (const char *)piece->bytes + at, sizeof word);
        if (word - first <= span)
            look_up(search, word, index);
    }
    search->known->unreadable += search->looks_left == 0;
}

static int search_read(struct stack_search *search, const struct view *view)
{
    int result = search->count > 0 ? view->read(view, search->pieces, search->count) : 0;
    for (size_t i = 0; i < search->count && result == 0; i++)
        if (search->pieces[i].was_read)
            search_stack(search, &search->pieces[i], search->rows[i]);
    search->used = search->count = 0;
    return result;
}

/* The arguments of the task lie between its first frame and its control block. */
static int add_stack(struct stack_search *search, const struct view *view, const struct row *row)
{
    size_t size = row->stack_used < MAX_STACK_BYTES ? (size_t)row->stack_used : MAX_STACK_BYTES;
    size &= ~(sizeof(void *) - 1);
    if (size == 0)
        return 0;
    if (search->count == MAX_STACKS || size > ROOM_BYTES - search->used) {
        int result = search_read(search, view);
        if (result < 0)
            return result;
    }
    search->rows[search->count] = (uint32_t)(row - search->snapshot->rows);
    search->pieces[search->count++] = (struct piece){
        .address = row->coroutine - size, .bytes = search->room + search->used, .size = size};
    search->used += size;
    return 0;
}

static int search_stacks(struct stack_search *search, const struct view *view)
{
    int result = 0;
    for (size_t i = 0; i < search->snapshot->row_count && result == 0; i++)
        result = add_stack(search, view, &search->snapshot->rows[i]);
    return result == 0 ? search_read(search, view) : result;
}

/* ---- the whole ------------------------------------------------------------------------------ */

int asyncp_known_find(struct known *known, const struct snapshot *snapshot,
                      const struct graph *graph, const struct view *view)
{
    *known = (struct known){.count = 0};
    int result = collect_objects(known, snapshot, graph);
    if (result < 0 || known->count == 0)
        return result;
    struct stack_search *search = malloc(sizeof *search);
    char *room = malloc(ROOM_BYTES);
    result = -ENOMEM;
    if (search != NULL && room != NULL) {
        *search = (struct stack_search){
            .known = known, .snapshot = snapshot, .room = room, .looks_left = MAX_LOOKS};
        result = search_stacks(search, view);
    }
    free(room);
    free(search);
    return result;
}

const struct known_object *asyncp_known_of(const struct known *known, const struct row *row)
{
    const struct known_object key = {.object = row->object, .call = row->call, .loop = row->loop};
    return row->state != ROW_WAITS || known->count == 0
               ? NULL
               : bsearch(&key, known->objects, known->count, sizeof key, compare_objects);
}

void asyncp_known_free(struct known *known)
{
    free(known->objects);
    *known = (struct known){.count = 0};
}
