/*
 * http_head.h: parses the head of an HTTP/1 request in place. Needs only libc and allocates
 * nothing. You may copy http_head.h and http_head.c into your program without any condition.
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
    const char *name;  /* as sent; compare without regard to case */
    const char *value; /* without the blanks around it */
};

/* All strings point into the parsed bytes. */
struct http_head {
    char *method; /* "GET"; case matters */
    char *target; /* "/path?query", "http://host/path" or "*", not decoded */
    int minor;    /* HTTP/1.minor */
    size_t field_count;
    struct http_field fields[HTTP_MAX_FIELDS];
};

/*
 * Parses text[0..size), a request's head up to its empty line, and writes zero bytes into it. Empty
 * lines before the head are skipped, as RFC 9112 advises; bytes after the empty line are ignored.
 * Returns 0, or the status to answer: 400 for a malformed head, 431 for more than HTTP_MAX_FIELDS
 * fields, 505 for another version.
 *
 * The parser is strict: a blank before a colon, a folded line, a control character and a \r without
 * \n are malformed. If two programs read such a head differently, requests can be smuggled.
 */
int http_head_parse(struct http_head *head, char *text, size_t size);

/*
 * Returns the value of the first field with that name, in any case; NULL if there is no such field.
 * *count, if not NULL, becomes the number of fields with that name.
 */
const char *http_head_value(const struct http_head *head, const char *name, size_t *count);

#endif
