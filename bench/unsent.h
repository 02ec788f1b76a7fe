/*
 * bench/unsent.h: buffers of the raw servers for output that the kernel did not accept, by
 * descriptor. They are rarely used: an answer is as long as its request, and the clients read.
 * Their size is not limited.
 */
#ifndef BENCH_UNSENT_H
#define BENCH_UNSENT_H

#include <bench.h>

#include <stdbool.h>
#include <sys/socket.h>

enum { UNSENT_DESCRIPTORS = 65536 };

static struct {
    char *bytes;         /* NULL: nothing is unsent */
    size_t begin, count; /* the unsent part of bytes */
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

/* Appends a copy. */
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

/* Sends as much as the kernel accepts. Returns true if nothing is left. */
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
 * For a connection without unsent bytes: sends, and keeps the rest. Returns true if nothing is
 * left.
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
