/*
 * store.c: a hash table with at least as many rows as entries, and the operations of an entry.
 */
#include "store.h"
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROWS = 1024 };

/* FNV-1a. */
static size_t hash(struct word key)
{
    uint64_t value = 0xcbf29ce484222325;
    for (size_t i = 0; i < key.size; i++)
        value = (value ^ (unsigned char)key.text[i]) * 0x100000001b3;
    return (size_t)(value ^ value >> 32);
}

static struct entry **row_of(const struct store *store, size_t hashed)
{
    return &store->rows[hashed & (store->row_count - 1)];
}

static struct entry *find(const struct store *store, struct word key, size_t hashed)
{
    struct entry *entry = store->row_count > 0 ? *row_of(store, hashed) : NULL;
    while (entry != NULL && (entry->hash != hashed || entry->key.size != key.size ||
                             memcmp(entry->key.text, key.text, key.size) != 0))
        entry = entry->next;
    return entry;
}

struct entry *store_find(const struct store *store, struct word key)
{
    return find(store, key, hash(key));
}

static int grow(struct store *store)
{
    struct store larger = {.row_count = store->row_count > 0 ? store->row_count * 2 : FIRST_ROWS,
                           .entry_count = store->entry_count};
    larger.rows = calloc(larger.row_count, sizeof *larger.rows);
    if (larger.rows == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < store->row_count; i++)
        for (struct entry *entry = store->rows[i], *next; entry != NULL; entry = next) {
            struct entry **row = row_of(&larger, entry->hash);
            next = entry->next;
            entry->next = *row;
            *row = entry;
        }
    free(store->rows);
    *store = larger;
    return 0;
}

/* The key is in the same allocation, after the entry. */
static struct entry *entry_new(struct word key, size_t hashed)
{
    struct entry *entry = calloc(1, sizeof *entry + key.size);
    if (entry == NULL)
        return NULL;
    memcpy(entry + 1, key.text, key.size);
    entry->key = (struct word){(char *)(entry + 1), key.size};
    entry->hash = hashed;
    entry->last = &entry->items;
    return entry;
}

struct entry *store_make(struct store *store, struct word key)
{
    size_t hashed = hash(key);
    struct entry *entry = find(store, key, hashed);
    if (entry != NULL || (store->entry_count == store->row_count && grow(store) < 0) ||
        (entry = entry_new(key, hashed)) == NULL)
        return entry;
    struct entry **row = row_of(store, hashed);
    entry->next = *row;
    *row = entry;
    store->entry_count++;
    return entry;
}

void store_tidy(struct store *store, struct entry *entry)
{
    if (entry == NULL || entry->value.text != NULL || entry->items != NULL ||
        entry->waiters != NULL || entry->subscriptions != NULL)
        return;
    struct entry **place = row_of(store, entry->hash);
    while (*place != entry)
        place = &(*place)->next;
    *place = entry->next;
    store->entry_count--;
    free(entry);
}

void store_free(struct store *store)
{
    for (size_t i = 0; i < store->row_count; i++)
        for (struct entry *entry = store->rows[i], *next; entry != NULL; entry = next) {
            next = entry->next;
            entry_clear(entry);
            free(entry);
        }
    free(store->rows);
}

/* ---- values --------------------------------------------------------------------------------- */

int entry_set(struct entry *entry, struct word value)
{
    char *text = (char *)entry->value.text;
    if (text == NULL || entry->room < value.size) {
        text = realloc(text, value.size + 1);
        if (text == NULL)
            return -ENOMEM;
        entry->room = value.size;
    }
    memcpy(text, value.text, value.size);
    entry->value = (struct word){text, value.size};
    for (struct item *item; (item = entry_pop(entry)) != NULL;)
        free(item);
    return 0;
}

void entry_clear(struct entry *entry)
{
    free((char *)entry->value.text);
    entry->value = (struct word){NULL, 0};
    entry->room = 0;
    for (struct item *item; (item = entry_pop(entry)) != NULL;)
        free(item);
}

/* ---- lists ---------------------------------------------------------------------------------- */

int entry_push(struct entry *entry, struct word word, bool first)
{
    struct item *item = malloc(sizeof *item + word.size);
    if (item == NULL)
        return -ENOMEM;
    struct item **place = first ? &entry->items : entry->last;
    memcpy(item->text, word.text, word.size);
    item->size = word.size;
    item->next = *place;
    *place = item;
    if (item->next == NULL)
        entry->last = &item->next;
    entry->item_count++;
    return 0;
}

struct item *entry_pop(struct entry *entry)
{
    struct item *item = entry->items;
    if (item == NULL)
        return NULL;
    entry->items = item->next;
    if (item->next == NULL)
        entry->last = &entry->items;
    entry->item_count--;
    return item;
}

void entry_serve_waiters(struct entry *entry)
{
    for (struct waiter *waiter = entry->waiters; entry->items != NULL && waiter != NULL;
         waiter = waiter->next)
        if (!async_event_is_set(&waiter->wait->done)) {
            waiter->wait->item = entry_pop(entry);
            waiter->wait->from = entry;
            async_event_set(&waiter->wait->done);
        }
}

void entry_join(struct entry *entry, struct waiter *waiter)
{
    struct waiter **place = &entry->waiters;
    while (*place != NULL)
        place = &(*place)->next;
    waiter->next = NULL;
    waiter->entry = entry;
    *place = waiter;
}

void entry_leave(struct entry *entry, struct waiter *waiter)
{
    for (struct waiter **place = &entry->waiters; *place != NULL; place = &(*place)->next)
        if (*place == waiter) {
            *place = waiter->next;
            return;
        }
}
