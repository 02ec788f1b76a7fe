/*
 * base/text.h: sentences about errors. A sentence belongs to one error code and travels from task
 * to task with it; a text table keeps those that somebody was shown for as long as the loop lives,
 * each once and at most 1 MiB in all, because the reader may keep the pointer.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/memory.h"
#include <stdarg.h>

enum { SENTENCE_SIZE = 256, TEXT_TABLE_LIMIT = 1 << 20 };

/* An error and what was said about it. */
struct sentence {
    int code;    /* the error it belongs to, -errno */
    size_t size; /* bytes of this struct with its text; 0: it is a constant, which nobody owns */
    char text[]; /* "connect to 10.0.0.1:80" */
};

/* A text that was shown. */
struct shown_text {
    struct shown_text *next; /* in its bucket */
    size_t size;             /* bytes of this struct with its text */
    char text[];             /* "-ECONNREFUSED: connect to 10.0.0.1:80" */
};

enum { TEXT_BUCKETS = 64 };

struct text_table {
    struct shown_text *buckets[TEXT_BUCKETS]; /* by hash */
    size_t bytes;                             /* of all of them */
    async_allocator memory;                   /* where they come from */
};

/*
 * A new sentence, made printable, at most SENTENCE_SIZE - 1 bytes of it; or NULL when memory is
 * out.
 */
struct sentence *asyncp_sentence_new(const async_allocator *memory, int code, const char *format,
                                     va_list arguments);

void asyncp_sentence_free(const async_allocator *memory, struct sentence *sentence);

/* Another one that says the same, or NULL when memory is out. */
struct sentence *asyncp_sentence_copy(const async_allocator *memory,
                                      const struct sentence *sentence);

static inline bool sentence_is_constant(const struct sentence *sentence)
{
    return sentence->size == 0;
}

/* What was only read so far, for its next owner. */
static inline struct sentence *sentence_handed_on(const struct sentence *sentence)
{
    return (struct sentence *)(uintptr_t)sentence;
}

/*
 * How many of text[0..length) are left without a UTF-8 character at the end that the cut at length
 * goes through.
 */
size_t asyncp_text_whole(const char *text, size_t length);

/* The table's own copy of text, or NULL when the table is full or memory is out. */
const char *asyncp_text_keep(struct text_table *table, const char *text);
void asyncp_text_close(struct text_table *table);

/* "-ECONNREFUSED: Connection refused", a constant; or NULL for a code without a name. */
const char *asyncp_error_meaning(int code);

/* The system's text alone: "Connection refused"; or NULL. */
const char *asyncp_error_text(int code);

/*
 * Writes what an error means into text: its sentence if it has one for that code, else the plain
 * meaning.
 */
int asyncp_describe(char *text, size_t size, int code, const struct sentence *sentence);

/* The code's symbol with a minus, "-ECONNREFUSED"; or NULL. */
const char *asyncp_error_name(int code);

#endif
