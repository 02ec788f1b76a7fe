/*
 * show/groups.c: a group is known by a hash of 64 bits of what its tasks have in common. Two kinds
 * with one hash would share a line, which does no harm.
 */
#include "show/groups.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct known_group {
    uint64_t hash;
    uint64_t number; /* index + 1; 0: it is new */
};

int asyncp_groups_open(struct groups *groups, size_t most)
{
    *groups = (struct groups){
        .known = {.record_bytes = sizeof(struct known_group), .key_bytes = sizeof(uint64_t)}};
    groups->items = malloc((most + 1) * sizeof *groups->items);
    return groups->items != NULL ? 0 : -ENOMEM;
}

void asyncp_groups_close(struct groups *groups)
{
    free(groups->items);
    asyncp_table_free(&groups->known);
}

static uint64_t add_number(uint64_t hash, uint64_t number)
{
    hash = (hash ^ number) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 29);
}

static uint64_t add_text(uint64_t hash, const char *text)
{
    for (; *text != 0; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return add_number(hash, 0);
}

/* Equal texts may be at several addresses. */
static uint64_t kind_of(const struct sheet *sheet, const struct row *row)
{
    const struct texts *texts = &sheet->snapshot->texts;
    const struct code_place *place = sheet->places->find(sheet->places, sheet->snapshot, row);
    uint64_t hash = add_number(row->loop, (uint64_t)row->state);
    hash = add_number(hash, row->requests);
    hash = add_number(hash, row->cannot_cancel);
    hash = add_number(hash, row->owner);
    hash = add_number(hash, row->owner != 0 ? row->object : 0);
    hash = add_number(
        hash, sheet->stacks ? sheet->places->find_kind(sheet->places, sheet->snapshot, row) : 0);
    hash = add_number(hash, place->line);
    hash = add_number(hash, place->offset);
    hash = add_text(hash, place->function);
    hash = add_text(hash, place->file);
    hash = add_text(hash, asyncp_texts_get(texts, row->name));
    hash = add_text(hash, asyncp_texts_get(texts, row->where));
    return add_text(hash, asyncp_texts_get(texts, row->call));
}

static size_t new_group(struct groups *groups, const struct row *row)
{
    groups->items[groups->count] = (struct row_group){
        .first = row, .since_ns = row->since_ns, .same_object = true};
    return groups->count++;
}

int64_t asyncp_groups_add(const struct sheet *sheet, struct groups *groups, const struct row *row,
                          bool alone)
{
    size_t at;
    if (alone) {
        at = new_group(groups, row);
    } else {
        uint64_t kind = kind_of(sheet, row);
        uint32_t index;
        if (asyncp_table_add(&groups->known, &kind, &index) < 0)
            return -ENOMEM;
        struct known_group *known = asyncp_table_at(&groups->known, index);
        if (known->number == 0)
            known->number = new_group(groups, row) + 1;
        at = (size_t)known->number - 1;
    }
    struct row_group *group = &groups->items[at];
    group->count++;
    group->same_object &= row->object == group->first->object;
    if (row->since_ns < group->since_ns)
        group->since_ns = row->since_ns;
    return (int64_t)at;
}

void asyncp_group_ids(char *shown, size_t size, const struct row_group *group)
{
    int length = snprintf(shown, size, "#%" PRIu64, group->first->id);
    if (group->count > 1 && length > 0 && (size_t)length < size)
        snprintf(shown + length, size - (size_t)length, " and %zu more", group->count - 1);
}
