/*
 * cmd/ps.c: the table of `asyncio ps`. Tasks that do the same thing share a line: of a thousand
 * connections mostly all wait in the same call. Below them stand tasks that have ended while a
 * handle is left, a line for each place of their creation and each error.
 */
#include "cmd/lines.h"
#include "cmd/ps.h"
#include "base/text.h"
#include "inspect/kept.h"
#include "show/groups.h"
#include "show/words.h"
#include <asyncio/base.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t MIN_HELD_NS = 100000000;

/* The texts of a line, and the widths of columns. */
struct line {
    char ids[48], state[32], since[32], name[MAX_SHOWN_BYTES], where[MAX_SHOWN_BYTES];
    char wait[4 * MAX_SHOWN_BYTES], place[MAX_SHOWN_BYTES];
};

struct widths {
    int ids, state, name, where, wait;
};

/*
 * Since when a task waits, or, of a task that runs, since when its loop has not read its clock. The
 * loop does that before each burst of turns, so a short time tells nothing. false: it is not shown.
 */
static bool find_since(const struct snapshot *snapshot, const struct row_group *group,
                       int64_t now_ns, int64_t *since_ns)
{
    const struct row *row = group->first;
    const struct loop_row *loop = &snapshot->loops[row->loop];
    *since_ns = row->state == ROW_WAITS ? group->since_ns : loop->now_ns;
    return row->state == ROW_WAITS ||
           (row->state == ROW_RUNS && !loop->is_virtual && now_ns - loop->now_ns >= MIN_HELD_NS);
}

static void fill_line(struct line *line, const struct sheet *sheet, const struct row_group *group,
                      int64_t now_ns)
{
    const struct snapshot *snapshot = sheet->snapshot;
    const struct row *row = group->first;
    asyncp_group_ids(line->ids, sizeof line->ids, group);
    snprintf(line->state, sizeof line->state, "%s", asyncp_show_state(row->state));
    int64_t since_ns;
    *line->since = 0;
    if (find_since(snapshot, group, now_ns, &since_ns))
        asyncp_show_duration(line->since, sizeof line->since, now_ns - since_ns);
    asyncp_show_name(line->name, sizeof line->name, snapshot, row);
    asyncp_show_text(line->where, sizeof line->where, snapshot, row->where);
    asyncp_show_wait(line->wait, sizeof line->wait, snapshot, sheet->places, row,
                     group->same_object);
    asyncp_show_place(line->place, sizeof line->place, sheet->places, snapshot, row);
}

/* "ended", or "ended: -ENOSPC" */
static void show_end(char *shown, size_t size, int error)
{
    const char *name = asyncp_error_name(error);
    if (error == 0)
        snprintf(shown, size, "ended");
    else if (name != NULL)
        snprintf(shown, size, "ended: %s", name);
    else
        snprintf(shown, size, "ended: %d", error);
}

static void fill_kept(struct line *line, const struct snapshot *snapshot, const struct kept *kept)
{
    const struct row row = {.id = kept->first};
    const struct row_group group = {.first = &row, .count = (size_t)kept->count};
    *line = (struct line){.ids = ""};
    asyncp_group_ids(line->ids, sizeof line->ids, &group);
    show_end(line->state, sizeof line->state, (int)kept->error);
    asyncp_show_text(line->name, sizeof line->name, snapshot, kept->first_name);
    asyncp_show_text(line->where, sizeof line->where, snapshot, kept->where);
}

