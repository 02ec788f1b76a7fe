/*
 * sys/fault.h: the seam at which a test makes memory and kernel fail. Every way into the kernel,
 * and malloc, asks here before it is gone, by the name of its site. In a build without checks
 * nobody asks, and nothing is left of it. It must not know which calls fail, nor why: that is the
 * hook's affair (tests/run/faults.c).
 */
#ifndef SYS_FAULT_H
#define SYS_FAULT_H

#include "sys/assert.h"
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

enum site {
    SITE_MALLOC,
    SITE_MAP,
    SITE_MAP_SHARED,
    SITE_UNMAP,
    SITE_GUARD,
    SITE_GUARD_EACH,
    SITE_TOUCH_EACH,
    SITE_PROTECT,
    SITE_FORGET,
    SITE_RESIDENT,
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
    SITE_UNACKNOWLEDGED,
    SITE_SOCKET_OPTION,
    SITE_ADDRESS,
    SITE_BLOCKING,
    SITE_OPEN_FOLDER,
    SITE_STATUS,
    SITE_RENAME,
    SITE_UNLINK,
    SITE_STREAM_RECV,
    SITE_STREAM_SEND,
    SITE_EVENT_OPEN,
    SITE_EVENT_RAISE,
    SITE_EVENT_CLEAR,
    SITE_EPOLL_CREATE,
    SITE_EPOLL_CONTROL,
    SITE_EPOLL_WAIT,
    SITE_EPOLL_PWAIT2,
    SITE_POLL,
    SITE_WORD_WAIT,
    SITE_WORD_WAKE,
    SITE_URING_SETUP,
    SITE_URING_ENTER,
    SITE_URING_REQUEST, /* a request that the kernel took, and completes with an error */
    SITE_SIGACTION,
    SITE_SIGNAL_STACK,
    SITE_THREAD,
    SITE_GETADDRINFO,
    SITE_GETNAMEINFO,
    SITE_IMAGE, /* the program's own file, for the names in it */
    SITES
};

#if ASYNC_CHECKS
/*
 * 0: the call is made. Less: it is not, and this is its -errno. More: it moves so many bytes (or
 * requests) at most. Called on any thread and in signal handlers.
 */
extern int (*asyncp_fault)(enum site site);

static inline int fault_at(enum site site)
{
    return unlikely(asyncp_fault != NULL) ? asyncp_fault(site) : 0;
}
#else
static inline int fault_at(enum site site)
{
    (void)site;
    return 0;
}
#endif

/* Whether the call is to fail, with errno as it would leave it; or it may move less than *size. */
static inline bool fault_or_less(enum site site, size_t *size)
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

static inline bool fault(enum site site)
{
    size_t unused = 0;
    return fault_or_less(site, &unused);
}

#endif
