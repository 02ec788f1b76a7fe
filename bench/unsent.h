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

static inline bool unsent_any(int fd)
{
    return unsent[fd].bytes != NULL;
}

static inline void unsent_forget(int fd)
{
    free(unsent[fd].bytes);
    unsent[fd].bytes = NULL;
    unsent[fd].begin = unsent[fd].count = 0;
}

/* Copies them behind what is kept already. */
static inline void unsent_keep(int fd, const char *bytes, size_t count)
{
    size_t end = unsent[fd].begin + unsent[fd].count;
    char *longer = realloc(unsent[fd].bytes, end + count);
    if (longer == NULL)
        bench_die("server", "no memory");
    memcpy(longer + end, bytes, count);
    unsent[fd].bytes = longer;
    unsent[fd].count += count;
}

/* Sends what the kernel takes of it; whether nothing is left. */
static inline bool unsent_send(int fd)
{
    while (unsent[fd].count > 0) {
        const char *bytes = unsent[fd].bytes + unsent[fd].begin;
        ssize_t sent = send(fd, bytes, unsent[fd].count, MSG_NOSIGNAL);
        if (sent < 0)
            return false;
        unsent[fd].begin += (size_t)sent;
        unsent[fd].count -= (size_t)sent;
    }
    unsent_forget(fd);
    return true;
}

/*
 * Sends these, of a connection that has nothing unsent, and keeps the rest; whether there is none.
 */
static inline bool unsent_send_or_keep(int fd, const char *bytes, size_t count)
{
    ssize_t sent = send(fd, bytes, count, MSG_NOSIGNAL);
    if (sent == (ssize_t)count)
        return true;
    size_t taken = sent < 0 ? 0 : (size_t)sent;
    unsent_keep(fd, bytes + taken, count - taken);
    return false;
}

#endif
