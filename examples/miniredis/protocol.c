/*
 * protocol.c: parses *COUNT followed by $SIZE and the bytes of each word, or an inline command:
 * words between spaces, up to the end of the line. The error messages are those of Redis.
 */
#include "protocol.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LINE_BYTES = 64 * 1024, MAX_WORDS = 1 << 20 };

static int protocol_error(struct request *request, const char *message)
{
    snprintf(request->error, sizeof request->error, "%s", message);
    return -EPROTO;
}

/* For a line that is incomplete after `rest` bytes. The message is for a line that is too long. */
static int more_of_line(struct request *request, size_t rest, const char *message)
{
    request->searched = rest > 0 ? rest - 1 : 0; /* the last byte may be a \r */
    request->least = request->used + rest + 1;
    return rest > MAX_LINE_BYTES ? protocol_error(request, message) : 0;
}

/* Parses a number of less than ten digits, and nothing else. Returns -1 on error. */
static long number_in(const char *text, size_t size)
{
    long value = size > 0 && size < 10 ? 0 : -1;
    for (size_t i = 0; i < size && value >= 0; i++)
        value = text[i] >= '0' && text[i] <= '9' ? value * 10 + (text[i] - '0') : -1;
    return value;
}

/* The size of the line, without \r\n; -1: incomplete. The first `searched` bytes have no \r\n. */
static long line_size(const char *text, size_t size, size_t searched)
{
    const char *end = memchr(text + searched, '\r', size - searched);
    return end != NULL && end + 1 < text + size ? end - text : -1;
}

/* Parses the next word. Returns the number of its bytes; 0: incomplete. */
static int parse_word(const char *text, size_t size, struct request *request)
{
    size_t at = request->used, rest = size - at;
    long line = line_size(text + at, rest, request->searched);
    if (line < 0)
        return more_of_line(request, rest, "too big bulk count string");
    if (text[at] != '$') {
        char got = text[at] == '\r' || text[at] == '\n' ? ' ' : text[at];
        snprintf(request->error, sizeof request->error, "expected '$', got '%c'", got);
        return -EPROTO;
    }
    long length = number_in(text + at + 1, (size_t)line - 1);
    if (length < 0 || length > MAX_REQUEST)
        return protocol_error(request, "invalid bulk length");
    size_t used = (size_t)line + 2 + (size_t)length + 2;
    if (used > rest) {
        request->searched = 0;
        request->least = at + used;
        return 0;
    }
    /* an offset for now, because the text may move: see set_addresses */
    const char *place = (const char *)(at + (size_t)line + 2);
    request->words[request->count++] = (struct word){place, (size_t)length};
    return (int)used;
}

static int make_room(struct request *request, long count)
{
    if (count <= request->room)
        return 0;
    struct word *words = realloc(request->words, (size_t)count * sizeof *words);
    if (words == NULL)
        return -ENOMEM;
    request->words = words;
    request->room = (int)count;
    return 0;
}

static int parse_count(const char *text, size_t size, struct request *request)
{
    long line = line_size(text, size, request->searched);
    if (line < 0)
        return more_of_line(request, size, "too big mbulk count string");
    bool negative = line > 2 && text[1] == '-' &&
                    number_in(text + 2, (size_t)line - 2) > 0; /* the same as 0 */
    request->wanted = negative ? 0 : number_in(text + 1, (size_t)line - 1);
    if (request->wanted < 0 || request->wanted > MAX_WORDS)
        return protocol_error(request, "invalid multibulk length");
    ASYNC_TRY(make_room(request, request->wanted));
    return (int)line + 2;
}

/* The request is complete: turns the offsets of the words into addresses. */
static void set_addresses(const char *text, struct request *request)
{
    for (int i = 0; i < request->count; i++)
        request->words[i].text = text + (size_t)request->words[i].text;
}

static int parse_words(const char *text, size_t size, struct request *request)
{
    while (request->used == 0 || request->count < request->wanted) {
        int part = request->used == 0 ? parse_count(text, size, request)
                                      : parse_word(text, size, request);
        if (part <= 0)
            return part;
        request->used += (size_t)part;
        request->searched = 0;
    }
    set_addresses(text, request);
    return (int)request->used;
}

static int parse_line(const char *text, size_t size, struct request *request)
{
    const char *end = memchr(text + request->searched, '\n', size - request->searched);
    if (end == NULL)
        return more_of_line(request, size, "too big inline request");
    for (const char *at = text; at < end;) {
        size_t length = 0;
        while (at + length < end && strchr(" \t\r", at[length]) == NULL)
            length++;
        ASYNC_TRY(make_room(request, request->count + 1));
        if (length > 0)
            request->words[request->count++] = (struct word){at, length};
        at += length + 1;
    }
    return (int)(end - text) + 1;
}

int parse(const char *text, size_t size, struct request *request)
{
    if (request->used == 0)
        request->count = 0;
    int used = text[0] == '*' ? parse_words(text, size, request) : parse_line(text, size, request);
    if (used == 0)
        return request->least > MAX_REQUEST ? protocol_error(request, "too big request") : 0;
    request->used = request->searched = 0; /* for the next request */
    return used;
}

/* ---- answers -------------------------------------------------------------------------------- */

void reply(async_stream *stream, const char *text)
{
    async_stream_write(stream, text, strlen(text));
}

/* Returns the end of the line. */
static char *put_line(char *at, char mark, long long number)
{
    char digits[24], *digit = digits + sizeof digits;
    unsigned long long rest = number < 0 ? 0 - (unsigned long long)number
                                         : (unsigned long long)number;
    do
        *--digit = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    *at++ = mark;
    if (number < 0)
        *at++ = '-';
    size_t length = (size_t)(digits + sizeof digits - digit);
    memcpy(at, digit, length);
    memcpy(at + length, "\r\n", 2);
    return at + length + 2;
}

void reply_number(async_stream *stream, long long number)
{
    char text[32];
    async_stream_write(stream, text, (size_t)(put_line(text, ':', number) - text));
}

void reply_count(async_stream *stream, int words)
{
    char text[32];
    async_stream_write(stream, text, (size_t)(put_line(text, '*', words) - text));
}

void reply_word(async_stream *stream, struct word word)
{
    char text[512], *at = put_line(text, '$', (long long)word.size);
    if (word.size <= sizeof text - 64) {
        memcpy(at, word.text, word.size);
        memcpy(at + word.size, "\r\n", 2);
        async_stream_write(stream, text, (size_t)(at - text) + word.size + 2);
        return;
    }
    struct iovec parts[] = {
        {text, (size_t)(at - text)}, {(void *)word.text, word.size}, {"\r\n", 2}};
    async_stream_writev(stream, parts, 3);
}
