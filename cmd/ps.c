/*
 * cmd/ps.c: the table of `asyncio ps`. Tasks that do the same thing share a line: of a thousand
 * connections mostly all wait in the same call.
 */
#include "cmd/group.h"
#include "cmd/show.h"
#include <asyncio/base.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The texts of a line, and the widths of columns. */
struct line {
    char ids[48], since[32], name[MAX_SHOWN_BYTES], where[MAX_SHOWN_BYTES];
    char wait[3 * MAX_SHOWN_BYTES], place[MAX_SHOWN_BYTES];
};

struct widths {
    int ids, name, where, wait;
};

static void fill_line(struct line *line, const struct ps_view *ps, const struct group *group,
                      int64_t now_ns)
{
    const struct snapshot *snapshot = ps->snapshot;
    const struct row *row = group->first;
    group_show_ids(line->ids, sizeof line->ids, group);
    *line->since = 0;
    if (row->state == ROW_WAITS)
        show_duration(line->since, sizeof line->since, now_ns - group->since_ns);
    show_name(line->name, sizeof line->name, snapshot, row);
    show_text(line->where, sizeof line->where, snapshot, row->where);
    show_wait(line->wait, sizeof line->wait, snapshot, row, group->same_object);
    lines_show_first(line->place, sizeof line->place, ps->lines, snapshot, row);
}

/* Characters of UTF-8. */
static int width_of(const char *text)
{
    int width = 0;
    for (; *text != 0; text++)
        width += (*text & 0xc0) != 0x80;
    return width;
}

static void widen(int *width, const char *text)
{
    int length = width_of(text);
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

static void print_cell(const char *before, const char *text, int width)
{
    int length = width_of(text);
    printf("%s%s%*s", before, text, width > length ? width - length : 0, "");
}

/* A line ends with its last text. */
static void print_line(const struct widths *widths, const struct line *line, const char *state)
{
    bool has_place = *line->place != 0, has_wait = has_place || *line->wait != 0;
    print_cell("  ", line->ids, widths->ids);
    printf("  %-9s  %8s", state, line->since);
    print_cell("  ", line->name, widths->name);
    print_cell("  ", line->where, has_wait ? widths->where : 0);
    if (has_wait)
        print_cell("  ", line->wait, has_place ? widths->wait : 0);
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
            lines_print(ps->lines, ps->snapshot, groups[i].first, "            ");
    }
}

static int print_tasks(const struct ps_view *ps, const struct loop_row *loop)
{
    const struct snapshot *snapshot = ps->snapshot;
    struct groups groups;
    int result = groups_open(&groups, loop->row_count);
    for (size_t i = 0; i < loop->row_count && result == 0; i++) /* by id: groups, too */
        if (groups_add(ps, &groups, &snapshot->rows[loop->first_row + i], ps->each) < 0)
            result = -ENOMEM;
    int64_t now_ns = loop->is_virtual ? loop->now_ns : snapshot->taken_ns;
    if (result == 0 && groups.count > 0)
        print_groups(ps, groups.items, groups.count, now_ns);
    groups_close(&groups);
    return result;
}

int ps_print(const struct ps_view *ps)
{
    const struct snapshot *snapshot = ps->snapshot;
    int result = 0;
    if (snapshot->loop_count == 0)
        puts("no loop is open");
    for (size_t i = snapshot->loop_count; i-- > 0 && result == 0;) { /* the oldest one first */
        const struct loop_row *loop = &snapshot->loops[i];
        ps_print_loop(ps, loop);
        if (!ps_is_of_parent(ps, loop))
            result = print_tasks(ps, loop);
    }
    if (snapshot->unreadable > 0)
        printf("%zu lists could not be read to their ends\n", snapshot->unreadable);
    return result;
}
