/*
 * show/tree.c: tasks as trees. Below a task stand those that it awaits. A task that
 * awaits others itself, and that several await, has one place; elsewhere it is named only. Leaves
 * that do the same share a line.
 */
#include "show/groups.h"
#include "show/words.h"
#include "base/text.h"
#include <asyncio/base.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PREFIX = 512, MAX_DEPTH = 64, MAX_SHOWN_CYCLES = 16, MAX_SHOWN_ROWS = 64 };

struct tree {
    const struct sheet *sheet;
    const struct graph *graph;
    int64_t now_ns;
    bool *is_printed; /* by row */
    bool *is_alone;   /* by row: it is in a cycle, so it shares no line */
    char prefix[MAX_PREFIX];
};

/* The loop's clock at the time of the snapshot. */
static int64_t now_of(const struct snapshot *snapshot, const struct loop_row *loop)
{
    return loop->is_virtual ? loop->now_ns : snapshot->taken_ns;
}

static uint32_t index_of_row(const struct tree *tree, const struct row *row)
{
    return (uint32_t)(row - tree->sheet->snapshot->rows);
}

static size_t awaited_by(const struct tree *tree, const struct row *row, const struct edge **edges)
{
    return asyncp_graph_from(tree->graph, index_of_row(tree, row), edges);
}

static bool is_leaf(const struct tree *tree, const struct row *row)
{
    const struct edge *edges;
    size_t count = awaited_by(tree, row, &edges);
    for (size_t i = 0; i < count; i++)
        if (edges[i].kind != EDGE_LOCK)
            return false;
    return true;
}

static const struct failures *failures_below(const struct tree *tree, const struct row *row)
{
    return tree->graph != NULL ? asyncp_graph_failures(tree->graph, index_of_row(tree, row)) : NULL;
}

/* "; 1 of its tasks has failed: -EBUSY" */
static void print_failures(const struct tree *tree, const struct row *row)
{
    const struct failures *failures = failures_below(tree, row);
    if (failures == NULL)
        return;
    const char *name = asyncp_error_name(failures->error);
    fprintf(tree->sheet->to, "; %zu of its tasks %s failed%s: ", failures->count,
            failures->count == 1 ? "has" : "have", failures->count == 1 ? "" : ", the first one");
    if (name != NULL)
        fputs(name, tree->sheet->to);
    else
        fprintf(tree->sheet->to, "%d", (int)failures->error);
}

/* "#3 and 98 more handle: waits 12.3 s in async_recv, descriptor 7, at serve server.c:88" */
static void print_group(const struct tree *tree, const struct row_group *group, bool with_object)
{
    const struct snapshot *snapshot = tree->sheet->snapshot;
    const struct row *row = group->first;
    char ids[48], name[MAX_SHOWN_BYTES], wait[4 * MAX_SHOWN_BYTES], since[32];
    char place[MAX_SHOWN_BYTES], known[3 * MAX_SHOWN_BYTES];
    asyncp_group_ids(ids, sizeof ids, group);
    asyncp_show_name(name, sizeof name, snapshot, row);
    fprintf(tree->sheet->to, "%s %s: %s", ids, name, asyncp_show_state(row->state));
    asyncp_show_wait(wait, sizeof wait, snapshot, tree->sheet->places, row,
                     with_object && group->same_object);
    if (row->state == ROW_WAITS) {
        asyncp_show_duration(since, sizeof since, tree->now_ns - group->since_ns);
        asyncp_show_known(known, sizeof known, snapshot, tree->sheet->known, row);
        fprintf(tree->sheet->to, " %s in %s%s", since, wait,
                with_object && group->same_object ? known : "");
    } else if (*wait != 0) {
        fprintf(tree->sheet->to, "; %s", wait);
    }
    print_failures(tree, row);
    asyncp_show_place(place, sizeof place, tree->sheet->places, snapshot, row);
    fprintf(tree->sheet->to, "%s%s\n", *place != 0 ? ", at " : "", place);
}

static int print_children(struct tree *tree, const struct row *row, int depth);

static int print_below(struct tree *tree, const struct row *row, bool is_last, int depth)
{
    size_t length = strlen(tree->prefix);
    snprintf(tree->prefix + length, sizeof tree->prefix - length, "%s",
             depth == 0 ? ""
             : is_last  ? "   "
                        : "│  ");
    int result = print_children(tree, row, depth + 1);
    tree->prefix[length] = 0;
    return result;
}

static int print_child(struct tree *tree, const struct row_group *group, bool is_last, int depth)
{
    const struct row *row = group->first;
    bool leaf = is_leaf(tree, row);
    fprintf(tree->sheet->to, "  %s%s", tree->prefix, depth == 0 ? "" : is_last ? "└─ " : "├─ ");
    if (!leaf && tree->is_printed[index_of_row(tree, row)]) {
        char name[MAX_SHOWN_BYTES];
        asyncp_show_name(name, sizeof name, tree->sheet->snapshot, row);
        fprintf(tree->sheet->to, "#%" PRIu64 " %s: see above\n", row->id, name);
        return 0;
    }
    print_group(tree, group, leaf);
    tree->is_printed[index_of_row(tree, row)] = true;
    return leaf ? 0 : print_below(tree, row, is_last, depth);
}

