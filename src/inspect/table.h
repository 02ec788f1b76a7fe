/*
 * inspect/table.h: records of one size, each kept once. The first bytes of a record are its key, a
 * multiple of 8.
 */
#ifndef INSPECT_TABLE_H
#define INSPECT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table {
    size_t record_bytes, key_bytes;
    char *records;
    size_t capacity;
    uint32_t count;
    uint32_t *slots; /* a hash table of indices + 1; 0: free */
    uint32_t slot_count;
};

/*
 * Finds the record with a key, or adds one, whose other bytes are 0. *index stays that of the
 * record. 0 or -ENOMEM.
 */
int asyncp_table_add(struct table *table, const void *key, uint32_t *index);

/* Finds the record with a key. Whether the table has it. */
bool asyncp_table_find(const struct table *table, const void *key, uint32_t *index);

/* The record, until another one is added. */
void *asyncp_table_at(const struct table *table, uint32_t index);

void asyncp_table_free(struct table *table);

#endif
