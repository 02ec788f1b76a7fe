/* top/partial.c: reports cycles of waits, which two snapshots have confirmed. */
#include "top/partial.h"
#include "show/sheet.h"
#include "sys/thread.h"
#include "top/own_look.h"
#include <unistd.h>

/* Of the ids of the tasks and the begins of their waits, in any order. */
static uint64_t hash_cycle(const struct snapshot *snapshot, const struct cycle *cycle)
{
    uint64_t hash = cycle->length;
    for (size_t i = 0; i < cycle->count; i++) {
        const struct row *row = &snapshot->rows[cycle->rows[i]];
        uint64_t own = (row->id ^ (uint64_t)row->since_ns ^ row->wait) *
                       UINT64_C(0x9e3779b97f4a7c15);
        hash += own ^ (own >> 32);
    }
    return hash;
}

/* Whether the cycle was not there before. */
static bool remember_cycle(struct reported_cycles *reported, uint64_t hash)
{
    for (unsigned i = 0; i < reported->count && i < MAX_REMEMBERED; i++)
        if (reported->hashes[i] == hash)
            return false;
    reported->hashes[reported->count++ % MAX_REMEMBERED] = hash;
    return true;
}

static int print_new_cycles(FILE *to, struct own_look *look, void *reported)
{
    const struct sheet sheet = {.to = to,
                                .snapshot = &look->snapshot,
                                .places = &look->places.places,
                                .known = &look->known,
                                .process = (uint32_t)asyncp_sys_process_id()};
    struct cycles one = {.count = 1};
    for (size_t i = 0; i < look->cycles.count; i++) {
        one.found[0] = look->cycles.found[i];
        if (!remember_cycle(reported, hash_cycle(&look->snapshot, &one.found[0])))
            continue;
        if (one.found[0].length > 1)
            fprintf(to, "asyncio: %zu tasks wait for each other", one.found[0].length);
        else
            fprintf(to, "asyncio: a task waits for itself");
        fprintf(to, "; only a time limit or a request to cancel could end that:\n");
        asyncp_show_cycles(&sheet, &one);
    }
    return 0;
}

void asyncp_report_cycles(struct reported_cycles *reported)
{
    (void)asyncp_own_report(STDERR_FILENO, false, print_new_cycles, reported);
}
