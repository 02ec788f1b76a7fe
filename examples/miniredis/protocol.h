/*
 * protocol.h: the Redis protocol (RESP 2): requests are parsed in place, answers are written to a
 * stream.
 */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include "store.h"

enum { MAX_REQUEST = 1 << 20 }; /* bytes of a request; Redis takes 512 MiB */

struct request {
    struct word *words; /* they point into the parsed text */
    int count, room;
    size_t least;    /* number of bytes needed before parsing again makes sense */
    long wanted;     /* number of words of the request; valid if used > 0 */
    size_t used;     /* parsed bytes */
    size_t searched; /* bytes after those that have no line end */
    char error[64];  /* message of -EPROTO */
};

/*
 * Parses the request at the beginning of a text. Returns the number of its bytes; 0 if it is
 * incomplete; -EPROTO; -ENOMEM. After 0, call it again with more bytes, at any address: it goes on
 * where it stopped.
 */
int parse(const char *text, size_t size, struct request *request);

void reply(async_stream *stream, const char *text);
void reply_number(async_stream *stream, long long number);
void reply_count(async_stream *stream, int words); /* the words follow */
void reply_word(async_stream *stream, struct word word);

#endif
