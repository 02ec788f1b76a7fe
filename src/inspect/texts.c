/* inspect/texts.c: a table by addresses, and the reading of texts that may end at any page. */
#include "inspect/texts.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 256, ONCE = 256, PAGE = 4096 };

struct text_entry {
    uint64_t address;
    char text[MAX_TEXT_BYTES];
};

static uint32_t slot_of(const struct texts *texts, uint64_t address)
{
    uint32_t slot = (uint32_t)((address * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
    for (;; slot++) {
        slot &= texts->slot_count - 1;
        uint32_t index = texts->slots[slot];
        if (index == 0 || texts->entries[index - 1].address == address)
            return slot;
    }
}

/* At most half of the slots are used. */
static int grow_slots(struct texts *texts)
{
    uint32_t count = texts->slot_count > 0 ? 2 * texts->slot_count : FIRST_SLOTS;
    uint32_t *slots = calloc(count, sizeof *slots);
    if (slots == NULL)
        return -ENOMEM;
    free(texts->slots);
    texts->slots = slots;
    texts->slot_count = count;
    for (uint32_t i = 0; i < texts->count; i++)
        slots[slot_of(texts, texts->entries[i].address)] = i + 1;
    return 0;
}

static int grow_entries(struct texts *texts)
{
    uint32_t capacity = texts->capacity > 0 ? 2 * texts->capacity : FIRST_SLOTS / 2;
    struct text_entry *entries = realloc(texts->entries, capacity * sizeof *entries);
    if (entries == NULL)
        return -ENOMEM;
    texts->entries = entries;
    texts->capacity = capacity;
    return 0;
}

int asyncp_texts_add(struct texts *texts, uint64_t address, uint32_t *index)
{
    if (2 * texts->count >= texts->slot_count && grow_slots(texts) < 0)
        return -ENOMEM;
    uint32_t slot = slot_of(texts, address);
    if (texts->slots[slot] == 0) {
        if (texts->count == texts->capacity && grow_entries(texts) < 0)
            return -ENOMEM;
        texts->entries[texts->count] = (struct text_entry){.address = address};
        texts->slots[slot] = ++texts->count;
    }
    *index = texts->slots[slot] - 1;
    return 0;
}

/* Of a text, up to the end of its page: what lies behind may not be readable. */
static size_t first_part(uint64_t address)
{
    size_t left = PAGE - (size_t)(address % PAGE);
    return left < MAX_TEXT_BYTES - 1 ? left : MAX_TEXT_BYTES - 1;
}

/* The rest of a text that goes on in the next page. */
static void read_rest(struct text_entry *entry, const struct view *view)
{
    size_t size = first_part(entry->address);
    if (memchr(entry->text, 0, size) == NULL && size < MAX_TEXT_BYTES - 1 &&
        asyncp_view_read(view, entry->address + size, entry->text + size,
                         MAX_TEXT_BYTES - 1 - size) < 0)
        entry->text[size] = 0;
}

static int read_some(struct text_entry *entries, size_t count, const struct view *view)
{
    struct piece pieces[ONCE];
    for (size_t i = 0; i < count; i++)
        pieces[i] = (struct piece){.address = entries[i].address,
                                   .bytes = entries[i].text,
                                   .size = first_part(entries[i].address)};
    int result = view->read(view, pieces, count);
    for (size_t i = 0; i < count && result == 0; i++) {
        if (pieces[i].was_read)
            read_rest(&entries[i], view);
        else
            strcpy(entries[i].text, entries[i].address != 0 ? "?" : "");
        entries[i].text[MAX_TEXT_BYTES - 1] = 0;
    }
    return result;
}

int asyncp_texts_read(struct texts *texts, const struct view *view)
{
    int result = 0;
    for (size_t i = 0; i < texts->count && result == 0; i += ONCE) {
        size_t left = texts->count - i;
        result = read_some(texts->entries + i, left < ONCE ? left : ONCE, view);
    }
    return result;
}

const char *asyncp_texts_get(const struct texts *texts, uint32_t index)
{
    return texts->entries[index].text;
}

void asyncp_texts_free(struct texts *texts)
{
    free(texts->entries);
    free(texts->slots);
    *texts = (struct texts){.count = 0};
}
