/*
 * sys/stream.h: reads and writes of streams that are not sockets, with -errno for errors. They are
 * repeated when interrupted. *size returns the length actually requested (fault injection may
 * shorten it).
 */
#ifndef SYS_STREAM_H
#define SYS_STREAM_H

#include <stdbool.h>
#include <stddef.h>

enum {
    STREAM_NOWAIT = 1,    /* RWF_NOWAIT: -EAGAIN although the descriptor blocks */
    STREAM_NO_SIGNAL = 2, /* a write to a pipe without a reader raises no SIGPIPE */
};

int asyncp_sys_stream_read(int fd, void *buffer, size_t *size, unsigned flags);
int asyncp_sys_stream_write(int fd, const void *data, size_t *size, unsigned flags);

/* Whether the error means that the kernel or the descriptor does not have STREAM_NOWAIT. */
bool asyncp_sys_lacks_nowait(int error);

#endif
