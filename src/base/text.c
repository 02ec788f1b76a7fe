/*
 * base/text.c: error messages, and the table of texts given to the program.
 */
#include "base/text.h"
#include "base/hash.h"
#include <stdio.h>

struct error_message *asyncp_error_message_new(const async_allocator *memory, int code,
                                               const char *format, va_list arguments)
{
    char text[MAX_ERROR_MESSAGE_BYTES];
    int length = vsnprintf(text, sizeof text, format, arguments);
    if (length < 0)
        return NULL;
    size_t size = (size_t)length < sizeof text ? (size_t)length
                                               : asyncp_text_whole(text, sizeof text - 1);
    size_t bytes = async_printable(NULL, 0, text, size) + 1;
    if (bytes > sizeof text)
        bytes = sizeof text;
    struct error_message *message = memory_resize(memory, NULL, 0, sizeof *message + bytes);
    if (message == NULL)
        return NULL;
    message->code = code;
    message->size = sizeof *message + bytes;
    async_printable(message->text, bytes, text, size);
    return message;
}

void asyncp_error_message_free(const async_allocator *memory, struct error_message *message)
{
    if (message != NULL && !error_message_is_constant(message))
        memory_free(memory, message, message->size);
}

struct error_message *asyncp_error_message_copy(const async_allocator *memory,
                                                const struct error_message *message)
{
    if (error_message_is_constant(message))
        return error_message_unconst(message);
    struct error_message *copy = memory_resize(memory, NULL, 0, message->size);
    return copy != NULL ? memcpy(copy, message, message->size) : NULL;
}

const char *asyncp_text_keep(struct text_table *table, const char *text)
{
    size_t length = strlen(text) + 1;
    struct kept_text **bucket = &table->buckets[hash_bytes(text, length) % TEXT_BUCKETS];
    for (struct kept_text *kept = *bucket; kept != NULL; kept = kept->next)
        if (strcmp(kept->text, text) == 0)
            return kept->text;
    size_t size = sizeof(struct kept_text) + length;
    if (table->bytes + size > MAX_TEXT_TABLE_BYTES)
        return NULL;
    struct kept_text *kept = memory_resize(&table->memory, NULL, 0, size);
    if (kept == NULL)
        return NULL;
    kept->next = *bucket;
    kept->size = size;
    memcpy(kept->text, text, length);
    *bucket = kept;
    table->bytes += size;
    return kept->text;
}

void asyncp_text_close(struct text_table *table)
{
    for (size_t i = 0; i < TEXT_BUCKETS; i++)
        for (struct kept_text *kept = table->buckets[i], *next; kept != NULL; kept = next) {
            next = kept->next;
            memory_free(&table->memory, kept, kept->size);
        }
    *table = (struct text_table){.memory = table->memory};
}

int asyncp_error_describe(char *text, size_t size, int code, const struct error_message *message)
{
    const char *name = asyncp_error_name(code);
    if (message != NULL && message->code == code && name != NULL)
        return snprintf(text, size, "%s: %s", name, message->text);
    if (message != NULL && message->code == code)
        return snprintf(text, size, "%d: %s", code, message->text);
    if (name != NULL)
        return snprintf(text, size, "%s", asyncp_error_meaning(code));
    if (code < 0)
        return snprintf(text, size, "%d: unknown error", code);
    return snprintf(text, size, "%d: no error", code);
}
