/*
 * ext/redis/src/reader.c: replies from bytes, which may be cut anywhere (RESP2 and RESP3). A reply
 * is built in chunks of memory while it comes; what a server may make us allocate is bounded by the
 * bytes it has sent, times a small factor, and by the limit.
 */
#include "redis.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CHUNK = 256, LARGEST_CHUNK = 64 * 1024, FIRST_ELEMENTS = 16 };
enum { MAX_LINE = 64 * 1024, LONG_TEXT = 16 * 1024 };

void redisp_reader_open(struct reader *reader, size_t limit)
{
    *reader = (struct reader){.limit = limit};
}

void redisp_reader_close(struct reader *reader)
{
    if (reader->root != NULL)
        async_redis_reply_free(&reader->root->reply);
    reader->root = NULL;
}

/* ---- memory --------------------------------------------------------------------------------- */

static int fail_limit(const struct reader *reader)
{
    return async_fail(-EMSGSIZE, "the reply needs more than %zu bytes (options.max_reply)",
                      reader->limit);
}

/* A chunk with room for so many bytes. NULL: error is set. */
static struct chunk *new_chunk(struct reader *reader, size_t size, int *error)
{
    size_t total = sizeof(struct chunk) + size;
    *error = size > reader->limit || total > reader->limit - reader->memory ? fail_limit(reader)
                                                                            : -ENOMEM;
    if (*error == -EMSGSIZE)
        return NULL;
    struct chunk *chunk = redisp_realloc(NULL, total);
    if (chunk == NULL)
        return NULL;
    *error = 0;
    *chunk = (struct chunk){.size = size};
    reader->memory += total;
    return chunk;
}

/* The first chunk is the newest: small pieces come from it. */
static int add_chunk(struct reader *reader, size_t size)
{
    int error;
    struct chunk *chunk = new_chunk(reader, size, &error);
    if (chunk == NULL)
        return error;
    chunk->next = reader->root->chunks;
    reader->root->chunks = chunk;
    return 0;
}

/* Bytes that are aligned for every type. */
static int allocate(struct reader *reader, size_t size, void *out)
{
    size_t rounded = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    struct chunk *chunk = reader->root->chunks;
    if (rounded > chunk->size - chunk->used) {
        size_t wanted = chunk->size < LARGEST_CHUNK ? chunk->size * 2 : LARGEST_CHUNK;
        ASYNC_TRY(add_chunk(reader, rounded > wanted ? rounded : wanted));
        chunk = reader->root->chunks;
    }
    void *bytes = (char *)chunk->bytes + chunk->used;
    chunk->used += rounded;
    memcpy(out, &bytes, sizeof bytes);
    return 0;
}

static int begin_reply(struct reader *reader)
{
    int error;
    reader->memory = 0;
    struct chunk *chunk = new_chunk(reader, FIRST_CHUNK, &error);
    if (chunk == NULL)
        return error;
    reader->root = (struct root *)chunk->bytes;
    *reader->root = (struct root){.chunks = chunk};
    chunk->used = sizeof(struct root);
    return 0;
}

/* ---- the tree ------------------------------------------------------------------------------- */

static int fail_protocol(const char *text)
{
    return async_fail(-EPROTO, "the server does not speak Redis's protocol: %s", text);
}

static int grow_elements(struct reader *reader, struct frame *frame)
{
    struct async_redis_reply *elements, *before = frame->owner->value.elements;
    size_t capacity = frame->capacity > 0 ? 2 * frame->capacity : FIRST_ELEMENTS;
    capacity = capacity < frame->expected ? capacity : frame->expected;
    ASYNC_TRY(allocate(reader, capacity * sizeof *elements, &elements));
    if (frame->owner->size > 0)
        memcpy(elements, before, frame->owner->size * sizeof *elements);
    frame->owner->value.elements = elements;
    frame->capacity = capacity;
    return 0;
}

/* The place for the next value. */
static int next_place(struct reader *reader, struct async_redis_reply **place)
{
    if (reader->root == NULL)
        ASYNC_TRY(begin_reply(reader));
    struct frame *frame = reader->depth > 0 ? &reader->frames[reader->depth - 1] : NULL;
    if (frame == NULL) {
        *place = &reader->root->reply;
        return 0;
    }
    if (frame->owner->size == frame->capacity)
        ASYNC_TRY(grow_elements(reader, frame));
    *place = &frame->owner->value.elements[frame->owner->size];
    return 0;
}

/* A value is complete. True: so is the whole reply. */
static bool finish_value(struct reader *reader)
{
    while (reader->depth > 0) {
        struct frame *frame = &reader->frames[reader->depth - 1];
        if (++frame->owner->size < frame->expected)
            return false;
        reader->depth--;
        if (frame->is_attribute)
            return false; /* the value follows */
    }
    return true;
}

