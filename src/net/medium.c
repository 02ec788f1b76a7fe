/*
 * net/medium.c: reads and writes of descriptors that are not sockets of ours. O_NONBLOCK belongs to
 * the open file description, which other processes may have, too; so it is never changed here.
 */
#include "net/medium.h"
#include "sys/polling.h"
#include "sys/signals.h"
#include "sys/socket.h"
#include "sys/stream.h"
#include <poll.h>

/* At most so many bytes of a file are read before other tasks may run. */
enum { MAX_FILE_READ = 256 * 1024 };

/* So many bytes are taken at once by a pipe that poll(2) calls writable. */
enum { MAX_POLLED_WRITE = 4096 };

/* 0: a call would not block, unless another process is faster; -EAGAIN; or -errno. */
static int poll_medium(int fd, short events)
{
    struct pollfd polled = {.fd = fd, .events = events};
    int result = asyncp_sys_poll(&polled, 1, 0);
    if (result <= 0)
        return result < 0 ? result : -EAGAIN;
    return (polled.revents & POLLNVAL) != 0 ? -EBADF : 0;
}

/* STREAM_NOWAIT, until the kernel has refused it. */
static unsigned wait_flags(const struct medium *medium)
{
    return medium->kind == MEDIUM_SHARED ? STREAM_NOWAIT : 0;
}

/* Whether the call is to be made again, in another way. */
static bool falls_back(struct medium *medium, int result)
{
    if (medium->kind != MEDIUM_SHARED || !asyncp_sys_lacks_nowait(result))
        return false;
    medium->kind = MEDIUM_POLLED;
    return true;
}

int asyncp_medium_read(struct medium *medium, int fd, void *buffer, size_t *size)
{
    ASSERT(medium_can_read(medium));
    if (medium->kind == MEDIUM_CUSTOM)
        return medium->calls->read(medium->state, buffer, *size);
    if (medium->kind == MEDIUM_SHARED_SOCKET)
        return asyncp_sys_stream_recv(fd, buffer, size);
    if (medium->kind == MEDIUM_FILE && *size > MAX_FILE_READ)
        *size = MAX_FILE_READ;
    int result;
    do {
        result = medium->kind == MEDIUM_POLLED ? poll_medium(fd, POLLIN) : 0;
        if (result == 0)
            result = asyncp_sys_stream_read(fd, buffer, size, wait_flags(medium));
    } while (falls_back(medium, result));
    return result == -EIO && medium->is_master ? 0 : result;
}

/* Only a pipe raises SIGPIPE. */
static unsigned signal_flags(const struct medium *medium)
{
    bool is_pipe = medium->kind != MEDIUM_FILE && !medium->is_terminal;
    return is_pipe && !medium->raises_sigpipe ? STREAM_NO_SIGNAL : 0;
}

static size_t max_write(const struct medium *medium)
{
    if (medium->kind != MEDIUM_POLLED)
        return SIZE_MAX;
    return medium->is_terminal ? 1 : MAX_POLLED_WRITE;
}

/*
 * A write to a terminal wakes the pollers for writing, even if it returns -EAGAIN, and io_uring
 * passes that event on. The write would then be made again, without end.
 */
static bool polls_before_write(const struct medium *medium)
{
    return medium->kind == MEDIUM_POLLED || medium->is_terminal;
}

/* EPIPE raises SIGPIPE for a pipe already. */
static int write_to_socket(const struct medium *medium, int fd, const void *data, size_t *size)
{
    int result = asyncp_sys_stream_send(fd, data, size);
    if (result == -EPIPE && medium->raises_sigpipe)
        asyncp_sys_raise(SIGPIPE);
    return result;
}

/* A master's EIO means that no slave is open; it must not keep readers from the end. */
int asyncp_medium_write(struct medium *medium, int fd, const void *data, size_t *size)
{
    ASSERT(medium_can_write(medium));
    if (medium->kind == MEDIUM_CUSTOM)
        return medium->calls->write(medium->state, data, *size);
    if (medium->kind == MEDIUM_SHARED_SOCKET)
        return write_to_socket(medium, fd, data, size);
    int result;
    do {
        if (*size > max_write(medium))
            *size = max_write(medium);
        result = polls_before_write(medium) ? poll_medium(fd, POLLOUT) : 0;
        const unsigned flags = signal_flags(medium) | wait_flags(medium);
        if (result == 0)
            result = asyncp_sys_stream_write(fd, data, size, flags);
    } while (falls_back(medium, result));
    if (result == 0 && *size > 0) /* no file takes nothing without an error */
        return -EIO;
    return result == -EIO && medium->is_master ? -EPIPE : result;
}

int asyncp_medium_shut_down(const struct medium *medium)
{
    return medium->calls->shut_down(medium->state);
}

void asyncp_medium_close(struct medium *medium, bool is_cut)
{
    if (medium->kind == MEDIUM_CUSTOM)
        medium->calls->close(medium->state, is_cut);
}
