/*
 * bench/unsent.h: what the raw servers of a benchmark keep for a connection when the kernel did not
 * take all of it, by descriptor. It hardly happens: an answer is as long as what was asked, and who
 * asks reads. Nothing limits how much is kept.
 */
#ifndef BENCH_UNSENT_H
#define BENCH_UNSENT_H

#include <bench.h>

#include <stdbool.h>
#include <sys/socket.h>

enum { UNSENT_DESCRIPTORS = 65536 };

static struct {
    char *bytes;         /* NULL: nothing */
    size_t begin, count; /* of those yet to be sent */
} unsent[UNSENT_DESCRIPTORS];

static inline bool unsent_any(int descriptor)
{
    return unsent[descriptor].bytes != NULL;
}

static inline void unsent_forget(int descriptor)
{
    free(unsent[descriptor].bytes);
    unsent[descriptor].bytes = NULL;
    unsent[descriptor].begin = unsent[descriptor].count = 0;
}

/* Copies them behind what is kept already. */
static inline void unsent_keep(int descriptor, const char *bytes, size_t count)
{
    size_t end = unsent[descriptor].begin + unsent[descriptor].count;
    char *longer = realloc(unsent[descriptor].bytes, end + count);
    if (longer == NULL)
        bench_die("server", "no memory");
    memcpy(longer + end, bytes, count);
    unsent[descriptor].bytes = longer;
    unsent[descriptor].count += count;
}

/* Sends what the kernel takes of it; whether nothing is left. */
static inline bool unsent_send(int descriptor)
{
    while (unsent[descriptor].count > 0) {
        const char *bytes = unsent[descriptor].bytes + unsent[descriptor].begin;
        ssize_t sent = send(descriptor, bytes, unsent[descriptor].count, MSG_NOSIGNAL);
        if (sent < 0)
            return false;
        unsent[descriptor].begin += (size_t)sent;
        unsent[descriptor].count -= (size_t)sent;
    }
    unsent_forget(descriptor);
    return true;
}

/*
 * Sends these, of a connection that has nothing unsent, and keeps the rest; whether there is none.
 */
static inline bool unsent_send_or_keep(int descriptor, const char *bytes, size_t count)
{
    ssize_t sent = send(descriptor, bytes, count, MSG_NOSIGNAL);
    if (sent == (ssize_t)count)
        return true;
    size_t taken = sent < 0 ? 0 : (size_t)sent;
    unsent_keep(descriptor, bytes + taken, count - taken);
    return false;
}

#endif