/* ---- values --------------------------------------------------------------------------------- */

static int read_length(const char *line, size_t size, int64_t *length)
{
    if (!redisp_read_integer(line, size, length) || *length < -1)
        return fail_protocol("a length is no number");
    return 0;
}

static int copy_text(struct reader *reader, struct async_redis_reply *place, const char *text,
                     size_t size)
{
    ASYNC_TRY(allocate(reader, size + 1, &place->value.text));
    memcpy(place->value.text, text, size);
    place->value.text[size] = 0;
    place->size = size;
    return 1;
}

/* 1: the value is complete; 0: elements follow. place NULL: they belong to an attribute. */
static int begin_elements(struct reader *reader, struct async_redis_reply *place,
                          async_redis_type type, const char *line, size_t size)
{
    int64_t count;
    ASYNC_TRY(read_length(line, size, &count));
    if ((count > 0 ? (uint64_t)count : 0) > reader->limit / sizeof *place / 2)
        return fail_limit(reader);
    if (place != NULL && count >= 0)
        *place = (struct async_redis_reply){.type = type};
    if (count <= 0)
        return 1; /* empty, or nil */
    if (reader->depth == MAX_DEPTH)
        return async_fail(-EMSGSIZE, "the reply is nested more than %d deep", MAX_DEPTH);
    struct frame *frame = &reader->frames[reader->depth++];
    *frame = (struct frame){.expected = (size_t)count * (type == ASYNC_REDIS_MAP ? 2 : 1),
                            .is_attribute = place == NULL};
    frame->owner = place != NULL ? place : &frame->attribute;
    return 0;
}

/* It comes before a value, which then takes the place. */
static int begin_attribute(struct reader *reader, const char *line, size_t size)
{
    int result = begin_elements(reader, NULL, ASYNC_REDIS_MAP, line, size);
    return result < 0 ? result : 0;
}

/* Its bytes follow, with \r\n. The first `prefix` of them are not part of it. */
static int begin_text(struct reader *reader, struct async_redis_reply *place, async_redis_type type,
                      size_t prefix, const char *line, size_t size)
{
    int64_t length;
    ASYNC_TRY(read_length(line, size, &length));
    if (length < 0)
        return 1; /* nil */
    if ((uint64_t)length > reader->limit || length > INT_MAX - 2)
        return fail_limit(reader);
    *place = (struct async_redis_reply){.type = type};
    reader->text = place;
    reader->text_size = (size_t)length + 2;
    reader->text_received = 0;
    reader->text_prefix = prefix;
    reader->text_capacity = 0;
    return 0;
}

static int read_boolean(struct async_redis_reply *place, const char *line, size_t size)
{
    if (size != 1 || (line[0] != 't' && line[0] != 'f'))
        return fail_protocol("a boolean is neither t nor f");
    *place = (struct async_redis_reply){.type = ASYNC_REDIS_BOOLEAN,
                                        .value.integer = line[0] == 't'};
    return 1;
}

static int read_number(struct async_redis_reply *place, const char *line, size_t size)
{
    double number;
    if (redisp_read_double(line, size, &number) < 0)
        return fail_protocol("a floating-point number is none");
    *place = (struct async_redis_reply){.type = ASYNC_REDIS_DOUBLE, .value.number = number};
    return 1;
}

static int read_whole_number(struct async_redis_reply *place, const char *line, size_t size)
{
    int64_t integer;
    if (!redisp_read_integer(line, size, &integer))
        return fail_protocol("an integer is none, or too large");
    *place = (struct async_redis_reply){.type = ASYNC_REDIS_INTEGER, .value.integer = integer};
    return 1;
}

static int read_short_text(struct reader *reader, struct async_redis_reply *place,
                           async_redis_type type, const char *line, size_t size)
{
    *place = (struct async_redis_reply){.type = type};
    return copy_text(reader, place, line, size);
}

