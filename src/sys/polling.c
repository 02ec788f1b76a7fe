/*
 * sys/polling.c: epoll, ppoll, io_uring and eventfd.
 */
#include "sys/polling.h"
#include "sys/call.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/number.h"
#include "sys/tools.h"
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { ENTER_GETEVENTS = 1, ENTER_EXT_ARG = 8 }; /* flags of io_uring_enter */

int asyncp_sys_eventfd_open(void)
{
    return asyncp_sys_above_standard(
        (int)SYS_CALL(SITE_EVENTFD_OPEN, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)));
}

/* -EAGAIN: the counter is at its maximum, and the eventfd is readable already. */
void asyncp_sys_eventfd_raise(int fd)
{
    const uint64_t one = 1;
    while (SYS_CALL(SITE_EVENTFD_RAISE, write(fd, &one, sizeof one)) == -EINTR)
        continue;
}

void asyncp_sys_eventfd_clear(int fd)
{
    uint64_t count;
    while (SYS_CALL(SITE_EVENTFD_CLEAR, read(fd, &count, sizeof count)) == -EINTR)
        continue;
}

int asyncp_sys_epoll_create(void)
{
    return asyncp_sys_above_standard(
        (int)SYS_CALL(SITE_EPOLL_CREATE, epoll_create1(EPOLL_CLOEXEC)));
}

/* The kernel tells it only to those who ask for events. */
bool asyncp_sys_can_poll(int fd)
{
    struct epoll_event event = {.events = EPOLLIN};
    int epoll = asyncp_sys_epoll_create();
    if (epoll < 0)
        return true;
    int result = asyncp_sys_epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    asyncp_sys_close(epoll);
    return result != -EPERM;
}

int asyncp_sys_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    return (int)SYS_CALL(SITE_EPOLL_CTL, epoll_ctl(epoll, operation, fd, event));
}

/* Rounded up: the wait must not be shorter. */
static int milliseconds_of(int64_t ns)
{
    int64_t milliseconds = ns / NS_PER_MILLISECOND + (ns % NS_PER_MILLISECOND != 0);
    return milliseconds > INT32_MAX ? INT32_MAX : (int)milliseconds;
}

int asyncp_sys_epoll_wait(int epoll, struct epoll_event *events, int capacity, int64_t timeout_ns)
{
    long result = -ENOSYS;
    if (timeout_ns > 0 && !tools_want_known_waits()) {
        struct kernel_timespec timeout = kernel_timespec_of(timeout_ns);
        result = SYS_CALL(SITE_EPOLL_PWAIT2,
                          syscall(CALL_EPOLL_PWAIT2, epoll, events, capacity, &timeout, NULL, 0));
    }
    if (result < 0 && result != -EINTR) { /* Linux before 5.11, or a seccomp filter */
        int timeout = timeout_ns > 0 ? milliseconds_of(timeout_ns) : (int)timeout_ns;
        result = SYS_CALL(SITE_EPOLL_WAIT, epoll_wait(epoll, events, capacity, timeout));
    }
    return result == -EINTR ? 0 : (int)result;
}

int asyncp_sys_poll(struct pollfd *fds, size_t count, int64_t timeout_ns)
{
    struct timespec timeout = asyncp_sys_timespec(timeout_ns < 0 ? 0 : timeout_ns);
    long result;
    do
        result = SYS_CALL(SITE_POLL, ppoll(fds, count, timeout_ns < 0 ? NULL : &timeout, NULL));
    while (result == -EINTR && timeout_ns == 0);
    return result == -EINTR ? 0 : (int)result;
}

int asyncp_sys_uring_setup(unsigned entries, void *parameters)
{
    return asyncp_sys_above_standard(
        (int)SYS_CALL(SITE_URING_SETUP, syscall(CALL_URING_SETUP, entries, parameters)));
}

int asyncp_sys_uring_enter(int ring, unsigned submit, bool wait, int64_t timeout_ns)
{
    struct kernel_timespec timeout = kernel_timespec_of(timeout_ns < 0 ? 0 : timeout_ns);
    size_t limit = submit;
    bool fails = fault_or_less(SITE_URING_ENTER, &limit);
    bool waits = wait && limit == submit; /* the kernel does not wait either if it took fewer */
    struct {                              /* struct io_uring_getevents_arg */
        uint64_t signal_mask;
        uint32_t signal_mask_size;
        uint32_t min_wait_us;
        uint64_t timeout; /* address of the timeout, or 0 */
    } argument = {.signal_mask_size = _NSIG / 8,
                  .timeout = timeout_ns < 0 ? 0 : (uint64_t)(uintptr_t)&timeout};
    return (int)sys_result(fails ? -1
                                 : syscall(CALL_URING_ENTER, ring, (unsigned)limit, waits ? 1 : 0,
                                           ENTER_GETEVENTS | ENTER_EXT_ARG, &argument,
                                           sizeof argument));
}
