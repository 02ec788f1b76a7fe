/*
 * store.c: rows of entries, as many rows as there are entries, or more.
 */
#include "store.h"
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROWS = 1024 };

int word_copy(struct word *copy, struct word word)
{
    char *text = malloc(word.size + 1);
    if (text == NULL)
        return -ENOMEM;
    memcpy(text, word.text, word.size);
    text[word.size] = 0;
    *copy = (struct word){text, word.size};
    return 0;
}

/* FNV-1a. */
static size_t hash(struct word key)
{
    uint64_t value = 0xcbf29ce484222325;
    for (size_t i = 0; i < key.size; i++)
        value = (value ^ (unsigned char)key.text[i]) * 0x100000001b3;
    return (size_t)(value ^ value >> 32);
}

static struct entry **row_of(const struct store *store, struct word key)
{
    return &store->rows[hash(key) & (store->row_count - 1)];
}

struct entry *store_find(const struct store *store, struct word key)
{
    struct entry *entry = store->row_count > 0 ? *row_of(store, key) : NULL;
    while (entry != NULL && (entry->key.size != key.size || memcmp(entry->key.text, key.text, key.size) != 0))
        entry = entry->next;
    return entry;
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
            struct entry **row = row_of(&larger, entry->key);
            next = entry->next;
            entry->next = *row;
            *row = entry;
        }
    free(store->rows);
    *store = larger;
    return 0;
}

struct entry *store_make(struct store *store, struct word key)
{
    struct entry *entry = store_find(store, key);
    if (entry != NULL || (store->entry_count == store->row_count && grow(store) < 0))
        return entry;
    entry = calloc(1, sizeof *entry);
    if (entry == NULL || word_copy(&entry->key, key) < 0) {
        free(entry);
        return NULL;
    }
    struct entry **row = row_of(store, key);
    entry->next = *row;
    *row = entry;
    store->entry_count++;
    return entry;
}

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
    return 0;
}

void entry_clear(struct entry *entry)
{
    free((char *)entry->value.text);
    entry->value = (struct word){NULL, 0};
    entry->room = 0;
}

static void drop_item(void *item, void *unused)
{
    (void)unused;
    free((char *)((struct word *)item)->text);
}

async_queue *entry_items(struct entry *entry)
{
    if (entry->items == NULL && (entry->items = async_queue_new(0, sizeof(struct word))) != NULL)
        async_queue_on_drop(entry->items, drop_item, NULL);
    return entry->items;
}

void store_free(struct store *store)
{
    for (size_t i = 0; i < store->row_count; i++)
        for (struct entry *entry = store->rows[i], *next; entry != NULL; entry = next) {
            next = entry->next;
            entry_clear(entry);
            async_queue_free(entry->items);
            free((char *)entry->key.text);
            free(entry);
        }
    free(store->rows);
}
