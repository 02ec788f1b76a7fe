/* cmd/loop.c: the line about a loop, above its tasks. */
#include "cmd/ps.h"
#include "cmd/show.h"
#include <inttypes.h>
#include <stdio.h>

bool ps_is_of_parent(const struct ps_view *ps, const struct loop_row *loop)
{
    return loop->process != (uint32_t)ps->subject->inner_id;
}

void ps_print_loop(const struct ps_view *ps, const struct loop_row *loop)
{
    char backend[MAX_SHOWN_BYTES];
    show_text(backend, sizeof backend, ps->snapshot, loop->backend);
    printf("loop %" PRIu32 ", thread %" PRIu32 ", %s%s", loop->number, loop->thread, backend,
           loop->is_virtual ? ", virtual clock" : "");
    if (ps_is_of_parent(ps, loop)) {
        printf(": a copy of a loop of process %" PRIu32 ", which has forked\n", loop->process);
        return;
    }
    printf(", %s: %zu tasks, %" PRIu64 " created; %" PRIu64 " timers, %" PRIu64
           " operations in flight, %" PRIu64 " jobs on other threads\n",
           loop->is_asleep ? "asleep" : "awake", loop->row_count, loop->created, loop->timers,
           loop->in_flight, loop->jobs);
}
