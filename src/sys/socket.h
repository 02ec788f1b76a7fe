/*
 * sys/socket.h: system calls for sockets, with -errno for errors. None blocks: -EAGAIN instead, if
 * the descriptor is non-blocking or the call has MSG_DONTWAIT. None raises SIGPIPE. Interrupted
 * calls are repeated, except connect.
 */
#ifndef SYS_SOCKET_H
#define SYS_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

/* Non-blocking and close-on-exec. */
int asyncp_sys_socket(int domain, int type, int protocol);

/*
 * After -EINPROGRESS and -EINTR the connection attempt continues; the socket becomes writable when
 * it ends.
 */
int asyncp_sys_connect(int fd, const struct sockaddr *address, socklen_t size);

/* The new socket is non-blocking and close-on-exec. `address` may be NULL. */
int asyncp_sys_accept(int fd, struct sockaddr *address, socklen_t *size);

/* Whether accept failed because of one connection: the next one may succeed. */
bool asyncp_sys_is_transient_accept_error(int error);

int asyncp_sys_bind(int fd, const struct sockaddr *address, socklen_t size);
int asyncp_sys_listen(int fd, int backlog);

int asyncp_sys_send(int fd, const void *data, size_t size, int flags);
int asyncp_sys_recv(int fd, void *buffer, size_t size, int flags);

/*
 * For edge-triggered sockets. *size returns the length actually requested (fault injection may
 * shorten it); a smaller result means: the socket is drained, or full.
 */
int asyncp_sys_stream_send(int fd, const void *data, size_t *size);
int asyncp_sys_stream_recv(int fd, void *buffer, size_t *size);

int asyncp_sys_sendmsg(int fd, const struct msghdr *message, int flags);
int asyncp_sys_recvmsg(int fd, struct msghdr *message, int flags);

/* The addresses may be NULL. */
int asyncp_sys_sendto(int fd, const void *data, size_t size, int flags,
                      const struct sockaddr *address, socklen_t address_size);
int asyncp_sys_recvfrom(int fd, void *buffer, size_t size, int flags, struct sockaddr *address,
                        socklen_t *address_size);

/* Between non-blocking descriptors. sendfile from a pipe or a directory is -EINVAL. */
int asyncp_sys_sendfile(int out, int in, int64_t *offset, size_t count);
int asyncp_sys_splice(int in, int64_t *in_offset, int out, int64_t *out_offset, size_t count,
                      unsigned flags);

int asyncp_sys_shutdown(int fd, int how);

/* Bytes of a TCP connection not acknowledged by the peer, 1 more after SHUT_WR; or -errno. */
int asyncp_sys_unacked_bytes(int fd);

/* Returns and clears SO_ERROR: 0 or -errno. */
int asyncp_sys_socket_error(int fd);

/* Options whose value is an int. The getter returns the value or -errno. */
int asyncp_sys_set_option(int fd, int level, int option, int value);
int asyncp_sys_option(int fd, int level, int option);

/* Makes close reset the connection and discard unsent data (SO_LINGER 0). */
int asyncp_sys_reset_on_close(int fd);

int asyncp_sys_local_address(int fd, struct sockaddr_storage *address, socklen_t *size);
int asyncp_sys_peer_address(int fd, struct sockaddr_storage *address, socklen_t *size);

/* The index of a network interface, 1 or more; 0: no such interface. */
unsigned asyncp_sys_interface_index(const char *name);

/* Writes the interface's name, at most IF_NAMESIZE bytes with the final 0. 0 or -errno. */
int asyncp_sys_interface_name(unsigned index, char *name);

#endif
