/*
 * net/medium.c: reads and writes of descriptors that are not sockets.
 */
#include "net/medium.h"
#include "sys/stream.h"

int asyncp_medium_read(const struct medium *medium, int fd, void *buffer, size_t *size)
{
    ASSERT(medium_can_read(medium));
    return asyncp_sys_stream_read(fd, buffer, size, 0);
}

int asyncp_medium_write(const struct medium *medium, int fd, const void *data, size_t *size)
{
    ASSERT(medium_can_write(medium));
    return asyncp_sys_stream_write(fd, data, size, STREAM_NO_SIGNAL);
}
