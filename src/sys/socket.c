/*
 * sys/socket.c: system calls for sockets.
 */
#include "sys/socket.h"
#include "sys/call.h"
#include "sys/sigpipe.h"
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <fcntl.h>

int asyncp_sys_socket(int domain, int type, int protocol)
{
    return (int)SYS_CALL(SITE_SOCKET,
                         socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
}

int asyncp_sys_connect(int fd, const struct sockaddr *address, socklen_t size)
{
    return (int)SYS_CALL(SITE_CONNECT, connect(fd, address, size));
}

int asyncp_sys_accept(int fd, struct sockaddr *address, socklen_t *size)
{
    int result;
    do
        result = (int)SYS_CALL(SITE_ACCEPT,
                               accept4(fd, address, size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    while (result == -EINTR);
    return result;
}

bool asyncp_sys_is_transient_accept_error(int error)
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
    return (int)SYS_CALL(SITE_BIND, bind(fd, address, size));
}

int asyncp_sys_listen(int fd, int backlog)
{
    return (int)SYS_CALL(SITE_LISTEN, listen(fd, backlog));
}

int asyncp_sys_send(int fd, const void *data, size_t size, int flags)
{
    long result;
    do
        result = SYS_MOVE(SITE_SEND, &size,
                          send(fd, data, size, flags | MSG_DONTWAIT | MSG_NOSIGNAL));
    while (result == -EINTR);
    return (int)result;
}

int asyncp_sys_recv(int fd, void *buffer, size_t size, int flags)
{
    long result;
    do
        result = SYS_MOVE(SITE_RECV, &size, recv(fd, buffer, size, flags | MSG_DONTWAIT));
    while (result == -EINTR);
    return (int)result;
}

int asyncp_sys_stream_send(int fd, const void *data, size_t *size)
{
    if (fault_or_less(SITE_STREAM_SEND, size))
        return -errno;
    long result;
    do
        result = sys_result(send(fd, data, *size, MSG_DONTWAIT | MSG_NOSIGNAL));
    while (result == -EINTR);
    return (int)result;
}

int asyncp_sys_stream_recv(int fd, void *buffer, size_t *size)
{
    if (fault_or_less(SITE_STREAM_RECV, size))
        return -errno;
    long result;
    do
        result = sys_result(recv(fd, buffer, *size, MSG_DONTWAIT));
    while (result == -EINTR);
    return (int)result;
}

int asyncp_sys_sendmsg(int fd, const struct msghdr *message, int flags)
{
    long result;
    do
        result = SYS_CALL(SITE_SENDMSG, sendmsg(fd, message, flags | MSG_DONTWAIT | MSG_NOSIGNAL));
    while (result == -EINTR);
    return (int)result;
}

int asyncp_sys_recvmsg(int fd, struct msghdr *message, int flags)
{
    long result;
    do
        result = SYS_CALL(SITE_RECVMSG, recvmsg(fd, message, flags | MSG_DONTWAIT));
    while (result == -EINTR);
    return (int)result;
}

int asyncp_sys_sendto(int fd, const void *data, size_t size, int flags,
                      const struct sockaddr *address, socklen_t address_size)
{
    const int all_flags = flags | MSG_DONTWAIT | MSG_NOSIGNAL;
    long result;
    do
        result = SYS_MOVE(SITE_SENDTO, &size,
                          sendto(fd, data, size, all_flags, address, address_size));
    while (result == -EINTR);
    return (int)result;
}

int asyncp_sys_recvfrom(int fd, void *buffer, size_t size, int flags, struct sockaddr *address,
                        socklen_t *address_size)
{
    const int all_flags = flags | MSG_DONTWAIT;
    long result;
    do
        result = SYS_MOVE(SITE_RECVFROM, &size,
                          recvfrom(fd, buffer, size, all_flags, address, address_size));
    while (result == -EINTR);
    return (int)result;
}

int asyncp_sys_sendfile(int out, int in, int64_t *offset, size_t count)
{
    struct blocked_sigpipe blocked;
    long result;
    asyncp_sigpipe_block(&blocked);
    do
        result = SYS_MOVE(SITE_SENDFILE, &count, sendfile(out, in, offset, count));
    while (result == -EINTR);
    asyncp_sigpipe_unblock(&blocked, result, count);
    return result == -ESPIPE || result == -EISDIR ? -EINVAL : (int)result;
}

int asyncp_sys_splice(int in, int64_t *in_offset, int out, int64_t *out_offset, size_t count,
                      unsigned flags)
{
    const unsigned all_flags = flags | SPLICE_F_NONBLOCK;
    struct blocked_sigpipe blocked;
    long result;
    asyncp_sigpipe_block(&blocked);
    do
        result = SYS_MOVE(SITE_SPLICE, &count,
                          splice(in, in_offset, out, out_offset, count, all_flags));
    while (result == -EINTR);
    asyncp_sigpipe_unblock(&blocked, result, count);
    return (int)result;
}

int asyncp_sys_shutdown(int fd, int how)
{
    return (int)SYS_CALL(SITE_SHUTDOWN, shutdown(fd, how));
}

int asyncp_sys_unacked_bytes(int fd)
{
    int bytes = 0;
    int result = (int)SYS_CALL(SITE_UNACKED_BYTES, ioctl(fd, TIOCOUTQ, &bytes));
    return result < 0 ? result : bytes;
}

int asyncp_sys_option(int fd, int level, int option)
{
    int value = 0;
    socklen_t size = sizeof value;
    int result = (int)SYS_CALL(SITE_SOCKET_OPTION, getsockopt(fd, level, option, &value, &size));
    return result < 0 ? result : value;
}

int asyncp_sys_socket_error(int fd)
{
    int error = asyncp_sys_option(fd, SOL_SOCKET, SO_ERROR);
    return error > 0 ? -error : error;
}

int asyncp_sys_set_option(int fd, int level, int option, int value)
{
    return (int)SYS_CALL(SITE_SOCKET_OPTION, setsockopt(fd, level, option, &value, sizeof value));
}

int asyncp_sys_reset_on_close(int fd)
{
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    return (int)SYS_CALL(SITE_SOCKET_OPTION,
                         setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset));
}

int asyncp_sys_local_address(int fd, struct sockaddr_storage *address, socklen_t *size)
{
    *size = sizeof *address;
    return (int)SYS_CALL(SITE_ADDRESS, getsockname(fd, (struct sockaddr *)address, size));
}

int asyncp_sys_peer_address(int fd, struct sockaddr_storage *address, socklen_t *size)
{
    *size = sizeof *address;
    return (int)SYS_CALL(SITE_ADDRESS, getpeername(fd, (struct sockaddr *)address, size));
}

unsigned asyncp_sys_interface_index(const char *name)
{
    return fault(SITE_INTERFACE_INDEX) ? 0 : if_nametoindex(name);
}

int asyncp_sys_interface_name(unsigned index, char *name)
{
    return fault(SITE_INTERFACE_NAME) || if_indextoname(index, name) == NULL ? -errno : 0;
}
