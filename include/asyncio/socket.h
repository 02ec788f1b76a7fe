/*
 * asyncio/socket.h: socket calls that let other tasks run. They work like their namesakes in
 * section 2 of the manual, but do not block.
 *
 *     ASYNC_TRY(async_connect(fd, address, size));
 *     ASYNC_TRY(async_sendall(fd, "hello", 5, 0));
 *     int received = async_recv(fd, buffer, sizeof buffer, 0);
 *
 * They are for descriptors of the program. For connections used as streams of bytes,
 * asyncio/stream.h is easier to use. Include <sys/socket.h> for the flags and the structs. Sizes of
 * addresses are socklen_t.
 *
 * A call first tries at once and waits only if it would block; MSG_DONTWAIT has no effect. If
 * something was transferred, the call returns its result, also if the task was cancelled meanwhile:
 * -ECANCELED means that nothing was transferred, unless a comment says otherwise. Several tasks may
 * wait on one descriptor; the kernel decides which of them is served first.
 *
 * Other errors are those of the namesake, such as -ENOTSOCK, -ENOTCONN and -ECONNRESET. -EBADF is
 * returned if the descriptor is not open, or was closed by async_close meanwhile.
 */
#ifndef ASYNCIO_SOCKET_H
#define ASYNCIO_SOCKET_H

#include <asyncio/base.h>
#include <sys/types.h>

ASYNC_BEGIN_C

struct sockaddr;
struct msghdr;

/*
 * Creates a socket, as socket(2) does. It is non-blocking and closed by exec.
 *
 * The caller owns the descriptor and closes it with async_close.
 * Returns the descriptor, or an error of socket(2).
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_socket(int domain, int type, int protocol);

/*
 * Connects the socket, which becomes non-blocking and stays so.
 *
 * size is the size of the address. While the backlog of a Unix socket is full, the call tries again
 * after pauses of 1 to 100 ms. The error message has the address: "-ECONNREFUSED: connect to
 * 127.0.0.1:80: Connection refused".
 *
 * After -ECANCELED, also of a timeout, the kernel may still be connecting. Close the socket, or
 * call again to continue to wait.
 *
 * Borrows the address.
 * Returns 0, or an error of connect(2); -EINVAL if address is NULL.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_connect(int fd, const struct sockaddr *address, unsigned size);

/*
 * Accepts a connection. Its descriptor is non-blocking and closed by exec. The listening socket
 * becomes non-blocking and stays so.
 *
 * *address becomes the peer's address. *size is the size of the buffer and becomes the size of the
 * address. address may be NULL. Failed connections in the backlog are skipped.
 *
 * The caller owns the descriptor.
 * Returns the descriptor, or an error of accept(2).
 * -EMFILE, -ENFILE, -ENOBUFS, -ENOMEM if resources are exhausted; the connection stays in the
 * backlog, so close other descriptors before the next call.
 * -EINVAL if the socket is not listening.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_accept(int fd, struct sockaddr *address, unsigned *size);

/*
 * Receives up to size bytes.
 *
 * The kernel uses the buffer only until the call returns, also if the task was cancelled: the
 * buffer may be on the task's stack.
 *
 * Returns the number of bytes; 0 at the end of a stream, or for an empty datagram; an error of
 * recv(2); -EINVAL if flags has MSG_WAITALL.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_recv(int fd, void *buffer, size_t size, int flags);

/*
 * Receives up to size bytes as async_recv does, with the address of the sender, as recvfrom(2)
 * does.
 *
 * *address_size is the size of the buffer and becomes the size of the address. address may be NULL.
 *
 * Returns the number of bytes; 0 at the end of a stream, or for an empty datagram; an error of
 * recvfrom(2); -EINVAL if flags has MSG_WAITALL.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_recvfrom(int fd, void *buffer, size_t size, int flags,
                                        struct sockaddr *address, unsigned *address_size);

/*
 * Receives a message as recvmsg(2) does. With MSG_CMSG_CLOEXEC, received descriptors are closed by
 * exec.
 *
 * Returns the number of bytes; 0 at the end of a stream, or for an empty datagram; an error of
 * recvmsg(2); -EINVAL if flags has MSG_WAITALL.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_recvmsg(int fd, struct msghdr *message, int flags);

/*
 * Sends up to size bytes. It does not raise SIGPIPE.
 *
 * Returns the number of sent bytes, at least 1 on a stream socket if size is not 0; an error of
 * send(2);
 * -EPIPE if the connection has ended.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_send(int fd, const void *data, size_t size, int flags);

/*
 * Sends up to size bytes to an address, as sendto(2) does. It does not raise SIGPIPE.
 *
 * Borrows the address.
 * Returns the number of sent bytes, or an error of sendto(2).
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_sendto(int fd, const void *data, size_t size, int flags,
                                      const struct sockaddr *address, unsigned address_size);

/*
 * Sends a message as sendmsg(2) does. It does not raise SIGPIPE.
 *
 * Returns the number of sent bytes, or an error of sendmsg(2).
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_sendmsg(int fd, const struct msghdr *message, int flags);

/*
 * Sends size bytes, in as many pieces as necessary. It does not raise SIGPIPE.
 *
 * Any error, also -ECANCELED, may come after a part was sent. The error message then says how much:
 * "7 of 20 bytes were sent".
 *
 * Returns 0, or an error of send(2).
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_sendall(int fd, const void *data, size_t size, int flags);

/*
 * Sends up to count bytes of a file through a socket, which becomes non-blocking and stays so. It
 * does not raise SIGPIPE.
 *
 * *offset is the position in the file and is advanced. If offset is NULL, the file's own position
 * is used and advanced. Reading the file may block the loop as long as its disk needs.
 *
 * Returns the number of bytes; 0 at the end of the file; an error of sendfile(2); -EINVAL if the
 * file cannot be mapped.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_sendfile(int fd, int file, int64_t *offset, size_t count);

/*
 * Moves up to count bytes from one descriptor to another, as splice(2) does; one of them must be a
 * pipe. It does not raise SIGPIPE.
 *
 * It waits until `in` has bytes and `out` has room. Both become non-blocking and stay so. The
 * offsets may be NULL.
 *
 * Returns the number of bytes; 0 at the end; an error of splice(2).
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_splice(int in, int64_t *in_offset, int out, int64_t *out_offset,
                                      size_t count, unsigned flags);

/*
 * Closes a descriptor of the program. Tasks waiting on it in this thread's loop get -EBADF.
 *
 * With io_uring and waiting tasks, the number is free again only when the kernel has released the
 * descriptor, soon after the call. It must not be used for the descriptor of a stream. It may be
 * called outside a loop.
 *
 * Takes the descriptor.
 * Returns 0; -EBADF if fd is not open.
 * Never switches.
 */
ASYNC_API int async_close(int fd);

ASYNC_END_C
#endif
