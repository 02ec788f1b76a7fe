/* inspect/edges.c: finds tasks by their handles and ids, and reads locks. */
#include "inspect/edges.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Rows by the addresses of their handles. */
static int compare_addresses(const void *one, const void *other)
{
    uint64_t a = (*(const struct row *const *)one)->address;
    uint64_t b = (*(const struct row *const *)other)->address;
    return (a > b) - (a < b);
}

/* An object that is the handle of a task is awaited. */
static int find_awaited(struct snapshot *snapshot)
{
    const struct row **sorted = malloc((snapshot->row_count + 1) * sizeof *sorted);
    if (sorted == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < snapshot->row_count; i++)
        sorted[i] = &snapshot->rows[i];
    qsort(sorted, snapshot->row_count, sizeof *sorted, compare_addresses);
    for (size_t i = 0; i < snapshot->row_count; i++) {
        const struct row key = {.address = snapshot->rows[i].object}, *sought = &key;
        const struct row *const *found = key.address == 0
                                             ? NULL
                                             : bsearch(&sought, sorted, snapshot->row_count,
                                                       sizeof *sorted, compare_addresses);
        snapshot->rows[i].awaited = found != NULL ? (*found)->id : 0;
    }
    free(sorted);
    return 0;
}

/* A wait for a notification can be cancelled; that in which the lock is acquired again cannot. */
static bool waits_for_lock(const struct snapshot *snapshot, const struct row *row)
{
    const char *call = asyncp_texts_get(&snapshot->texts, row->call);
    return row->state == ROW_WAITS &&
           (strcmp(call, "async_lock_acquire") == 0 ||
            (row->cannot_cancel && strcmp(call, "async_condition_wait") == 0));
}

/* Neighbours mostly wait for the same lock. */
static int find_owners(struct snapshot *snapshot, const struct view *view,
                       const struct layout *layout)
{
    char *lock = malloc(layout->entries[LAYOUT_lock].size);
    const struct row *before = NULL;
    int result = lock != NULL ? 0 : -ENOMEM;
    for (size_t i = 0; i < snapshot->row_count && result == 0; i++) {
        struct row *row = &snapshot->rows[i];
        if (!waits_for_lock(snapshot, row))
            continue;
        if (before != NULL && before->object == row->object) {
            row->owner = before->owner;
            continue;
        }
        result = asyncp_view_read(view, row->object, lock, layout->entries[LAYOUT_lock].size);
        if (result == 0)
            row->owner = asyncp_layout_get(layout, lock, LAYOUT_lock_owner);
        result = result == -EFAULT ? 0 : result;
        before = row;
    }
    free(lock);
    return result;
}

int asyncp_edges_find(struct snapshot *snapshot, const struct view *view,
                      const struct layout *layout)
{
    int result = find_awaited(snapshot);
    return result < 0 ? result : find_owners(snapshot, view, layout);
}

static int compare_id(const void *id, const void *row)
{
    uint64_t a = *(const uint64_t *)id, b = ((const struct row *)row)->id;
    return (a > b) - (a < b);
}

const struct row *asyncp_row_of(const struct snapshot *snapshot, uint32_t loop, uint64_t id)
{
    const struct loop_row *owner = &snapshot->loops[loop];
    return owner->row_count == 0 ? NULL
                                 : bsearch(&id, snapshot->rows + owner->first_row, owner->row_count,
                                           sizeof(struct row), compare_id);
}
