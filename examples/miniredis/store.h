/*
 * store.h: a table of entries by their keys. An entry stays where it is until the store is freed, because tasks wait
 * for its items and listen to its messages.
 */
#ifndef STORE_H
#define STORE_H

#include <asyncio.h>

/* Bytes, not a string. */
struct word {
    const char *text;
    size_t size;
};

/* Who listens to a channel; lies in the frame of the task that does. */
struct subscriber {
    struct subscriber *next;
    async_stream *stream;
    async_task *task;
};

struct entry {
    struct entry *next; /* in the table's row */
    struct word key, value;
    size_t room;                    /* of the value's memory */
    async_queue *items;             /* of struct word; NULL: it was never a list */
    struct subscriber *subscribers; /* of the channel of that name */
};

struct store {
    struct entry **rows;
    size_t row_count, entry_count;
};

/* The entry with that key; NULL: there is none. */
struct entry *store_find(const struct store *store, struct word key);

/* The same, but it is made if need be; NULL: out of memory. */
struct entry *store_make(struct store *store, struct word key);
void store_free(struct store *store);

int entry_set(struct entry *entry, struct word value);
void entry_clear(struct entry *entry);

/* Its list; NULL: out of memory. */
async_queue *entry_items(struct entry *entry);

int word_copy(struct word *copy, struct word word);

#endif
