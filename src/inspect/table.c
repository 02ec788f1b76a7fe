/* inspect/table.c: a hash table with open addressing; at most half of its slots are used. */
#include "inspect/table.h"
#include "inspect/array.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 256 };

/* Keys are whole words. */
static uint64_t hash(const char *key, size_t size)
{
    uint64_t value = 0, word;
    for (size_t i = 0; i < size; i += sizeof word) {
        memcpy(&word, key + i, sizeof word);
        value = (value ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        value ^= value >> 32;
    }
    return value;
}

/* The slot of the key, or the free one where it belongs. */
static uint32_t find_slot(const struct table *table, const void *key)
{
    uint32_t slot = (uint32_t)hash(key, table->key_bytes);
    for (;; slot++) {
        slot &= table->slot_count - 1;
        uint32_t index = table->slots[slot];
        if (index == 0 || memcmp(asyncp_table_at(table, index - 1), key, table->key_bytes) == 0)
            return slot;
    }
}

static int grow_slots(struct table *table)
{
    uint32_t count = table->slot_count > 0 ? 2 * table->slot_count : FIRST_SLOTS;
    uint32_t *slots = calloc(count, sizeof *slots);
    if (slots == NULL)
        return -ENOMEM;
    free(table->slots);
    table->slots = slots;
    table->slot_count = count;
    for (uint32_t i = 0; i < table->count; i++)
        slots[find_slot(table, asyncp_table_at(table, i))] = i + 1;
    return 0;
}

static int grow_records(struct table *table)
{
    char *records = asyncp_array_grow(table->records, &table->capacity, table->count + 1,
                                      table->record_bytes);
    if (records == NULL)
        return -ENOMEM;
    table->records = records;
    return 0;
}

int asyncp_table_add(struct table *table, const void *key, uint32_t *index)
{
    if (2 * table->count >= table->slot_count && grow_slots(table) < 0)
        return -ENOMEM;
    uint32_t slot = find_slot(table, key);
    if (table->slots[slot] == 0) {
        if (grow_records(table) < 0)
            return -ENOMEM;
        char *record = asyncp_table_at(table, table->count);
        memset(record, 0, table->record_bytes);
        memcpy(record, key, table->key_bytes);
        table->slots[slot] = ++table->count;
    }
    *index = table->slots[slot] - 1;
    return 0;
}

bool asyncp_table_find(const struct table *table, const void *key, uint32_t *index)
{
    uint32_t slot = table->slot_count > 0 ? table->slots[find_slot(table, key)] : 0;
    *index = slot - 1;
    return slot != 0;
}

void *asyncp_table_at(const struct table *table, uint32_t index)
{
    return table->records + index * table->record_bytes;
}

void asyncp_table_free(struct table *table)
{
    free(table->records);
    free(table->slots);
    table->records = NULL;
    table->slots = NULL;
    table->capacity = table->count = table->slot_count = 0;
}
