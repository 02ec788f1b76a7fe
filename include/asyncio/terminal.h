/*
 * asyncio/terminal.h: pipes, standard streams and terminals.
 *
 *     async_stream *out = async_stdout();
 *     char line[256];
 *     int length = async_input("name? ", line, sizeof line);
 *
 * O_NONBLOCK is never set on a descriptor that other processes may have: 0, 1 and 2 stay as the
 * shell, the parent and the children have them, also after SIGKILL.
 */
#ifndef ASYNCIO_TERMINAL_H
#define ASYNCIO_TERMINAL_H

#include <asyncio/base.h>
#include <asyncio/stream.h>

ASYNC_BEGIN_C

/*
 * Makes a pipe: fds[0] is the end for reading, fds[1] for writing. Both are close-on-exec and
 * blocking, for a child, or for async_connect_read_pipe and async_connect_write_pipe.
 *
 * The caller owns both descriptors.
 * Returns 0, or an error of pipe2(2).
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_pipe(int fds[2]);

/*
 * Makes a stream for reading from a descriptor: the end of a pipe, a terminal, a socket, a device
 * or a file.
 *
 * Other processes may have it too; it does not become non-blocking for them. Writes to the stream
 * return -EBADF. A read from a file that is not in memory waits for the disk, with all tasks.
 *
 * Takes fd if it succeeds. The caller owns *stream and closes it with async_stream_close.
 * Returns 0.
 * -EBADF if fd is not open.
 * -EINVAL if fd is a directory, or is not open for reading.
 * -EPROTOTYPE if fd is a socket, but not a stream socket.
 * -EBUSY if a stream uses fd.
 * -ENOMEM.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_connect_read_pipe(async_stream **stream, int fd);

/*
 * Makes a stream for writing to a descriptor, as async_connect_read_pipe does for reading.
 *
 * Reads return -EBADF. async_stream_write_eof closes the descriptor when all was written: the
 * reader of a pipe finds the end. If a pipe has no reader, writes return -EPIPE; SIGPIPE is not
 * raised.
 *
 * Takes fd if it succeeds. The caller owns *stream and closes it with async_stream_close.
 * Returns 0.
 * -EBADF if fd is not open.
 * -EINVAL if fd is a directory, or is not open for writing.
 * -EPROTOTYPE if fd is a socket, but not a stream socket.
 * -EBUSY if a stream uses fd.
 * -ENOMEM.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_connect_write_pipe(async_stream **stream, int fd);

/*
 * Returns standard input, descriptor 0 of the process, as a stream of this loop, whatever it is: a
 * terminal, a pipe, a file, a socket, a device.
 *
 * It is made when it is first asked for, and lent: it need not be closed. One loop at a time has
 * it.
 *
 * Returns NULL if the descriptor is not open, if another loop has the stream, or if memory is
 * exhausted; async_strerror says which.
 * Never switches.
 */
ASYNC_API async_stream *async_stdin(void);

/*
 * Returns standard output, descriptor 1 of the process, as a stream of this loop, as async_stdin
 * does.
 *
 * The end of the run sends what was written, for as long as that takes; exit(3) does not. Output is
 * in the order of the calls, but not in order with stdio's on the same descriptor.
 *
 * If the reader has gone, a write raises SIGPIPE, which ends the program as it ends others; if
 * SIGPIPE is ignored, writes return -EPIPE.
 *
 * Returns NULL as async_stdin does.
 * Never switches.
 */
ASYNC_API async_stream *async_stdout(void);

/*
 * Returns standard error, descriptor 2 of the process, as a stream of this loop, as async_stdout
 * does. It is buffered until the task waits; a program that crashes loses what it wrote before.
 *
 * Returns NULL as async_stdin does.
 * Never switches.
 */
ASYNC_API async_stream *async_stderr(void);

ASYNC_END_C
#endif
