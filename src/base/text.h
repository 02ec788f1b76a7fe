/*
 * base/text.h: error messages and the texts of error codes. An error message belongs to one error
 * code and moves with it from task to task. A text table keeps the texts given to the program for
 * as long as the loop exists, because the program may keep the pointers; each text once, and at
 * most 1 MiB.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/values.h"
#include "base/memory.h"
#include <stdarg.h>

enum { MAX_ERROR_MESSAGE_BYTES = 256, MAX_TEXT_TABLE_BYTES = 1 << 20, TEXT_BUCKETS = 64 };

struct error_message {
    int code;    /* -errno */
    size_t size; /* bytes of the struct with its text; 0: a constant, which is not freed */
    char text[]; /* "connect to 10.0.0.1:80" */
};

struct kept_text {
    struct kept_text *next; /* in its bucket */
    size_t size;            /* bytes of the struct with its text */
    char text[];            /* "-ECONNREFUSED: connect to 10.0.0.1:80" */
};

struct text_table {
    struct kept_text *buckets[TEXT_BUCKETS];
    size_t bytes; /* of all texts */
    async_allocator memory;
};

/*
 * Formats a message, makes it printable and cuts it at MAX_ERROR_MESSAGE_BYTES - 1 bytes. NULL: no
 * memory.
 */
struct error_message *asyncp_error_message_new(const async_allocator *memory, int code,
                                               const char *format, va_list arguments);

/* Ignores NULL and constants. */
void asyncp_error_message_free(const async_allocator *memory, struct error_message *message);

/* NULL: no memory. */
struct error_message *asyncp_error_message_copy(const async_allocator *memory,
                                                const struct error_message *message);

static inline bool error_message_is_constant(const struct error_message *message)
{
    return message->size == 0;
}

/* Casts const away, for a new owner of the message. */
static inline struct error_message *error_message_unconst(const struct error_message *message)
{
    return unconst(message);
}

/* The length of text[0..length) without an incomplete UTF-8 character at its end. */
size_t asyncp_text_whole(const char *text, size_t length);

/* The bytes of a text that fit into `size`, as whole UTF-8 characters: the precision of "%.*s". */
int asyncp_text_fit(const char *text, size_t size);

/* The table's copy of the text. NULL: the table is full, or no memory. */
const char *asyncp_text_keep(struct text_table *table, const char *text);
void asyncp_text_close(struct text_table *table);

/* "-ECONNREFUSED: Connection refused". NULL: the code has no name. */
const char *asyncp_error_meaning(int code);

/* "Connection refused". NULL: the code has no name. */
const char *asyncp_error_text(int code);

/* "-ECONNREFUSED". NULL: the code has no name. */
const char *asyncp_error_name(int code);

/*
 * Writes the code's name with the message if it belongs to the code, else with the code's text.
 * `message` may be NULL. Returns the whole length, as snprintf.
 */
int asyncp_error_describe(char *text, size_t size, int code, const struct error_message *message);

#endif
