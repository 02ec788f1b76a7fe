/*
 * cmd/ps.c: the table of `asyncio ps`. Tasks that do the same thing share a line: of a thousand
 * connections mostly all wait in the same call.
 */
#include "cmd/ps.h"
#include "cmd/show.h"
#include <asyncio/base.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A line: tasks of one loop with the same name, places, state and call. */
struct group {
    const struct row *first; /* with the least id */
    size_t count;
    int64_t since_ns; /* of the one that waits longest */
    bool same_object;
};

static bool is_alike(const struct ps_view *ps, const struct row *one, const struct row *other)
{
    return one->loop == other->loop && one->state == other->state && one->name == other->name &&
           one->where == other->where && one->call == other->call &&
           one->cannot_cancel == other->cannot_cancel && one->requests == other->requests &&
           lines_agree(ps->lines, ps->snapshot, one, other);
}

static void add_to_group(struct group *group, const struct row *row)
{
    group->count++;
    group->same_object &= row->object == group->first->object;
    if (row->since_ns < group->since_ns)
        group->since_ns = row->since_ns;
}

/*
 * Rows are by id, so groups come by their least id. Few groups: the search is linear. Returns the
 * number of groups.
 */
static size_t gather_groups(const struct ps_view *ps, const struct row *rows, size_t count,
                            struct group *groups)
{
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        size_t at = ps->each ? used : 0;
        while (at < used && !is_alike(ps, groups[at].first, &rows[i]))
            at++;
        if (at == used)
            groups[used++] = (struct group){
                .first = &rows[i], .since_ns = rows[i].since_ns, .same_object = true};
        add_to_group(&groups[at], &rows[i]);
    }
    return used;
}

/* The texts of a line, and the widths of columns. */
struct line {
    char ids[48], since[32], name[MAX_SHOWN_BYTES], where[MAX_SHOWN_BYTES];
    char wait[3 * MAX_SHOWN_BYTES], place[MAX_SHOWN_BYTES];
};

struct widths {
    int ids, name, where, wait;
};

static void show_place(char *shown, size_t size, const struct ps_view *ps, const struct row *row)
{
    char place[MAX_SHOWN_BYTES];
    const struct code_place *found = lines_find(ps->lines, ps->snapshot, row);
    *shown = 0;
    if (found->function[0] == 0)
        return;
    lines_show(place, sizeof place, found);
    async_printable(shown, size, place, strlen(place));
}

static void fill_line(struct line *line, const struct ps_view *ps, const struct group *group,
                      int64_t now_ns)
{
    const struct snapshot *snapshot = ps->snapshot;
    const struct row *row = group->first;
    int length = snprintf(line->ids, sizeof line->ids, "#%" PRIu64, row->id);
    if (group->count > 1)
        snprintf(line->ids + length, sizeof line->ids - (size_t)length, " and %zu more",
                 group->count - 1);
    *line->since = 0;
    if (row->state == ROW_WAITS)
        show_duration(line->since, sizeof line->since, now_ns - group->since_ns);
    show_text(line->name, sizeof line->name, snapshot, row->name);
    show_text(line->where, sizeof line->where, snapshot, row->where);
    show_wait(line->wait, sizeof line->wait, snapshot, row, group->same_object);
    show_place(line->place, sizeof line->place, ps, row);
}

static void widen(int *width, const char *text)
{
    int length = (int)strlen(text);
    if (*width < length)
        *width = length;
}

static struct widths measure(const struct ps_view *ps, const struct group *groups, size_t count)
{
    struct widths widths = {sizeof "TASK" - 1, sizeof "NAME" - 1, sizeof "CREATED AT" - 1,
                            sizeof "WAITS IN" - 1};
    struct line line;
    for (size_t i = 0; i < count; i++) {
        fill_line(&line, ps, &groups[i], 0);
        widen(&widths.ids, line.ids);
        widen(&widths.name, line.name);
        widen(&widths.where, line.where);
        if (*line.place != 0)
            widen(&widths.wait, line.wait);
    }
    return widths;
}

/* A line ends with its last text. */
static void print_line(const struct widths *widths, const struct line *line, const char *state)
{
    bool has_place = *line->place != 0, has_wait = has_place || *line->wait != 0;
    printf("  %-*s  %-9s  %8s  %-*s  %-*s", widths->ids, line->ids, state, line->since,
           widths->name, line->name, has_wait ? widths->where : 0, line->where);
    if (has_wait)
        printf("  %-*s", has_place ? widths->wait : 0, line->wait);
    printf("%s%s\n", has_place ? "  " : "", line->place);
}

static void print_groups(const struct ps_view *ps, const struct group *groups, size_t count,
                         int64_t now_ns)
{
    const struct widths widths = measure(ps, groups, count);
    struct line line = {"TASK", "FOR", "NAME", "CREATED AT", "WAITS IN", "AT"};
    print_line(&widths, &line, "STATE");
    for (size_t i = 0; i < count; i++) {
        fill_line(&line, ps, &groups[i], now_ns);
        print_line(&widths, &line, show_state(groups[i].first->state));
        if (ps->stacks)
            lines_print(ps->lines, asyncp_snapshot_trace(ps->snapshot, groups[i].first),
                        "            ");
    }
}

/* A child of fork() has copies of its parent's loops, which never run again. */
static bool is_of_parent(const struct process *process, const struct loop_row *loop)
{
    return loop->process != (uint32_t)process->inner_id;
}

static void print_loop(const struct ps_view *ps, const struct loop_row *loop)
{
    char backend[MAX_SHOWN_BYTES];
    show_text(backend, sizeof backend, ps->snapshot, loop->backend);
    printf("loop %" PRIu32 ", thread %" PRIu32 ", %s%s", loop->number, loop->thread, backend,
           loop->is_virtual ? ", virtual clock" : "");
    if (is_of_parent(ps->process, loop)) {
        printf(": a copy of a loop of process %" PRIu32 ", which has forked\n", loop->process);
        return;
    }
    printf(", %s: %zu tasks, %" PRIu64 " created; %" PRIu64 " timers, %" PRIu64
           " operations in flight, %" PRIu64 " jobs on other threads\n",
           loop->is_asleep ? "asleep" : "awake", loop->row_count, loop->created, loop->timers,
           loop->in_flight, loop->jobs);
}

static int print_tasks(const struct ps_view *ps, const struct loop_row *loop)
{
    const struct snapshot *snapshot = ps->snapshot;
    struct group *groups = malloc((loop->row_count + 1) * sizeof *groups);
    if (groups == NULL)
        return -ENOMEM;
    size_t count = gather_groups(ps, snapshot->rows + loop->first_row, loop->row_count, groups);
    int64_t now_ns = loop->is_virtual ? loop->now_ns : snapshot->taken_ns;
    if (count > 0)
        print_groups(ps, groups, count, now_ns);
    free(groups);
    return 0;
}

int ps_print(const struct ps_view *ps)
{
    const struct snapshot *snapshot = ps->snapshot;
    int result = 0;
    if (snapshot->loop_count == 0)
        puts("no loop is open");
    for (size_t i = snapshot->loop_count; i-- > 0 && result == 0;) { /* the oldest one first */
        const struct loop_row *loop = &snapshot->loops[i];
        print_loop(ps, loop);
        if (!is_of_parent(ps->process, loop))
            result = print_tasks(ps, loop);
    }
    if (snapshot->unreadable > 0)
        printf("%zu lists could not be read to their ends\n", snapshot->unreadable);
    return result;
}
