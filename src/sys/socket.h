/*
 * sys/socket.h: the kernel's calls for sockets. None waits: -EAGAIN instead, for sockets that do
 * not block where the kernel knows no flag for that. None raises SIGPIPE. An interrupted call is
 * repeated, but for connect.
 */
#ifndef SYS_SOCKET_H
#define SYS_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

/* Non-blocking, and closed by exec. */
int asyncp_sys_socket(int domain, int type, int protocol);

/*
 * -EINPROGRESS, and after a signal -EINTR: it goes on, and the socket becomes writable at its end.
 */
int asyncp_sys_connect(int fd, const struct sockaddr *address, socklen_t size);

/* The new one is non-blocking, and closed by exec. address may be NULL. */
int asyncp_sys_accept(int fd, struct sockaddr *address, socklen_t *size);

/*
 * Whether accept told with this of one connection that has come to nothing: the next one may be
 * well.
 */
bool asyncp_sys_is_peers_failure(int error);

int asyncp_sys_bind(int fd, const struct sockaddr *address, socklen_t size);
int asyncp_sys_listen(int fd, int backlog);

int asyncp_sys_send(int fd, const void *data, size_t size, int flags);

/*
 * The same, and recv, for sockets of which the poller tells once, when something changes: *size
 * becomes what was really asked for (a test may have it less), so that who gets less knows that
 * there is no more.
 */
int asyncp_sys_stream_send(int fd, const void *data, size_t *size);
int asyncp_sys_stream_recv(int fd, void *buffer, size_t *size);

int asyncp_sys_sendmsg(int fd, const struct msghdr *message, int flags);
int asyncp_sys_recvmsg(int fd, struct msghdr *message, int flags);
/* The same with addresses, each of which may be NULL. */
int asyncp_sys_sendto(int fd, const void *data, size_t size, int flags,
                      const struct sockaddr *address, socklen_t address_size);
int asyncp_sys_recvfrom(int fd, void *buffer, size_t size, int flags, struct sockaddr *address,
                        socklen_t *address_size);

/*
 * Between descriptors that do not block. A file that cannot be sent, a pipe or a folder, is
 * -EINVAL.
 */
int asyncp_sys_sendfile(int out, int in, int64_t *offset, size_t count);
int asyncp_sys_splice(int in, int64_t *in_offset, int out, int64_t *out_offset, size_t count,
                      unsigned flags);

int asyncp_sys_shutdown(int fd, int how);

/*
 * Bytes of a TCP connection that were sent and not acknowledged, one more after SHUT_WR; or -errno.
 */
int asyncp_sys_unacknowledged(int fd);

/* Why the socket failed, which it forgets: 0 or -errno. */
int asyncp_sys_socket_error(int fd);

/* An option whose value is a number. 0 or -errno. */
int asyncp_sys_set_option(int fd, int level, int option, int value);

/* Has the close of the socket reset the connection, and drop what was not sent. 0 or -errno. */
int asyncp_sys_reset_on_close(int fd);

/* The value of one, 0 or more; or -errno. */
int asyncp_sys_option(int fd, int level, int option);

int asyncp_sys_local_address(int fd, struct sockaddr_storage *address, socklen_t *size);
int asyncp_sys_peer_address(int fd, struct sockaddr_storage *address, socklen_t *size);

/* The name of a network interface, in IF_NAMESIZE bytes. false: there is none of that number. */
bool asyncp_sys_interface_name(unsigned number, char *name);

/* Makes the descriptor non-blocking. 0 or -errno. */
int asyncp_sys_no_blocking(int fd);

#endif
