/*
 * asyncio/socket.h: the calls of sockets, as their namesakes in sections 2 of the manual, while the
 * loop goes on. They are for descriptors of yours; for connections whose bytes you read and write,
 * streams are less work (stream.h).
 *
 * Each call does at once what it can, else it waits and tries again. What was done is returned,
 * also when the task was cancelled meanwhile; -ECANCELED: nothing was done. A task whose calls
 * never have to wait gives way to others about every 50 µs. MSG_DONTWAIT in flags is nothing, since
 * waiting is what they do.
 *
 * Errors that are not named are those of the namesake: -ENOTSOCK, -ENOTCONN, -ECONNRESET… A
 * descriptor that is not open is -EBADF; so is one that async_close closes while the call waits.
 * Several tasks may wait on one descriptor.
 *
 * Include <sys/socket.h> for the flags and the structs, which this does not: it has names that
 * programs use. Sizes of addresses are socklen_t.
 */
#ifndef ASYNCIO_SOCKET_H
#define ASYNCIO_SOCKET_H

#include <asyncio/base.h>
#include <sys/types.h>

ASYNC_BEGIN_C

struct sockaddr;
struct msghdr;

/*
 * A new socket, non-blocking and closed by exec, as socket(2) makes it. Close it with async_close.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_socket(int domain, int type, int protocol);

/*
 * Connects the socket, which becomes non-blocking and stays so. 0 when it is connected; borrows the
 * address. Errors say to whom: async_strerror tells "-ECONNREFUSED: connect to 127.0.0.1:80:
 * Connection refused". While the backlog of a Unix socket is full it tries again after pauses of 1
 * to 100 ms. -ECANCELED, also of a timeout: the kernel may still be at it; close the socket, or
 * call again, which goes on waiting. -EINVAL: no address. Switches.
 */
ASYNC_API ASYNC_MUST int async_connect(int fd, const struct sockaddr *address, unsigned size);

/*
 * Accepts a connection: the new descriptor, non-blocking and closed by exec. The listening socket
 * becomes non-blocking and stays so. The peer's address goes to *address, of which *size says the
 * room and then the size; address may be NULL. A connection that has failed before it was accepted
 * is not told of. -EMFILE, -ENFILE, -ENOBUFS, -ENOMEM: the connection stays in the backlog; let
 * others end before you call again. -EINVAL: it does not listen. Switches.
 */
ASYNC_API ASYNC_MUST int async_accept(int fd, struct sockaddr *address, unsigned *size);

/*
 * Receives up to size bytes, never more than INT_MAX; 0 is the end, or of datagrams an empty one.
 * The buffer is the kernel's until this returns and untouched after that, also when the task was
 * cancelled: it may be on the task's stack. flags are recv's, without MSG_WAITALL (-EINVAL): a task
 * cancelled half-way could neither keep its bytes nor give them back. Switches.
 */
ASYNC_API ASYNC_MUST int async_recv(int fd, void *buffer, size_t size, int flags);

/* The same with the sender's address, as recvfrom(2) gives it; address may be NULL. Switches. */
ASYNC_API ASYNC_MUST int async_recvfrom(int fd, void *buffer, size_t size, int flags,
                                        struct sockaddr *address, unsigned *address_size);

/*
 * The same as recvmsg(2) does it. MSG_CMSG_CLOEXEC in flags: descriptors that come are closed by
 * exec. Switches.
 */
ASYNC_API ASYNC_MUST int async_recvmsg(int fd, struct msghdr *message, int flags);

/*
 * Sends up to size bytes, never more than INT_MAX, and returns how many the kernel took, at least 1
 * of a stream. Never raises SIGPIPE: -EPIPE is enough. Switches.
 */
ASYNC_API ASYNC_MUST int async_send(int fd, const void *data, size_t size, int flags);

/* The same to an address, which is borrowed, as sendto(2) does it. Switches. */
ASYNC_API ASYNC_MUST int async_sendto(int fd, const void *data, size_t size, int flags,
                                      const struct sockaddr *address, unsigned address_size);

/* The same as sendmsg(2) does it. Switches. */
ASYNC_API ASYNC_MUST int async_sendmsg(int fd, const struct msghdr *message, int flags);

/*
 * Sends all of it, in as many pieces as it takes. 0 when the kernel has all. Any error, -ECANCELED
 * too, may come half-way: what is sent is sent, and async_strerror tells "7 of 20 bytes were sent".
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_sendall(int fd, const void *data, size_t size, int flags);

/*
 * Sends up to count bytes of a file through a socket, which becomes non-blocking and stays so. From
 * *offset, which then is behind them; NULL: from where the file stands, which moves on. How many, 0
 * at the file's end. Reading the file itself may hold the loop, as long as its disk takes. -EINVAL:
 * not a file that can be mapped. No SIGPIPE. Switches.
 */
ASYNC_API ASYNC_MUST int async_sendfile(int fd, int file, int64_t *offset, size_t count);

/*
 * Moves up to count bytes from one descriptor to another, of which one is a pipe, as splice(2)
 * does; waits for whichever has nothing or no room. How many, 0 at the end. Both become
 * non-blocking and stay so. Offsets may be NULL. flags are splice's. No SIGPIPE. Switches.
 */
ASYNC_API ASYNC_MUST int async_splice(int in, int64_t *in_offset, int out, int64_t *out_offset,
                                      size_t count, unsigned flags);

/*
 * Closes any descriptor of yours, on which tasks of this thread's loop may wait: each of them gets
 * -EBADF. With io_uring and such tasks that happens when the kernel has let go of it, soon; till
 * then its number is not free. 0, -EBADF: it was not open. Not for a stream's descriptor. Also
 * outside a loop. Never switches.
 */
ASYNC_API int async_close(int fd);

ASYNC_END_C
#endif
