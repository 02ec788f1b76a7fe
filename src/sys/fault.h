/*
 * sys/fault.h: fault injection. Every system call and malloc has a site, and asks a hook before the
 * call is made. In a build without checks there is no hook, and the code compiles to nothing. The
 * hook decides which calls fail and how (tests/faults.c).
 */
#ifndef SYS_FAULT_H
#define SYS_FAULT_H

#include "sys/assert.h"
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

enum fault_site {
    SITE_MALLOC,
    SITE_MAP,
    SITE_MAP_SHARED,
    SITE_UNMAP,
    SITE_GUARD,
    SITE_GUARD_EACH,
    SITE_POPULATE_EACH,
    SITE_MPROTECT,
    SITE_MADVISE_DONTNEED,
    SITE_MINCORE,
    SITE_READ,
    SITE_WRITE,
    SITE_IS_OPEN,
    SITE_PIPE,
    SITE_RECV,
    SITE_SOCKET,
    SITE_CONNECT,
    SITE_ACCEPT,
    SITE_BIND,
    SITE_LISTEN,
    SITE_SEND,
    SITE_SENDMSG,
    SITE_SENDTO,
    SITE_RECVFROM,
    SITE_SENDFILE,
    SITE_SPLICE,
    SITE_RECVMSG,
    SITE_SHUTDOWN,
    SITE_UNACKED_BYTES,
    SITE_SOCKET_OPTION,
    SITE_ADDRESS,
    SITE_NONBLOCKING,
    SITE_FD_FLAGS,
    SITE_REOPEN,
    SITE_DUP,
    SITE_TERMINAL,
    SITE_OPEN_TERMINAL,
    SITE_OPEN_DIRECTORY,
    SITE_STAT,
    SITE_RENAME,
    SITE_UNLINK,
    SITE_STREAM_RECV,
    SITE_STREAM_SEND,
    SITE_STREAM_READ,
    SITE_STREAM_WRITE,
    SITE_EVENTFD_OPEN,
    SITE_EVENTFD_RAISE,
    SITE_EVENTFD_CLEAR,
    SITE_EPOLL_CREATE,
    SITE_EPOLL_CTL,
    SITE_EPOLL_WAIT,
    SITE_EPOLL_PWAIT2,
    SITE_POLL,
    SITE_FUTEX_WAIT,
    SITE_FUTEX_WAKE,
    SITE_URING_SETUP,
    SITE_URING_ENTER,
    SITE_URING_SQE, /* the kernel accepts the entry and completes it with an error */
    SITE_SIGACTION,
    SITE_SIGNAL_DEFAULT,
    SITE_RAISE,
    SITE_SIGNAL_STACK,
    SITE_PIPE_SIZE,
    SITE_OPEN_NULL,
    SITE_CREATE,
    SITE_TRUNCATE,
    SITE_SPAWN,
    SITE_PIDFD_OPEN,
    SITE_WAIT_PROCESS,
    SITE_SIGNAL_PROCESS,
    SITE_THREAD,
    SITE_YIELD,
    SITE_GETADDRINFO,
    SITE_GETNAMEINFO,
    SITE_INTERFACE_INDEX,
    SITE_INTERFACE_NAME,
    SITE_IMAGE, /* opens and maps an ELF file to read its symbols */
    SITE_PEEK,  /* copies memory that may not be there */
    SITE_COUNT
};

#if ASYNC_CHECKS
/*
 * Returns 0 to let the call be made, -errno to fail it, or a positive number to limit its bytes (or
 * queue entries). Called on any thread and in signal handlers. NULL: no hook.
 */
typedef int fault_hook(enum fault_site site);
extern fault_hook *asyncp_fault;

static inline int fault_at(enum fault_site site)
{
    fault_hook *hook = __atomic_load_n(&asyncp_fault, __ATOMIC_RELAXED);
    return unlikely(hook != NULL) ? hook(site) : 0;
}
#else
static inline int fault_at(enum fault_site site)
{
    (void)site;
    return 0;
}
#endif

/* Returns true and sets errno if the call is to fail. The hook may reduce *size. */
static inline bool fault_or_less(enum fault_site site, size_t *size)
{
    int fault = fault_at(site);
    if (likely(fault == 0))
        return false;
    if (fault < 0)
        errno = -fault;
    else if (*size > (size_t)fault)
        *size = (size_t)fault;
    return fault < 0;
}

static inline bool fault(enum fault_site site)
{
    size_t unused = 0;
    return fault_or_less(site, &unused);
}

#endif
