/* top/own_look.c: takes a snapshot of this process, with the edges and cycles of its tasks. */
#include "top/own_look.h"
#include "loop/loops.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "top/layout.h"
#include <errno.h>
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

/* The look is opened also after an error. */
static int open_own_look(struct own_look *look, bool is_certain)
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
    if (result == 0)
        result = asyncp_known_find(&look->known, &look->snapshot, &look->graph, &asyncp_own_view);
    return result == 0 && !is_certain ? confirm_cycles(look) : result;
}

static void close_own_look(struct own_look *look)
{
    asyncp_own_places_close(&look->places);
    asyncp_known_free(&look->known);
    asyncp_cycles_free(&look->cycles);
    asyncp_graph_close(&look->graph);
    asyncp_snapshot_free(&look->snapshot);
    asyncp_unwinder_close(&look->unwinder);
    free(look->ranges);
}

static int write_report(int fd, struct own_look *look, own_report *report, void *context)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    if (to == NULL)
        return -ENOMEM;
    int result = report(to, look, context);
    if (fclose(to) != 0 && result == 0)
        result = -ENOMEM;
    if (result == 0)
        asyncp_sys_write_all(fd, text, size);
    free(text);
    return result;
}

int asyncp_own_report(int fd, bool is_certain, own_report *report, void *context)
{
    struct own_look *look = malloc(sizeof *look);
    if (look == NULL)
        return -ENOMEM;
    int result = open_own_look(look, is_certain);
    if (result == 0)
        result = write_report(fd, look, report, context);
    close_own_look(look);
    free(look);
    return result;
}
