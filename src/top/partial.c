/* top/partial.c: reports cycles of waits, which two snapshots have confirmed. */
#include "top/partial.h"
#include "show/sheet.h"
#include "sys/thread.h"
#include "top/own_look.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* Of the ids of the tasks and the begins of their waits, in any order. */
static uint64_t hash_cycle(const struct own_look *look, const struct cycle *cycle)
{
    const uint32_t *rows = asyncp_cycle_rows(&look->cycles, cycle);
    uint64_t hash = cycle->length;
    for (size_t i = 0; i < cycle->length; i++) {
        const struct row *row = &look->snapshot.rows[rows[i]];
        uint64_t own = (row->id ^ (uint64_t)row->since_ns ^ row->wait) *
                       UINT64_C(0x9e3779b97f4a7c15);
        hash += own ^ (own >> 32);
    }
    return hash;
}

static bool is_among(uint64_t hash, const uint64_t hashes[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (hashes[i] == hash)
            return true;
    return false;
}

/* Forgets the cycles that are no longer there. */
static void forget_ended(struct reported_cycles *reported, const uint64_t now[], size_t count)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < reported->count; i++)
        if (is_among(reported->hashes[i], now, count))
            reported->hashes[kept++] = reported->hashes[i];
    reported->count = kept;
    reported->are_left_out &= kept == MAX_REMEMBERED;
}

static void print_cycle(const struct sheet *sheet, const struct cycles *cycles, size_t i)
{
    const struct cycles one = {.found = &cycles->found[i], .count = 1, .rows = cycles->rows};
    if (one.found->length > 1)
        fprintf(sheet->to, "asyncio: %zu tasks wait for each other", one.found->length);
    else
        fprintf(sheet->to, "asyncio: a task waits for itself");
    fprintf(sheet->to, "; only a time limit or a request to cancel could end that:\n");
    asyncp_show_cycles(sheet, &one);
}

/* Those that were not there before. */
static void print_each_new(const struct sheet *sheet, const struct own_look *look,
                           const uint64_t hashes[], struct reported_cycles *reported)
{
    for (size_t i = 0; i < look->cycles.count; i++) {
        if (is_among(hashes[i], reported->hashes, reported->count))
            continue;
        if (reported->count == MAX_REMEMBERED) {
            if (!reported->are_left_out)
                fprintf(sheet->to, "asyncio: more tasks wait for each other, and are not reported; "
                                   "`asyncio tree` shows them\n");
            reported->are_left_out = true;
            return;
        }
        reported->hashes[reported->count++] = hashes[i];
        print_cycle(sheet, &look->cycles, i);
    }
}

static int print_new_cycles(FILE *to, struct own_look *look, void *reported)
{
    const struct sheet sheet = {.to = to,
                                .snapshot = &look->snapshot,
                                .places = &look->places.places,
                                .known = &look->known,
                                .process = (uint32_t)asyncp_sys_process_id()};
    const size_t count = look->cycles.count;
    uint64_t *hashes = malloc((count + 1) * sizeof *hashes);
    if (hashes == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        hashes[i] = hash_cycle(look, &look->cycles.found[i]);
    forget_ended(reported, hashes, count);
    print_each_new(&sheet, look, hashes, reported);
    free(hashes);
    return 0;
}

void asyncp_report_cycles(struct reported_cycles *reported)
{
    (void)asyncp_own_report(STDERR_FILENO, false, print_new_cycles, reported);
}
