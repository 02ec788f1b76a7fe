/*
 * http_head.h: the head of an HTTP/1 request, parsed where it lies. Needs nothing but libc and
 * allocates nothing; copy http_head.h and http_head.c into your program if you like: you may use
 * these two files without any condition.
 *
 *     char head[8192];
 *     // -EMSGSIZE: answer 431
 *     int size = async_stream_readuntil(stream, head, 8192, "\n\r\n", "\n\n");
 *     struct http_head request;
 *     // 0, or the status to answer
 *     int status = http_head_parse(&request, head, (size_t)size);
 */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include <stddef.h>

enum { HTTP_MAX_FIELDS = 100 };

struct http_field {
    const char *name;  /* as it was sent; names differ in case */
    const char *value; /* without the blanks around it */
};

/* All texts lie in the bytes that were parsed, each with a zero byte behind it. */
struct http_head {
    char *method; /* "GET"; case counts */
    char *target; /* "/path?query", "http://host/path" or "*", not decoded */
    int minor;    /* HTTP/1.minor */
    size_t field_count;
    struct http_field fields[HTTP_MAX_FIELDS];
};

/*
 * Parses text[0..size), a request's head up to its empty line, and writes zero bytes into it. Empty
 * lines before the head are skipped, as RFC 9112 advises; what follows its empty line is not looked
 * at. Returns 0, or the status to answer: 400 for what is malformed, 431 for more than
 * HTTP_MAX_FIELDS fields, 505 for another version.
 *
 * Nothing is guessed. A blank before a colon, a line that goes on in the next one, a control
 * character, and a \r that ends no line are malformed: two programs that read them differently can
 * be played off against each other.
 */
int http_head_parse(struct http_head *head, char *text, size_t size);

/*
 * The value of the first field of that name, in any case, and in *count, if not NULL, how many
 * there are; or NULL.
 */
const char *http_head_value(const struct http_head *head, const char *name, size_t *count);

#endif
