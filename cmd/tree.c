/*
 * cmd/tree.c: `asyncio tree`: tasks as trees. Below a task stand those that it awaits. A task that
 * several await has one place; elsewhere it is named only. Leaves that do the same share a line.
 */
#include "cmd/group.h"
#include "cmd/show.h"
#include <asyncio/base.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PREFIX = 512, MAX_DEPTH = 64 };

struct tree {
    const struct ps_view *ps;
    const struct graph *graph;
    int64_t now_ns;
    bool *is_printed; /* by row */
    char prefix[MAX_PREFIX];
};

/* One of a task's children in the tree: a row with children of its own, or leaves. */
struct child {
    struct group group;
    bool is_leaf;
};

static uint32_t index_of_row(const struct tree *tree, const struct row *row)
{
    return (uint32_t)(row - tree->ps->snapshot->rows);
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
        if (edges[i].kind == EDGE_AWAITS)
            return false;
    return true;
}

/* "#3 and 98 more handle: waits 12.3 s in async_recv, descriptor 7, at serve server.c:88" */
static void print_group(const struct tree *tree, const struct group *group, bool with_object)
{
    const struct snapshot *snapshot = tree->ps->snapshot;
    const struct row *row = group->first;
    char ids[48], name[MAX_SHOWN_BYTES], wait[3 * MAX_SHOWN_BYTES], since[32];
    char place[MAX_SHOWN_BYTES];
    group_show_ids(ids, sizeof ids, group);
    show_text(name, sizeof name, snapshot, row->name);
    printf("%s %s: %s", ids, name, show_state(row->state));
    if (row->state == ROW_WAITS) {
        show_duration(since, sizeof since, tree->now_ns - group->since_ns);
        show_wait(wait, sizeof wait, snapshot, row, with_object && group->same_object);
        printf(" %s in %s", since, wait);
    }
    lines_show_first(place, sizeof place, tree->ps->lines, snapshot, row);
    printf("%s%s\n", *place != 0 ? ", at " : "", place);
}

static void print_children(struct tree *tree, const struct row *row, int depth);

static void print_child(struct tree *tree, const struct child *child, bool is_last, int depth)
{
    size_t length = strlen(tree->prefix);
    const struct row *row = child->group.first;
    bool again = !child->is_leaf && tree->is_printed[index_of_row(tree, row)];
    printf("  %s%s", tree->prefix, depth == 0 ? "" : is_last ? "└─ " : "├─ ");
    if (again) {
        char name[MAX_SHOWN_BYTES];
        show_text(name, sizeof name, tree->ps->snapshot, row->name);
        printf("#%" PRIu64 " %s: see above\n", row->id, name);
        return;
    }
    print_group(tree, &child->group, child->is_leaf);
    tree->is_printed[index_of_row(tree, row)] = true;
    if (child->is_leaf || depth >= MAX_DEPTH)
        return;
    snprintf(tree->prefix + length, sizeof tree->prefix - length, "%s",
             depth == 0 ? ""
             : is_last  ? "   "
                        : "│  ");
    print_children(tree, row, depth + 1);
    tree->prefix[length] = 0;
}

/* Adds a row to the children: leaves to a group of their own kind. */
static void add_child(const struct tree *tree, struct child *children, size_t *count,
                      const struct row *row)
{
    bool leaf = is_leaf(tree, row);
    size_t at = tree->ps->each || !leaf ? *count : 0;
    while (at < *count &&
           !(children[at].is_leaf && group_is_alike(tree->ps, children[at].group.first, row)))
        at++;
    size_t used = at < *count ? 1 : 0;
    group_add(tree->ps, &children[at].group, &used, row);
    children[at].is_leaf = leaf;
    *count += at == *count;
}

static void print_all(struct tree *tree, const struct child *children, size_t count, int depth)
{
    for (size_t i = 0; i < count; i++)
        print_child(tree, &children[i], i + 1 == count, depth);
}

