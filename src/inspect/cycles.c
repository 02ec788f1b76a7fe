/* inspect/cycles.c: a search in depth, without recursion: a chain may have a million tasks. */
#include "inspect/cycles.h"
#include "inspect/array.h"
#include <errno.h>
#include <stdlib.h>

enum visit { NOT_SEEN, ON_PATH, DONE, VISITS = 3, IN_CYCLE = 4 };

/* A row on the path, and the edge that is followed next. */
struct step {
    uint32_t row;
    const struct edge *next, *end;
};

struct search {
    struct cycles *cycles;
    const struct graph *graph;
    uint8_t *seen; /* enum visit, by row, and IN_CYCLE */
    struct step *path;
    size_t depth;
    size_t overlapping; /* cycles that have tasks in common with earlier ones */
    size_t steps_left;  /* back along paths: the cycles of a process that lies may all be long */
};

/* ---- the list ------------------------------------------------------------------------------- */

/* 0 or -ENOMEM. */
static int append_cycle(struct cycles *cycles, const struct step *path, size_t length)
{
    struct cycle *found = asyncp_array_grow(cycles->found, &cycles->capacity, cycles->count + 1,
                                            sizeof *found);
    if (found == NULL)
        return -ENOMEM;
    cycles->found = found;
    uint32_t *rows = asyncp_array_grow(cycles->rows, &cycles->row_capacity,
                                       cycles->row_count + length, sizeof *rows);
    if (rows == NULL)
        return -ENOMEM;
    cycles->rows = rows;
    cycles->found[cycles->count++] = (struct cycle){cycles->row_count, length};
    for (size_t i = 0; i < length; i++)
        cycles->rows[cycles->row_count++] = path[i].row;
    return 0;
}

void asyncp_cycles_free(struct cycles *cycles)
{
    free(cycles->found);
    free(cycles->rows);
    *cycles = (struct cycles){.count = 0};
}

/* ---- the search ----------------------------------------------------------------------------- */

/* Whether no row of the path is in another cycle. Marks all of them. */
static bool claim_rows(struct search *search, const struct step *path, size_t length)
{
    uint8_t marks = 0;
    for (size_t i = 0; i < length; i++) {
        marks |= search->seen[path[i].row];
        search->seen[path[i].row] |= IN_CYCLE;
    }
    return (marks & IN_CYCLE) == 0;
}

/* Whether a cycle from the end of the path to a row is one too many that overlaps with others. */
static bool overlaps_too_much(const struct search *search, uint32_t row)
{
    const uint32_t end = search->path[search->depth - 1].row;
    return search->overlapping >= MAX_OVERLAPPING &&
           (search->seen[row] & search->seen[end] & IN_CYCLE) != 0;
}

/* The path from a row on is a cycle. 0 or -ENOMEM. */
static int add_cycle(struct search *search, uint32_t row)
{
    size_t length = 1;
    if (overlaps_too_much(search, row)) {
        search->cycles->left_out++;
        return 0;
    }
    while (length <= search->steps_left && search->path[search->depth - length].row != row)
        length++;
    const bool is_too_far = length > search->steps_left;
    const struct step *path = search->path + search->depth - length;
    search->steps_left -= is_too_far ? search->steps_left : length;
    if (is_too_far ||
        (!claim_rows(search, path, length) && search->overlapping++ >= MAX_OVERLAPPING)) {
        search->cycles->left_out++;
        return 0;
    }
    return append_cycle(search->cycles, path, length);
}

static void enter(struct search *search, uint32_t row)
{
    search->seen[row] = ON_PATH;
    struct step *step = &search->path[search->depth++];
    size_t count = asyncp_graph_from(search->graph, row, &step->next);
    step->row = row;
    step->end = count > 0 ? step->next + count : step->next;
}

/* 0 or -ENOMEM. */
static int search_from(struct search *search, uint32_t row)
{
    int result = 0;
    enter(search, row);
    while (search->depth > 0 && result == 0) {
        struct step *step = &search->path[search->depth - 1];
        if (step->next == step->end) {
            search->seen[step->row] = (search->seen[step->row] & IN_CYCLE) | DONE;
            search->depth--;
            continue;
        }
        const struct edge *edge = step->next++;
        uint32_t to = edge->to;
        if (edge->kind == EDGE_ONE_OF)
            continue;
        if ((search->seen[to] & VISITS) == ON_PATH)
            result = add_cycle(search, to);
        else if (search->seen[to] == NOT_SEEN)
            enter(search, to);
    }
    return result;
}

int asyncp_cycles_find(struct cycles *cycles, const struct graph *graph, size_t row_count)
{
    struct search search = {
        .cycles = cycles, .graph = graph, .steps_left = 2 * (row_count + MAX_OVERLAPPING)};
    *cycles = (struct cycles){.count = 0};
    search.seen = calloc(row_count + 1, sizeof *search.seen);
    search.path = malloc((row_count + 1) * sizeof *search.path);
    int result = search.seen != NULL && search.path != NULL ? 0 : -ENOMEM;
    for (uint32_t row = 0; row < row_count && result == 0; row++)
        if (search.seen[row] == NOT_SEEN)
            result = search_from(&search, row);
    free(search.seen);
    free(search.path);
    if (result < 0)
        asyncp_cycles_free(cycles);
    return result;
}

/* ---- confirmation --------------------------------------------------------------------------- */

/* The loop of a row in another snapshot; NULL: it was closed. */
static const struct loop_row *same_loop(const struct snapshot *snapshot, const struct row *row,
                                        const struct snapshot *later)
{
    for (size_t i = 0; i < later->loop_count; i++)
        if (later->loops[i].number == snapshot->loops[row->loop].number)
            return &later->loops[i];
    return NULL;
}

/* The clock of a loop stands still while it runs a burst of turns. */
static bool is_certain(const struct loop_row *before, const struct row *row,
                       const struct loop_row *later)
{
    bool has_slept = before->is_asleep && later->is_asleep && before->now_ns == later->now_ns;
    return has_slept || row->since_ns < before->now_ns;
}

static bool is_in_same_wait(const struct snapshot *snapshot, const struct row *row,
                            const struct snapshot *later)
{
    const struct loop_row *loop = same_loop(snapshot, row, later);
    const struct row *now = loop == NULL
                                ? NULL
                                : asyncp_row_of(later, (uint32_t)(loop - later->loops), row->id);
    return now != NULL && is_certain(&snapshot->loops[row->loop], row, loop) &&
           row->state == ROW_WAITS && now->state == ROW_WAITS && now->wait == row->wait &&
           now->since_ns == row->since_ns && now->object == row->object && now->owner == row->owner;
}

void asyncp_cycles_confirm(struct cycles *cycles, const struct snapshot *snapshot,
                           const struct snapshot *later)
{
    size_t kept = 0;
    for (size_t i = 0; i < cycles->count; i++) {
        const uint32_t *rows = asyncp_cycle_rows(cycles, &cycles->found[i]);
        bool confirmed = true;
        for (size_t j = 0; j < cycles->found[i].length && confirmed; j++)
            confirmed = is_in_same_wait(snapshot, &snapshot->rows[rows[j]], later);
        if (confirmed)
            cycles->found[kept++] = cycles->found[i];
    }
    cycles->count = kept;
}
