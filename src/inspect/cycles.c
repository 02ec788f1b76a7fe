/* inspect/cycles.c: a search in depth, without recursion: a chain may have a million tasks. */
#include "inspect/cycles.h"
#include <errno.h>
#include <stdlib.h>

enum visit { NOT_SEEN, ON_PATH, DONE };

/* A row on the path, and the edge that is followed next. */
struct step {
    uint32_t row;
    const struct edge *next, *end;
};

struct search {
    struct cycles *cycles;
    const struct graph *graph;
    uint8_t *seen; /* enum visit, by row */
    struct step *path;
    size_t depth;
};

/* The path from a row on is a cycle. */
static void add_cycle(struct search *search, uint32_t row)
{
    struct cycles *cycles = search->cycles;
    size_t first = search->depth;
    if (cycles->count == MAX_CYCLES)
        return;
    while (search->path[first - 1].row != row)
        first--;
    size_t count = search->depth - (first - 1);
    struct cycle *cycle = &cycles->found[cycles->count++];
    cycle->count = count < MAX_CYCLE_ROWS ? count : MAX_CYCLE_ROWS;
    cycle->length = count;
    for (size_t i = 0; i < cycle->count; i++)
        cycle->rows[i] = search->path[first - 1 + i].row;
}

static void enter(struct search *search, uint32_t row)
{
    search->seen[row] = ON_PATH;
    struct step *step = &search->path[search->depth++];
    size_t count = asyncp_graph_from(search->graph, row, &step->next);
    step->row = row;
    step->end = count > 0 ? step->next + count : step->next;
}

static void search_from(struct search *search, uint32_t row)
{
    enter(search, row);
    while (search->depth > 0) {
        struct step *step = &search->path[search->depth - 1];
        if (step->next == step->end) {
            search->seen[step->row] = DONE;
            search->depth--;
            continue;
        }
        const struct edge *edge = step->next++;
        uint32_t to = edge->to;
        if (edge->kind == EDGE_ONE_OF)
            continue;
        if (search->seen[to] == ON_PATH)
            add_cycle(search, to);
        else if (search->seen[to] == NOT_SEEN)
            enter(search, to);
    }
}

int asyncp_cycles_find(struct cycles *cycles, const struct graph *graph, size_t row_count)
{
    struct search search = {.cycles = cycles, .graph = graph};
    cycles->count = 0;
    search.seen = calloc(row_count + 1, sizeof *search.seen);
    search.path = malloc((row_count + 1) * sizeof *search.path);
    int result = search.seen != NULL && search.path != NULL ? 0 : -ENOMEM;
    for (uint32_t row = 0; row < row_count && result == 0; row++)
        if (search.seen[row] == NOT_SEEN)
            search_from(&search, row);
    free(search.seen);
    free(search.path);
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
        bool confirmed = true;
        for (size_t j = 0; j < cycles->found[i].count && confirmed; j++)
            confirmed = is_in_same_wait(snapshot, &snapshot->rows[cycles->found[i].rows[j]], later);
        if (confirmed)
            cycles->found[kept++] = cycles->found[i];
    }
    cycles->count = kept;
}
