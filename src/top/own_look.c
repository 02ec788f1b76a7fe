/* top/own_look.c: takes a snapshot of this process, with the edges and cycles of its tasks. */
#include "top/own_look.h"
#include "loop/loops.h"
#include "sys/clock.h"
#include "top/layout.h"
#include <stdlib.h>
#include <string.h>

static const int64_t CONFIRMED_AFTER_NS = 10000000;

static int look_at_self(struct own_look *look, struct snapshot *snapshot)
{
    return asyncp_snapshot_take(snapshot, &asyncp_own_view, asyncp_own_layout(),
                                (uintptr_t)&asyncp_loops, &look->unwinder);
}

static int confirm_cycles(struct own_look *look)
{
    struct snapshot later;
    if (look->cycles.count == 0)
        return 0;
    asyncp_sys_sleep(CONFIRMED_AFTER_NS);
    int result = look_at_self(look, &later);
    if (result < 0)
        return result;
    asyncp_cycles_confirm(&look->cycles, &look->snapshot, &later);
    asyncp_snapshot_free(&later);
    return 0;
}

int asyncp_own_look_open(struct own_look *look, bool is_certain)
{
    memset(look, 0, sizeof *look);
    asyncp_own_places_open(&look->places);
    int result = asyncp_own_code(&look->ranges, &look->range_count);
    if (result == 0)
        result = asyncp_unwinder_open(&look->unwinder, &asyncp_own_view, look->ranges,
                                      look->range_count);
    if (result == 0)
        result = look_at_self(look, &look->snapshot);
    look->snapshot.taken_ns = asyncp_sys_clock_now();
    if (result == 0)
        result = asyncp_graph_open(&look->graph, &look->snapshot, &asyncp_own_view,
                                   asyncp_own_layout());
    if (result == 0)
        result = asyncp_cycles_find(&look->cycles, &look->graph, look->snapshot.row_count);
    return result == 0 && !is_certain ? confirm_cycles(look) : result;
}

void asyncp_own_look_close(struct own_look *look)
{
    asyncp_own_places_close(&look->places);
    asyncp_graph_close(&look->graph);
    asyncp_snapshot_free(&look->snapshot);
    asyncp_unwinder_close(&look->unwinder);
    free(look->ranges);
}
