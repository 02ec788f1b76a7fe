/*
 * store.h: a table of entries by their keys. An entry holds a value or a list, those who wait for
 * an item of it, and those who listen to the channel of its name; it is there for as long as it has
 * any of these.
 */
#ifndef STORE_H
#define STORE_H

#include <asyncio.h>

/* Bytes, not a string. */
struct word {
    const char *text;
    size_t size;
};

struct item {
    struct item *next; /* of its list */
    size_t size;
    char text[];
};

/* A task that waits for an item of one of several lists; lies in its frame. */
struct hunger {
    async_event fed;    /* or its client is gone */
    struct entry *from; /* whose item it was given */
    struct item *item;  /* its own now; NULL: it still waits */
};

/* That in the line of one of these lists. */
struct waiter {
    struct waiter *next; /* who came later */
    struct hunger *hunger;
    struct entry *entry;
};

struct subscription {
    struct subscription *next_of_channel, *next_of_client;
    struct entry *channel;
    async_stream *stream; /* of the client */
    async_task *task;     /* of the client */
};

struct entry {
    struct entry *next; /* in the table's row */
    size_t hash;
    struct word key, value; /* text is NULL: it has none, or a list */
    size_t room;            /* of the value's memory */
    struct item *items, **last;
    size_t item_count;
    struct waiter *waiters; /* who waits longest first; until they leave, also those who were fed */
    struct subscription *subscriptions;
};

struct store {
    struct entry **rows;
    size_t row_count, entry_count;
};

/* The entry with that key; NULL: there is none. */
struct entry *store_find(const struct store *store, struct word key);

/* The same, but it is made if need be; NULL: out of memory. */
struct entry *store_make(struct store *store, struct word key);

/* Frees it if there is nothing in it; NULL is nothing. */
void store_tidy(struct store *store, struct entry *entry);
void store_free(struct store *store);

/* Copies the value; a list that was there is gone. */
int entry_set(struct entry *entry, struct word value);

/* Neither a value nor a list is left. */
void entry_clear(struct entry *entry);

/* Copies the word into the list, as its first or last. */
int entry_push(struct entry *entry, struct word word, bool first);

/* The first item, which is the caller's to free; NULL: there is none. */
struct item *entry_pop(struct entry *entry);

/* Gives the items to those who wait, who waits longest first. */
void entry_feed(struct entry *entry);
void entry_join(struct entry *entry, struct waiter *waiter);
void entry_leave(struct entry *entry, struct waiter *waiter);

#endif