/* Leaves are added to a group of their kind. */
static int add_child(const struct tree *tree, struct groups *children, const struct row *row)
{
    bool alone = tree->sheet->each || tree->is_alone[index_of_row(tree, row)] ||
                 !is_leaf(tree, row) || failures_below(tree, row) != NULL;
    return asyncp_groups_add(tree->sheet, children, row, alone) < 0 ? -ENOMEM : 0;
}

static int print_all(struct tree *tree, const struct groups *children, int depth)
{
    int result = 0;
    for (size_t i = 0; i < children->count && result == 0; i++)
        result = print_child(tree, &children->items[i], i + 1 == children->count, depth);
    return result;
}

/* Below MAX_DEPTH only leaves are printed: print_left prints the others later. */
static int print_children(struct tree *tree, const struct row *row, int depth)
{
    const struct edge *edges;
    struct groups children;
    bool is_cut = false;
    size_t count = awaited_by(tree, row, &edges);
    int result = asyncp_groups_open(&children, count);
    for (size_t i = 0; i < count && result == 0; i++) {
        const struct row *child = &tree->sheet->snapshot->rows[edges[i].to];
        bool is_left_out = depth > MAX_DEPTH && !is_leaf(tree, child);
        is_cut |= is_left_out && edges[i].kind != EDGE_LOCK;
        if (edges[i].kind != EDGE_LOCK && !is_left_out)
            result = add_child(tree, &children, child);
    }
    if (result == 0)
        result = print_all(tree, &children, depth);
    if (is_cut)
        fprintf(tree->sheet->to, "  %s… (what it awaits stands below, as a tree of its own)\n",
                tree->prefix);
    asyncp_groups_close(&children);
    return result;
}

/* ---- roots ---------------------------------------------------------------------------------- */

/* A row that no tree has shown: of a circle, or too deep. */
static int print_left(struct tree *tree, const struct row *row)
{
    const struct row_group group = {row, 1, row->since_ns, true};
    bool is_left = !is_leaf(tree, row) && !tree->is_printed[index_of_row(tree, row)];
    return is_left ? print_child(tree, &group, true, 0) : 0;
}

/* Tasks that no other one awaits; then what is left of those that await each other in a circle. */
static int print_roots(struct tree *tree, const struct loop_row *loop, const bool *is_awaited)
{
    const struct row *rows = tree->sheet->snapshot->rows;
    const size_t first = loop->first_row, end = first + loop->row_count;
    struct groups children;
    int result = asyncp_groups_open(&children, loop->row_count);
    for (size_t i = first; i < end && result == 0; i++)
        if (!is_awaited[i])
            result = add_child(tree, &children, &rows[i]);
    if (result == 0)
        result = print_all(tree, &children, 0);
    asyncp_groups_close(&children);
    for (size_t i = first; i < end && result == 0; i++)
        if (is_awaited[i])
            result = print_left(tree, &rows[i]);
    return result;
}

static int print_loops(struct tree *tree, const bool *is_awaited)
{
    const struct snapshot *snapshot = tree->sheet->snapshot;
    int result = 0;
    if (snapshot->loop_count == 0)
        asyncp_show_no_loop(tree->sheet);
    for (size_t i = snapshot->loop_count; i-- > 0 && result == 0;) { /* the oldest one first */
        const struct loop_row *loop = &snapshot->loops[i];
        if (!asyncp_is_shown(tree->sheet, loop))
            continue;
        tree->now_ns = now_of(snapshot, loop);
        asyncp_show_loop(tree->sheet, loop);
        if (!asyncp_is_copy(tree->sheet, loop))
            result = print_roots(tree, loop, is_awaited);
    }
    return result;
}

/* ---- cycles --------------------------------------------------------------------------------- */

/* A cycle, for reading. */
struct circle {
    const struct snapshot *snapshot;
    const uint32_t *rows;
    size_t length;
};

static struct circle circle_of(const struct sheet *sheet, const struct cycles *cycles, size_t i)
{
    return (struct circle){sheet->snapshot, asyncp_cycle_rows(cycles, &cycles->found[i]),
                           cycles->found[i].length};
}

static const struct row *row_of(const struct circle *circle, size_t i)
{
    return &circle->snapshot->rows[circle->rows[i % circle->length]];
}

static bool is_cycle_shown(const struct sheet *sheet, const struct circle *circle)
{
    return asyncp_is_shown(sheet, &sheet->snapshot->loops[row_of(circle, 0)->loop]);
}

/* How many of its edges lead to the owner of a lock. */
static size_t count_locks(const struct circle *circle)
{
    size_t count = 0;
    for (size_t i = 0; i < circle->length; i++)
        count += row_of(circle, i)->owner == row_of(circle, i + 1)->id;
    return count;
}

