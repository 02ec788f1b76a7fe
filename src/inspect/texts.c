/* inspect/texts.c: a table by addresses, and the reading of texts that may end at any page. */
#include "inspect/texts.h"
#include "base/text.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ONCE = 256, PAGE = 4096 };

struct text_entry {
    uint64_t address;
    char text[MAX_TEXT_BYTES];
};

void asyncp_texts_open(struct texts *texts)
{
    *texts = (struct texts){
        .entries = {.record_bytes = sizeof(struct text_entry), .key_bytes = sizeof(uint64_t)}};
}

int asyncp_texts_add(struct texts *texts, uint64_t address, uint32_t *index)
{
    return asyncp_table_add(&texts->entries, &address, index);
}

/* Of a text, up to the end of its page: what lies behind may not be readable. */
static size_t first_part(uint64_t address)
{
    size_t left = PAGE - (size_t)(address % PAGE);
    return left < MAX_TEXT_BYTES - 1 ? left : MAX_TEXT_BYTES - 1;
}

/* A text without its end ends with a whole character. */
static void cut_text(struct text_entry *entry, size_t size)
{
    entry->text[asyncp_text_whole(entry->text, size)] = 0;
}

/* The rest of a text that goes on in the next page. */
static void read_rest(struct text_entry *entry, const struct view *view)
{
    size_t size = first_part(entry->address);
    if (memchr(entry->text, 0, size) == NULL && size < MAX_TEXT_BYTES - 1 &&
        asyncp_view_read(view, entry->address + size, entry->text + size,
                         MAX_TEXT_BYTES - 1 - size) < 0)
        cut_text(entry, size);
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
        if (memchr(entries[i].text, 0, MAX_TEXT_BYTES - 1) == NULL)
            cut_text(&entries[i], MAX_TEXT_BYTES - 1);
    }
    return result;
}

int asyncp_texts_read(struct texts *texts, const struct view *view)
{
    const uint32_t count = texts->entries.count;
    int result = 0;
    for (uint32_t i = 0; i < count && result == 0; i += ONCE)
        result = read_some(asyncp_table_at(&texts->entries, i), count - i < ONCE ? count - i : ONCE,
                           view);
    return result;
}

const char *asyncp_texts_get(const struct texts *texts, uint32_t index)
{
    const struct text_entry *entry = asyncp_table_at(&texts->entries, index);
    return entry->text;
}

void asyncp_texts_free(struct texts *texts)
{
    asyncp_table_free(&texts->entries);
}
