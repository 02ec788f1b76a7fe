/*
 * inspect/kept.c: a handle held by a running join or callback is a reserved reference of the
 * record, and does not count.
 */
#include "inspect/kept.h"
#include <errno.h>
#include <stdbool.h>

void asyncp_kept_open(struct table *kept)
{
    *kept = (struct table){.record_bytes = sizeof(struct kept),
                           .key_bytes = offsetof(struct kept, first)};
}

uint64_t asyncp_kept_id(const struct layout *layout, const char *record, uint64_t loop)
{
    const unsigned borrowed = layout->entries[LAYOUT_task_borrowed_bit].offset;
    uint64_t references = asyncp_layout_get(layout, record, LAYOUT_task_references);
    uint64_t handles = references & ~(UINT64_C(1) << borrowed);
    bool has_ended = asyncp_layout_get(layout, record, LAYOUT_task_coroutine) == 0 &&
                     asyncp_layout_get(layout, record, LAYOUT_task_loop) == loop;
    bool is_kept = handles > asyncp_layout_get(layout, record, LAYOUT_task_reserved);
    return has_ended && is_kept ? asyncp_layout_get(layout, record, LAYOUT_task_id) : 0;
}

int asyncp_kept_add(struct table *kept, struct texts *texts, const struct layout *layout,
                    const char *record, uint64_t loop_index)
{
    const uint64_t id = asyncp_layout_get(layout, record, LAYOUT_task_id);
    const int32_t ended_with = (int32_t)asyncp_layout_get(layout, record, LAYOUT_task_result);
    const uint64_t key[] = {loop_index, asyncp_layout_get(layout, record, LAYOUT_task_where),
                            (uint64_t)(ended_with < 0 ? ended_with : 0)};
    uint32_t index;
    if (asyncp_table_add(kept, key, &index) < 0)
        return -ENOMEM;
    struct kept *place = asyncp_table_at(kept, index);
    bool is_first = place->count++ == 0 || id < place->first;
    if (!is_first)
        return 0;
    place->first = id;
    int result = asyncp_texts_add(texts, asyncp_layout_get(layout, record, LAYOUT_task_name),
                                  &place->first_name);
    return result < 0 ? result : asyncp_texts_add(texts, key[1], &place->where);
}