/* A change of the program after which there is no such cycle. */
static const char *hint_about_cycle(const struct circle *circle)
{
    size_t locks = count_locks(circle);
    if (locks == 0)
        return "tasks await each other; one of them must not await: pass it the result by a future "
               "or a queue";
    if (locks < circle->length)
        return "a task awaits others while it holds a lock that one of them acquires; release the "
               "lock before the await";
    if (circle->length == 1)
        return "a task already holds the lock that it acquires; release it first, or acquire it "
               "only in the outer function";
    return "tasks hold a lock and wait for another one's; acquire the locks in the same order "
           "everywhere";
}

/* "cycle: #3 waits for #4 waits for #3" */
static void show_cycle(const struct sheet *sheet, const struct circle *circle)
{
    const struct loop_row *loop = &sheet->snapshot->loops[row_of(circle, 0)->loop];
    const struct tree tree = {.sheet = sheet, .now_ns = now_of(sheet->snapshot, loop)};
    const size_t shown = circle->length < MAX_SHOWN_ROWS ? circle->length : MAX_SHOWN_ROWS;
    fprintf(sheet->to, "cycle: ");
    for (size_t i = 0; i < shown; i++)
        fprintf(sheet->to, "#%" PRIu64 " waits for ", row_of(circle, i)->id);
    if (circle->length > shown)
        fprintf(sheet->to, "%zu more, the last one for ", circle->length - shown);
    fprintf(sheet->to, "#%" PRIu64 "\n", row_of(circle, 0)->id);
    for (size_t i = 0; i < shown; i++) {
        const struct row *row = row_of(circle, i);
        const struct row_group group = {row, 1, row->since_ns, true};
        fprintf(sheet->to, "  ");
        print_group(&tree, &group, true);
    }
}

/* Each text once. */
static void show_hint(const struct sheet *sheet, const char *hint, const char *shown[],
                      size_t *count)
{
    for (size_t i = 0; i < *count; i++)
        if (shown[i] == hint)
            return;
    shown[(*count)++] = hint;
    fprintf(sheet->to, "  hint: %s\n", hint);
}

void asyncp_show_cycles(const struct sheet *sheet, const struct cycles *cycles)
{
    const char *hints[MAX_SHOWN_CYCLES], *said[MAX_SHOWN_CYCLES];
    size_t shown = 0, hint_count = 0, more = 0;
    for (size_t i = 0; i < cycles->count; i++) {
        const struct circle circle = circle_of(sheet, cycles, i);
        if (!is_cycle_shown(sheet, &circle))
            continue;
        if (shown == MAX_SHOWN_CYCLES) {
            more++;
            continue;
        }
        show_cycle(sheet, &circle);
        hints[shown++] = hint_about_cycle(&circle);
    }
    if (shown > 0 && more + cycles->left_out > 0)
        fprintf(sheet->to, "… and %s%zu more cycles\n", cycles->left_out > 0 ? "up to " : "",
                more + cycles->left_out);
    for (size_t i = 0; i < shown; i++)
        show_hint(sheet, hints[i], said, &hint_count);
}

/* Marks the rows that are shown below a cycle. */
static void mark_cycles(struct tree *tree, const struct cycles *cycles)
{
    size_t shown = 0;
    for (size_t i = 0; i < cycles->count && shown < MAX_SHOWN_CYCLES; i++) {
        const struct circle circle = circle_of(tree->sheet, cycles, i);
        if (!is_cycle_shown(tree->sheet, &circle))
            continue;
        shown++;
        for (size_t j = 0; j < circle.length && j < MAX_SHOWN_ROWS; j++)
            tree->is_alone[circle.rows[j]] = true;
    }
}

int asyncp_show_tree(const struct sheet *sheet, const struct graph *graph,
                     const struct cycles *cycles)
{
    const size_t rows = sheet->snapshot->row_count;
    struct tree tree = {.sheet = sheet, .graph = graph};
    bool *is_awaited = calloc(rows + 1, sizeof *is_awaited);
    int result = -ENOMEM;
    tree.is_printed = calloc(rows + 1, sizeof *tree.is_printed);
    tree.is_alone = calloc(rows + 1, sizeof *tree.is_alone);
    if (tree.is_printed != NULL && tree.is_alone != NULL && is_awaited != NULL) {
        for (size_t i = 0; i < graph->count; i++)
            if (graph->edges[i].kind != EDGE_LOCK)
                is_awaited[graph->edges[i].to] = true;
        mark_cycles(&tree, cycles);
        result = print_loops(&tree, is_awaited);
        asyncp_show_cycles(sheet, cycles);
    }
    asyncp_show_unreadable(sheet, graph->unreadable + sheet->known->unreadable);
    free(tree.is_printed);
    free(tree.is_alone);
    free(is_awaited);
    return result;
}
