/*
 * sys/socket.c: the kernel's calls for sockets with -errno for errors. Knows nothing of what they
 * are for.
 */
#include "sys/socket.h"
#include "sys/fault.h"
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <time.h>

/* The result of a libc call as the kernel gave it. */
static int kernel(long result)
{
    return result == -1 ? -errno : (int)result;
}

/* The result of a libc call, which is not made if a test says so. */
#define KERNEL(site, call) kernel(fault(site) ? -1 : (long)(call))

int asyncp_sys_socket(int domain, int type, int protocol)
{
    return KERNEL(SITE_SOCKET, socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
}

int asyncp_sys_connect(int fd, const struct sockaddr *address, socklen_t size)
{
    return KERNEL(SITE_CONNECT, connect(fd, address, size));
}

int asyncp_sys_accept(int fd, struct sockaddr *address, socklen_t *size)
{
    int result;
    do
        result = KERNEL(SITE_ACCEPT, accept4(fd, address, size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    while (result == -EINTR);
    return result;
}

bool asyncp_sys_is_peers_failure(int error)
{
    switch (error) {
    case -ECONNABORTED:
    case -EPROTO:
    case -ENETDOWN:
    case -ENOPROTOOPT:
    case -EHOSTDOWN:
    case -ENONET:
    case -EHOSTUNREACH:
    case -ENETUNREACH:
    case -ETIMEDOUT:
        return true;
    default:
        return false;
    }
}

int asyncp_sys_bind(int fd, const struct sockaddr *address, socklen_t size)
{
    return KERNEL(SITE_BIND, bind(fd, address, size));
}

int asyncp_sys_listen(int fd, int backlog)
{
    return KERNEL(SITE_LISTEN, listen(fd, backlog));
}

int asyncp_sys_send(int fd, const void *data, size_t size, int flags)
{
    int result;
    do
        result = kernel(fault_or_less(SITE_SEND, &size)
                            ? -1
                            : send(fd, data, size, flags | MSG_DONTWAIT | MSG_NOSIGNAL));
    while (result == -EINTR);
    return result;
}

int asyncp_sys_stream_send(int fd, const void *data, size_t *size)
{
    if (fault_or_less(SITE_STREAM_SEND, size))
        return -errno;
    int result;
    do
        result = kernel(send(fd, data, *size, MSG_DONTWAIT | MSG_NOSIGNAL));
    while (result == -EINTR);
    return result;
}

int asyncp_sys_stream_recv(int fd, void *buffer, size_t *size)
{
    if (fault_or_less(SITE_STREAM_RECV, size))
        return -errno;
    int result;
    do
        result = kernel(recv(fd, buffer, *size, MSG_DONTWAIT));
    while (result == -EINTR);
    return result;
}

int asyncp_sys_sendmsg(int fd, const struct msghdr *message, int flags)
{
    int result;
    do
        result = KERNEL(SITE_SENDMSG, sendmsg(fd, message, flags | MSG_DONTWAIT | MSG_NOSIGNAL));
    while (result == -EINTR);
    return result;
}

int asyncp_sys_recvmsg(int fd, struct msghdr *message, int flags)
{
    int result;
    do
        result = KERNEL(SITE_RECVMSG, recvmsg(fd, message, flags | MSG_DONTWAIT));
    while (result == -EINTR);
    return result;
}

int asyncp_sys_sendto(int fd, const void *data, size_t size, int flags,
                      const struct sockaddr *address, socklen_t address_size)
{
    int result;
    do
        result = kernel(fault_or_less(SITE_SENDTO, &size)
                            ? -1
                            : sendto(fd, data, size, flags | MSG_DONTWAIT | MSG_NOSIGNAL, address,
                                     address_size));
    while (result == -EINTR);
    return result;
}

int asyncp_sys_recvfrom(int fd, void *buffer, size_t size, int flags, struct sockaddr *address,
                        socklen_t *address_size)
{
    int result;
    do
        result = kernel(
            fault_or_less(SITE_RECVFROM, &size)
                ? -1
                : recvfrom(fd, buffer, size, flags | MSG_DONTWAIT, address, address_size));
    while (result == -EINTR);
    return result;
}

/*
 * SIGPIPE put off, for calls that know no MSG_NOSIGNAL. One that the program itself has pending
 * stays.
 */
struct held_signal {
    sigset_t pipe;   /* SIGPIPE alone */
    sigset_t before; /* what the thread blocks */
    bool held;       /* the thread blocks it for us */
    bool ours; /* none was pending, so one that is pending afterwards was raised by the call */
};

static void hold_pipe_signal(struct held_signal *held)
{
    sigset_t pending;
    sigemptyset(&held->pipe);
    sigaddset(&held->pipe, SIGPIPE);
    held->held = pthread_sigmask(SIG_BLOCK, &held->pipe, &held->before) == 0;
    held->ours = held->held && sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 0;
}

/*
 * Only a call that moved all it should raised none: one that moved a part may have met the end
 * after that.
 */
static void release_pipe_signal(const struct held_signal *held, bool moved_all)
{
    const struct timespec at_once = {0};
    if (held->ours && !moved_all)
        sigtimedwait(&held->pipe, NULL, &at_once);
    if (held->held)
        pthread_sigmask(SIG_SETMASK, &held->before, NULL);
}

int asyncp_sys_sendfile(int out, int in, int64_t *offset, size_t count)
{
    struct held_signal held;
    int result;
    hold_pipe_signal(&held);
    do
        result = kernel(fault_or_less(SITE_SENDFILE, &count) ? -1
                                                             : sendfile(out, in, offset, count));
    while (result == -EINTR);
    release_pipe_signal(&held, result >= 0 && (size_t)result == count);
    return result == -ESPIPE || result == -EISDIR ? -EINVAL : result;
}

int asyncp_sys_splice(int in, int64_t *in_offset, int out, int64_t *out_offset, size_t count,
                      unsigned flags)
{
    struct held_signal held;
    int result;
    hold_pipe_signal(&held);
    do
        result = kernel(
            fault_or_less(SITE_SPLICE, &count)
                ? -1
                : splice(in, in_offset, out, out_offset, count, flags | SPLICE_F_NONBLOCK));
    while (result == -EINTR);
    release_pipe_signal(&held, result >= 0 && (size_t)result == count);
    return result;
}

int asyncp_sys_shutdown(int fd, int how)
{
    return KERNEL(SITE_SHUTDOWN, shutdown(fd, how));
}

int asyncp_sys_unacknowledged(int fd)
{
    int bytes = 0;
    int result = KERNEL(SITE_UNACKNOWLEDGED, ioctl(fd, TIOCOUTQ, &bytes));
    return result < 0 ? result : bytes;
}

int asyncp_sys_option(int fd, int level, int option)
{
    int value = 0;
    socklen_t size = sizeof value;
    int result = KERNEL(SITE_SOCKET_OPTION, getsockopt(fd, level, option, &value, &size));
    return result < 0 ? result : value;
}

int asyncp_sys_socket_error(int fd)
{
    int error = asyncp_sys_option(fd, SOL_SOCKET, SO_ERROR);
    return error > 0 ? -error : error;
}

int asyncp_sys_set_option(int fd, int level, int option, int value)
{
    return KERNEL(SITE_SOCKET_OPTION, setsockopt(fd, level, option, &value, sizeof value));
}

int asyncp_sys_reset_on_close(int fd)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    return KERNEL(SITE_SOCKET_OPTION,
                  setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
}

int asyncp_sys_local_address(int fd, struct sockaddr_storage *address, socklen_t *size)
{
    *size = sizeof *address;
    return KERNEL(SITE_ADDRESS, getsockname(fd, (struct sockaddr *)address, size));
}

int asyncp_sys_peer_address(int fd, struct sockaddr_storage *address, socklen_t *size)
{
    *size = sizeof *address;
    return KERNEL(SITE_ADDRESS, getpeername(fd, (struct sockaddr *)address, size));
}

bool asyncp_sys_interface_name(unsigned number, char *name)
{
    return if_indextoname(number, name) != NULL;
}

int asyncp_sys_no_blocking(int fd)
{
    int flags = KERNEL(SITE_BLOCKING, fcntl(fd, F_GETFL));
    if (flags < 0 || (flags & O_NONBLOCK) != 0)
        return flags < 0 ? flags : 0;
    return KERNEL(SITE_BLOCKING, fcntl(fd, F_SETFL, flags | O_NONBLOCK));
}