/* A line without its \r\n; its first byte is the type. 1: the value is complete, 0: not yet. */
static int read_line(struct reader *reader, const char *line, size_t size)
{
    struct async_redis_reply *place;
    ASYNC_TRY(next_place(reader, &place));
    *place = (struct async_redis_reply){.type = ASYNC_REDIS_NIL};
    const char type = size > 0 ? line[0] : 0;
    line++;
    size -= size > 0;
    switch (type) {
    case '+':
        return read_short_text(reader, place, ASYNC_REDIS_STATUS, line, size);
    case '-':
        return read_short_text(reader, place, ASYNC_REDIS_ERROR, line, size);
    case '(':
        return read_short_text(reader, place, ASYNC_REDIS_STRING, line, size);
    case ':':
        return read_whole_number(place, line, size);
    case ',':
        return read_number(place, line, size);
    case '#':
        return read_boolean(place, line, size);
    case '_':
        return 1;
    case '$':
        return begin_text(reader, place, ASYNC_REDIS_STRING, 0, line, size);
    case '=':
        return begin_text(reader, place, ASYNC_REDIS_STRING, strlen("txt:"), line, size);
    case '!':
        return begin_text(reader, place, ASYNC_REDIS_ERROR, 0, line, size);
    case '*':
        return begin_elements(reader, place, ASYNC_REDIS_ARRAY, line, size);
    case '%':
        return begin_elements(reader, place, ASYNC_REDIS_MAP, line, size);
    case '~':
        return begin_elements(reader, place, ASYNC_REDIS_SET, line, size);
    case '>':
        return begin_elements(reader, place, ASYNC_REDIS_PUSH, line, size);
    case '|':
        return begin_attribute(reader, line, size);
    default:
        return fail_protocol("a value begins with an unknown byte");
    }
}

/* ---- the bytes of a string ------------------------------------------------------------------ */

/* A long text has a chunk of its own, behind the newest one, which grows as the bytes come. */
static int grow_long_text(struct reader *reader)
{
    struct chunk **link = &reader->root->chunks->next;
    size_t capacity = reader->text_capacity > 0 ? 2 * reader->text_capacity : LONG_TEXT;
    capacity = capacity < reader->text_size ? capacity : reader->text_size;
    size_t growth = capacity - reader->text_capacity;
    if (growth > reader->limit - reader->memory)
        return fail_limit(reader);
    struct chunk *chunk = redisp_realloc(reader->text_capacity > 0 ? *link : NULL,
                                         sizeof(struct chunk) + capacity);
    if (chunk == NULL)
        return -ENOMEM;
    if (reader->text_capacity == 0)
        chunk->next = *link;
    *link = chunk;
    chunk->used = chunk->size = capacity;
    reader->memory += growth;
    reader->text_capacity = capacity;
    reader->text->value.text = (char *)chunk->bytes;
    return 0;
}

static int grow_text(struct reader *reader)
{
    if (reader->text_size > LONG_TEXT)
        return grow_long_text(reader);
    ASYNC_TRY(allocate(reader, reader->text_size, &reader->text->value.text));
    reader->text_capacity = reader->text_size;
    return 0;
}

static int finish_text(struct reader *reader)
{
    struct async_redis_reply *text = reader->text;
    size_t size = reader->text_size - 2, prefix = reader->text_prefix;
    reader->text = NULL;
    if (memcmp(text->value.text + size, "\r\n", 2) != 0)
        return fail_protocol("a string does not end where it should");
    if (prefix > size)
        return fail_protocol("a text has no format");
    text->value.text[size] = 0;
    text->value.text += prefix;
    text->size = size - prefix;
    return 1;
}

/* Copies bytes of a string, and sets *taken. 1: the string is complete. */
static int read_text(struct reader *reader, const char *data, size_t size, size_t *taken)
{
    *taken = 0;
    while (*taken < size && reader->text_received < reader->text_size) {
        if (reader->text_received == reader->text_capacity)
            ASYNC_TRY(grow_text(reader));
        size_t room = reader->text_capacity - reader->text_received, left = size - *taken;
        size_t part = left < room ? left : room;
        memcpy(reader->text->value.text + reader->text_received, data + *taken, part);
        reader->text_received += part;
        *taken += part;
    }
    return reader->text_received == reader->text_size ? finish_text(reader) : 0;
}

/* ---- all ------------------------------------------------------------------------------------ */

/* A value begins or goes on. 1: it is complete; 0: not yet. *taken 0: bytes are missing. */
static int read_value(struct reader *reader, const char *data, size_t size, size_t *taken)
{
    if (reader->text != NULL)
        return read_text(reader, data, size, taken);
    const char *end = memchr(data, '\n', size < MAX_LINE ? size : MAX_LINE);
    *taken = end != NULL ? (size_t)(end - data) + 1 : 0;
    if (end == NULL)
        return size < MAX_LINE ? 0 : fail_protocol("a line is too long");
    if (*taken < 2 || end[-1] != '\r')
        return fail_protocol("a line does not end in \\r\\n");
    return read_line(reader, data, *taken - 2);
}

int redisp_reader_feed(struct reader *reader, const char *data, size_t size,
                       struct async_redis_reply **reply)
{
    size_t fed = 0;
    *reply = NULL;
    while (fed < size) {
        size_t taken;
        int result = read_value(reader, data + fed, size - fed, &taken);
        if (result < 0)
            return result;
        fed += taken;
        if (result == 1 && finish_value(reader)) {
            *reply = &reader->root->reply;
            reader->root = NULL;
            break;
        }
        if (taken == 0)
            break;
    }
    return (int)fed;
}