static void print_children(struct tree *tree, const struct row *row, int depth)
{
    const struct edge *edges;
    size_t edge_count = awaited_by(tree, row, &edges), count = 0;
    struct child *children = malloc((edge_count + 1) * sizeof *children);
    for (size_t i = 0; children != NULL && i < edge_count; i++)
        if (edges[i].kind == EDGE_AWAITS)
            add_child(tree, children, &count, &tree->ps->snapshot->rows[edges[i].to]);
    if (children != NULL)
        print_all(tree, children, count, depth);
    else
        printf("  %s(out of memory)\n", tree->prefix);
    free(children);
}

/* ---- roots ---------------------------------------------------------------------------------- */

/* Tasks that no other one awaits; then what is left of those that await each other in a circle. */
static int print_roots(struct tree *tree, const struct loop_row *loop, const bool *is_awaited)
{
    const struct row *rows = tree->ps->snapshot->rows + loop->first_row;
    struct child *children = malloc((loop->row_count + 1) * sizeof *children);
    size_t count = 0;
    if (children == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < loop->row_count; i++)
        if (!is_awaited[loop->first_row + i])
            add_child(tree, children, &count, &rows[i]);
    print_all(tree, children, count, 0);
    for (size_t i = 0; i < loop->row_count; i++)
        if (is_awaited[loop->first_row + i] && !is_leaf(tree, &rows[i]) &&
            !tree->is_printed[loop->first_row + i]) {
            count = 0;
            add_child(tree, children, &count, &rows[i]);
            print_all(tree, children, count, 0);
        }
    free(children);
    return 0;
}

static int print_loops(struct tree *tree, const bool *is_awaited)
{
    const struct snapshot *snapshot = tree->ps->snapshot;
    int result = 0;
    if (snapshot->loop_count == 0)
        puts("no loop is open");
    for (size_t i = snapshot->loop_count; i-- > 0 && result == 0;) { /* the oldest one first */
        const struct loop_row *loop = &snapshot->loops[i];
        tree->now_ns = loop->is_virtual ? loop->now_ns : snapshot->taken_ns;
        ps_print_loop(tree->ps, loop);
        if (!ps_is_of_parent(tree->ps, loop))
            result = print_roots(tree, loop, is_awaited);
    }
    return result;
}

/* ---- cycles --------------------------------------------------------------------------------- */

/* "cycle: #3 waits for #4 waits for #3" */
static void print_cycle(const struct tree *tree, const struct cycle *cycle)
{
    const struct snapshot *snapshot = tree->ps->snapshot;
    printf("cycle: ");
    for (size_t i = 0; i < cycle->count; i++)
        printf("#%" PRIu64 " waits for ", snapshot->rows[cycle->rows[i]].id);
    printf("#%" PRIu64 "; only a time limit or a request to cancel ends it\n",
           snapshot->rows[cycle->rows[0]].id);
    for (size_t i = 0; i < cycle->count; i++) {
        const struct row *row = &snapshot->rows[cycle->rows[i]];
        const struct group group = {row, 1, row->since_ns, true};
        printf("  ");
        print_group(tree, &group, true);
    }
}

int ps_print_tree(const struct ps_view *ps, const struct graph *graph, const struct cycles *cycles)
{
    const size_t rows = ps->snapshot->row_count;
    struct tree tree = {.ps = ps, .graph = graph};
    bool *is_awaited = calloc(rows + 1, sizeof *is_awaited);
    int result = -ENOMEM;
    tree.is_printed = calloc(rows + 1, sizeof *tree.is_printed);
    if (tree.is_printed != NULL && is_awaited != NULL) {
        for (size_t i = 0; i < graph->count; i++)
            if (graph->edges[i].kind == EDGE_AWAITS)
                is_awaited[graph->edges[i].to] = true;
        result = print_loops(&tree, is_awaited);
        for (size_t i = 0; i < cycles->count; i++)
            print_cycle(&tree, &cycles->found[i]);
    }
    free(tree.is_printed);
    free(is_awaited);
    return result;
}
