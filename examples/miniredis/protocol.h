/*
 * protocol.h: what Redis and its clients say to each other (RESP 2): requests are parsed where they
 * lie, answers are written to a stream.
 */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include "store.h"

enum { MOST_REQUEST = 1 << 20 }; /* bytes of a request; Redis takes 512 MiB */

struct request {
    struct word *words; /* lent by the text that was parsed */
    int count, room;
    size_t least;    /* so many bytes have to be there before it is worth to parse again */
    long wanted;     /* words of the request that is parsed */
    size_t used;     /* bytes at its beginning that are parsed; 0: none, and wanted is not known */
    size_t searched; /* bytes behind those, in which the line does not end */
    char complaint[64]; /* about what is no request */
};

/*
 * How many bytes a request takes at the beginning of a text; 0: more have to come; -EPROTO;
 * -ENOMEM. After 0 it goes on where it stopped, with the same bytes and more, at any address: each
 * byte is parsed once.
 */
int parse(const char *text, size_t size, struct request *request);

void reply(async_stream *stream, const char *text);
void reply_number(async_stream *stream, long long number);
void reply_count(async_stream *stream, int words); /* that follow */
void reply_word(async_stream *stream, struct word word);

#endif
