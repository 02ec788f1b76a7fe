/*
 * sys/stream.c: reads and writes of streams that are not sockets.
 */
#include "sys/stream.h"
#include "sys/call.h"
#include "sys/sigpipe.h"
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Flags of preadv2 and pwritev2 that older headers lack. */
enum { FLAG_NOWAIT = 0x8, FLAG_NO_SIGNAL = 0x100 };

/* preadv2 or pwritev2 at the descriptor's own position. */
static long call_with_flags(long number, int fd, void *bytes, size_t size, int flags)
{
    const struct iovec part = {.iov_base = bytes, .iov_len = size};
    return sys_result(syscall(number, fd, &part, 1L, -1L, -1L, flags));
}

static long read_once(int fd, void *buffer, size_t size, unsigned flags)
{
    return (flags & STREAM_NOWAIT) != 0
               ? call_with_flags(SYS_preadv2, fd, buffer, size, FLAG_NOWAIT)
               : sys_result(read(fd, buffer, size));
}

int asyncp_sys_stream_read(int fd, void *buffer, size_t *size, unsigned flags)
{
    if (fault_or_less(SITE_STREAM_READ, size))
        return -errno;
    long result;
    do
        result = read_once(fd, buffer, *size, flags);
    while (result == -EINTR);
    return (int)result;
}

static long write_once(int fd, const void *data, size_t size, unsigned flags)
{
    return (flags & STREAM_NOWAIT) != 0
               ? call_with_flags(SYS_pwritev2, fd, (void *)data, size, FLAG_NOWAIT)
               : sys_result(write(fd, data, size));
}

static bool is_refused_flag(long result)
{
    return result == -EOPNOTSUPP || result == -ENOSYS || result == -EINVAL || result == -EPERM;
}

bool asyncp_sys_lacks_nowait(int error)
{
    return is_refused_flag(error);
}

/* The flag came with Linux 6.18. Before, SIGPIPE is blocked around the call. */
static long write_without_signal(int fd, const void *data, size_t size, unsigned flags)
{
    static atomic_bool lacks_flag;
    struct blocked_sigpipe blocked;
    long refusal = 0;
    if (!atomic_load_explicit(&lacks_flag, memory_order_relaxed)) {
        int all_flags = FLAG_NO_SIGNAL | ((flags & STREAM_NOWAIT) != 0 ? FLAG_NOWAIT : 0);
        refusal = call_with_flags(SYS_pwritev2, fd, (void *)data, size, all_flags);
        if (!is_refused_flag(refusal))
            return refusal;
    }
    asyncp_sigpipe_block(&blocked);
    long result = write_once(fd, data, size, flags);
    asyncp_sigpipe_unblock(&blocked, result, size);
    if (refusal != 0 && result != refusal) /* else it was not about this flag */
        atomic_store_explicit(&lacks_flag, true, memory_order_relaxed);
    return result;
}

int asyncp_sys_stream_write(int fd, const void *data, size_t *size, unsigned flags)
{
    if (fault_or_less(SITE_STREAM_WRITE, size))
        return -errno;
    long result;
    do
        result = (flags & STREAM_NO_SIGNAL) != 0 ? write_without_signal(fd, data, *size, flags)
                                                 : write_once(fd, data, *size, flags);
    while (result == -EINTR);
    return (int)result;
}
