/*
 * base/text.c: sentences about errors, and the plain meaning of each code as a constant. The names
 * are our own table: glibc's strerrorname_np is not everywhere, and a name costs one line.
 */
#include "base/text.h"
#include <asyncio/base.h>
#include <stdio.h>

struct sentence *asyncp_sentence_new(const async_allocator *memory, int code, const char *format,
                                     va_list arguments)
{
    char text[SENTENCE_SIZE];
    int length = vsnprintf(text, sizeof text, format, arguments);
    if (length < 0)
        return NULL;
    size_t size = (size_t)length < sizeof text ? (size_t)length
                                               : asyncp_text_whole(text, sizeof text - 1);
    size_t bytes = async_printable(NULL, 0, text, size) + 1;
    if (bytes > sizeof text)
        bytes = sizeof text;
    struct sentence *sentence = memory_resize(memory, NULL, 0, sizeof *sentence + bytes);
    if (sentence == NULL)
        return NULL;
    sentence->code = code;
    sentence->size = sizeof *sentence + bytes;
    async_printable(sentence->text, bytes, text, size);
    return sentence;
}

void asyncp_sentence_free(const async_allocator *memory, struct sentence *sentence)
{
    if (sentence != NULL && !sentence_is_constant(sentence))
        memory_free(memory, sentence, sentence->size);
}

struct sentence *asyncp_sentence_copy(const async_allocator *memory,
                                      const struct sentence *sentence)
{
    if (sentence_is_constant(sentence))
        return sentence_handed_on(sentence);
    struct sentence *copy = memory_resize(memory, NULL, 0, sentence->size);
    return copy != NULL ? memcpy(copy, sentence, sentence->size) : NULL;
}

static size_t bucket_of(const char *text)
{
    size_t hash = 5381;
    for (; *text != 0; text++)
        hash = hash * 33 + (unsigned char)*text;
    return hash % TEXT_BUCKETS;
}

const char *asyncp_text_keep(struct text_table *table, const char *text)
{
    struct shown_text **bucket = &table->buckets[bucket_of(text)];
    for (struct shown_text *shown = *bucket; shown != NULL; shown = shown->next)
        if (strcmp(shown->text, text) == 0)
            return shown->text;
    size_t length = strlen(text) + 1;
    size_t size = sizeof(struct shown_text) + length;
    if (table->bytes + size > TEXT_TABLE_LIMIT)
        return NULL;
    struct shown_text *shown = memory_resize(&table->memory, NULL, 0, size);
    if (shown == NULL)
        return NULL;
    shown->next = *bucket;
    shown->size = size;
    memcpy(shown->text, text, length);
    *bucket = shown;
    table->bytes += size;
    return shown->text;
}

void asyncp_text_close(struct text_table *table)
{
    for (size_t i = 0; i < TEXT_BUCKETS; i++)
        for (struct shown_text *shown = table->buckets[i], *next; shown != NULL; shown = next) {
            next = shown->next;
            memory_free(&table->memory, shown, shown->size);
        }
    *table = (struct text_table){.memory = table->memory};
}

int asyncp_describe(char *text, size_t size, int code, const struct sentence *sentence)
{
    const char *name = asyncp_error_name(code);
    if (sentence != NULL && sentence->code == code && name != NULL)
        return snprintf(text, size, "%s: %s", name, sentence->text);
    if (sentence != NULL && sentence->code == code)
        return snprintf(text, size, "%d: %s", code, sentence->text);
    if (name != NULL)
        return snprintf(text, size, "%s", asyncp_error_meaning(code));
    if (code < 0)
        return snprintf(text, size, "%d: an error this library has no name for", code);
    return snprintf(text, size, "%d: no error", code);
}