/* The next one of a loop from *index on, which is moved behind it; NULL: there is no other one. */
static const struct kept *next_kept(const struct snapshot *snapshot, uint64_t loop, uint32_t *index)
{
    while (*index < snapshot->kept.count) {
        const struct kept *kept = asyncp_table_at(&snapshot->kept, (*index)++);
        if (kept->loop == loop)
            return kept;
    }
    return NULL;
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

static void widen_all(struct widths *widths, const struct line *line)
{
    widen(&widths->ids, line->ids);
    widen(&widths->state, line->state);
    widen(&widths->name, line->name);
    widen(&widths->where, line->where);
    if (*line->place != 0)
        widen(&widths->wait, line->wait);
}

static struct widths measure(const struct sheet *sheet, const struct groups *groups, uint64_t loop)
{
    struct widths widths = {sizeof "TASK" - 1, sizeof "held back" - 1, sizeof "NAME" - 1,
                            sizeof "CREATED AT" - 1, sizeof "WAITS IN" - 1};
    struct line line;
    const struct kept *kept;
    for (size_t i = 0; i < groups->count; i++) {
        fill_line(&line, sheet, &groups->items[i], 0);
        widen_all(&widths, &line);
    }
    for (uint32_t i = 0; (kept = next_kept(sheet->snapshot, loop, &i)) != NULL;) {
        fill_kept(&line, sheet->snapshot, kept);
        widen_all(&widths, &line);
    }
    return widths;
}

static void print_cell(const char *before, const char *text, int width)
{
    int length = width_of(text);
    printf("%s%s%*s", before, text, width > length ? width - length : 0, "");
}

/* A line ends with its last text. */
static void print_line(const struct widths *widths, const struct line *line)
{
    bool has_place = *line->place != 0, has_wait = has_place || *line->wait != 0;
    print_cell("  ", line->ids, widths->ids);
    print_cell("  ", line->state, widths->state);
    printf("  %8s", line->since);
    print_cell("  ", line->name, widths->name);
    print_cell("  ", line->where, has_wait ? widths->where : 0);
    if (has_wait)
        print_cell("  ", line->wait, has_place ? widths->wait : 0);
    printf("%s%s\n", has_place ? "  " : "", line->place);
}

static void print_groups(const struct sheet *sheet, const struct groups *groups, uint64_t loop,
                         int64_t now_ns)
{
    const struct widths widths = measure(sheet, groups, loop);
    const struct row_group *group = groups->items;
    const struct kept *kept;
    struct line line = {"TASK", "STATE", "FOR", "NAME", "CREATED AT", "WAITS IN", "AT"};
    print_line(&widths, &line);
    for (size_t i = 0; i < groups->count; i++, group++) {
        fill_line(&line, sheet, group, now_ns);
        print_line(&widths, &line);
        if (sheet->stacks)
            lines_print(sheet->places, sheet->snapshot, group->first, "            ");
    }
    for (uint32_t i = 0; (kept = next_kept(sheet->snapshot, loop, &i)) != NULL;) {
        fill_kept(&line, sheet->snapshot, kept);
        print_line(&widths, &line);
    }
}

static int print_tasks(const struct sheet *sheet, const struct loop_row *loop)
{
    const struct snapshot *snapshot = sheet->snapshot;
    const uint64_t index = (uint64_t)(loop - snapshot->loops);
    struct groups groups;
    uint32_t from = 0;
    int result = asyncp_groups_open(&groups, loop->row_count);
    for (size_t i = 0; i < loop->row_count && result == 0; i++) /* by id: groups, too */
        if (asyncp_groups_add(sheet, &groups, &snapshot->rows[loop->first_row + i], sheet->each) <
            0)
            result = -ENOMEM;
    int64_t now_ns = loop->is_virtual ? loop->now_ns : snapshot->taken_ns;
    if (result == 0 && (groups.count > 0 || next_kept(snapshot, index, &from) != NULL))
        print_groups(sheet, &groups, index, now_ns);
    asyncp_groups_close(&groups);
    return result;
}

int ps_print(const struct sheet *sheet)
{
    const struct snapshot *snapshot = sheet->snapshot;
    int result = 0;
    if (snapshot->loop_count == 0)
        asyncp_show_no_loop(sheet);
    for (size_t i = snapshot->loop_count; i-- > 0 && result == 0;) { /* the oldest one first */
        const struct loop_row *loop = &snapshot->loops[i];
        asyncp_show_loop(sheet, loop);
        if (!asyncp_is_copy(sheet, loop))
            result = print_tasks(sheet, loop);
    }
    asyncp_show_unreadable(sheet, 0);
    return result;
}
