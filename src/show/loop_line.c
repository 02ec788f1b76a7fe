/* show/loop_line.c: the lines about a loop above its tasks, and about a snapshot below them. */
#include "show/sheet.h"
#include "show/words.h"
#include <inttypes.h>
#include <stdio.h>

bool asyncp_is_copy(const struct sheet *sheet, const struct loop_row *loop)
{
    return loop->process != sheet->process;
}

bool asyncp_is_shown(const struct sheet *sheet, const struct loop_row *loop)
{
    return sheet->only == 0 || sheet->only == loop->number;
}

void asyncp_show_loop(const struct sheet *sheet, const struct loop_row *loop)
{
    char backend[MAX_SHOWN_BYTES];
    asyncp_show_text(backend, sizeof backend, sheet->snapshot, loop->backend);
    fprintf(sheet->to, "loop %" PRIu32 ", thread %" PRIu32 ", %s%s", loop->number, loop->thread,
            backend, loop->is_virtual ? ", virtual clock" : "");
    if (asyncp_is_copy(sheet, loop)) {
        fprintf(sheet->to, ": a copy of a loop of process %" PRIu32 ", which has forked\n",
                loop->process);
        return;
    }
    fprintf(sheet->to,
            ", %s; tasks: %zu, created: %" PRIu64 ", timers: %" PRIu64
            ", operations in flight: %" PRIu64 ", jobs on other threads: %" PRIu64 "\n",
            loop->is_asleep ? "asleep" : "awake", loop->row_count, loop->created, loop->timers,
            loop->in_flight, loop->jobs);
}

void asyncp_show_no_loop(const struct sheet *sheet)
{
    fputs(sheet->snapshot->unreadable > 0 ? "no loop could be read\n" : "no loop is open\n",
          sheet->to);
}

void asyncp_show_unreadable(const struct sheet *sheet, size_t others)
{
    const size_t count = sheet->snapshot->unreadable + others;
    if (count > 0)
        fprintf(sheet->to, "lists that could not be read to their ends: %zu\n", count);
}
