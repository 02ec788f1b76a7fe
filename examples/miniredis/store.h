/*
 * store.h: a table of entries by key. An entry has a value or a list, the tasks that wait for an
 * item of the list, and the subscriptions to the channel with that name. An entry without any of
 * these is removed.
 */
#ifndef STORE_H
#define STORE_H

#include <asyncio.h>

/* Bytes without a terminating zero. */
struct word {
    const char *text;
    size_t size;
};

struct item {
    struct item *next;
    size_t size;
    char text[];
};

/* A task that waits for an item of one of several lists; in the task's stack frame. */
struct item_wait {
    async_event done;   /* set with an item, or when the client disconnects */
    struct entry *from; /* the list of the item */
    struct item *item;  /* owned by the task; NULL: none yet */
};

/* The entry of an item_wait in the queue of one list. */
struct waiter {
    struct waiter *next; /* the next younger one */
    struct item_wait *wait;
    struct entry *entry;
};

struct subscription {
    struct subscription *next_of_channel, *next_of_client;
    struct entry *channel;
    async_stream *stream;
    async_task *task; /* of the client */
};

struct entry {
    struct entry *next; /* in the table's row */
    size_t hash;
    struct word key, value; /* value.text is NULL: no value, or a list */
    size_t room;            /* allocated bytes of the value */
    struct item *items, **last;
    size_t item_count;
    struct waiter *waiters; /* the oldest first; served waiters stay until they leave */
    struct subscription *subscriptions;
};

struct store {
    struct entry **rows;
    size_t row_count, entry_count;
};

/* Returns NULL if no entry has that key. */
struct entry *store_find(const struct store *store, struct word key);

/* Finds or creates the entry. Returns NULL if out of memory. */
struct entry *store_make(struct store *store, struct word key);

/* Removes and frees an empty entry. NULL is ignored. */
void store_tidy(struct store *store, struct entry *entry);
void store_free(struct store *store);

/* Copies the value. Frees a list. */
int entry_set(struct entry *entry, struct word value);

/* Frees the value and the list. */
void entry_clear(struct entry *entry);

/* Copies the word to the beginning or the end of the list. */
int entry_push(struct entry *entry, struct word word, bool first);

/* Removes and returns the first item, which the caller frees; NULL: the list is empty. */
struct item *entry_pop(struct entry *entry);

/* Gives items to the waiters, the oldest first. */
void entry_serve_waiters(struct entry *entry);
void entry_join(struct entry *entry, struct waiter *waiter);
void entry_leave(struct entry *entry, struct waiter *waiter);

#endif
