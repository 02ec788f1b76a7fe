/*
 * protocol.c: *COUNT and for each word $SIZE and its bytes; or what a person types: words between
 * spaces, up to the end of the line. Malformed requests are called what Redis calls them.
 */
#include "protocol.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_LINE = 64 * 1024, MOST_WORDS = 1 << 20 };

static int complain(struct request *request, const char *sentence)
{
    snprintf(request->complaint, sizeof request->complaint, "%s", sentence);
    return -EPROTO;
}

/* A line that is not there whole, of which rest bytes are. */
static int more_of_line(struct request *request, size_t rest, const char *sentence)
{
    request->searched = rest > 0 ? rest - 1 : 0; /* the last may be a \r */
    request->least = request->used + rest + 1;
    return rest > LONGEST_LINE ? complain(request, sentence) : 0;
}

/*
 * The number in a line of size bytes and no more; -1: it is none, or a negative or a far too large
 * one.
 */
static long number_in(const char *text, size_t size)
{
    long value = size > 0 && size < 10 ? 0 : -1;
    for (size_t i = 0; i < size && value >= 0; i++)
        value = text[i] >= '0' && text[i] <= '9' ? value * 10 + (text[i] - '0') : -1;
    return value;
}

/*
 * The size of the line, without \r\n, which is not in its first bytes; -1: it is not there whole.
 */
static long line_size(const char *text, size_t size, size_t searched)
{
    const char *end = memchr(text + searched, '\r', size - searched);
    return end != NULL && end + 1 < text + size ? end - text : -1;
}

/* The next word: how many bytes it takes; 0: more have to come. */
static int parse_word(const char *text, size_t size, struct request *request)
{
    size_t at = request->used, rest = size - at;
    long line = line_size(text + at, rest, request->searched);
    if (line < 0)
        return more_of_line(request, rest, "too big bulk count string");
    if (text[at] != '$') {
        char got = text[at] == '\r' || text[at] == '\n' ? ' ' : text[at];
        snprintf(request->complaint, sizeof request->complaint, "expected '$', got '%c'", got);
        return -EPROTO;
    }
    long length = number_in(text + at + 1, (size_t)line - 1);
    if (length < 0 || length > MOST_REQUEST)
        return complain(request, "invalid bulk length");
    size_t used = (size_t)line + 2 + (size_t)length + 2;
    if (used > rest) {
        request->searched = 0;
        request->least = at + used;
        return 0;
    }
    const char *place = (const char *)(at + (size_t)line +
                                       2); /* in the text, which may move: see lend_words */
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
                    number_in(text + 2, (size_t)line - 2) > 0; /* as an empty one */
    request->wanted = negative ? 0 : number_in(text + 1, (size_t)line - 1);
    if (request->wanted < 0 || request->wanted > MOST_WORDS)
        return complain(request, "invalid multibulk length");
    ASYNC_TRY(make_room(request, request->wanted));
    return (int)line + 2;
}

/* Now that all are there, their places in the text become addresses. */
static void lend_words(const char *text, struct request *request)
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
    lend_words(text, request);
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
        return request->least > MOST_REQUEST ? complain(request, "too big request") : 0;
    request->used = request->searched = 0; /* the next one begins */
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
