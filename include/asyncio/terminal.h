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

struct termios;
struct winsize;

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
 * it. Input that the stream has read ahead does not reach a process that reads descriptor 0 later.
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
 * What was written is sent at the end of the iteration, and before a program is started
 * (asyncio/process.h), so that it stands before the program's output. The end of the run sends the
 * rest, for as long as that takes; exit(3) does not. Output is in the order of the calls, but not
 * in order with stdio's on the same descriptor.
 *
 * If the last output cannot be sent, for example to a full disk, a message on standard error says
 * so, and async_main returns 1 in place of 0.
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

/*
 * Writes the prompt to standard output, reads a line from standard input, and stores it in
 * line[0..size) without its newline.
 *
 * The prompt may be NULL. A read that is cancelled or times out leaves the beginning of the line to
 * the next one.
 *
 * Returns the length of the line.
 * -ENODATA at the end of the input; on a terminal, Ctrl-D.
 * -EMSGSIZE if the line does not fit; it is dropped.
 * -EBADF if standard input or output is not open.
 * -EBUSY if another loop has standard input or output.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_input(const char *prompt, char *line, size_t size);

/*
 * Writes the prompt to the terminal of the process (/dev/tty), and reads a line from it without
 * echo, also if standard input and output are redirected.
 *
 * The echo comes back whatever happens, as async_terminal_begin says. After an error the line is
 * wiped, and what was typed of it is dropped. The prompt may be NULL.
 *
 * Returns the length of the line, which is without its newline.
 * -ENODATA at the end of the input, Ctrl-D.
 * -EMSGSIZE if the line does not fit.
 * -ENXIO if the process has no terminal.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_getpass(const char *prompt, char *line, size_t size);

/* How a terminal passes on what is typed. */
typedef enum async_terminal_mode {
    ASYNC_TERMINAL_RAW = 1,    /* each byte at once, without echo; no key is special */
    ASYNC_TERMINAL_CHARACTERS, /* each byte at once, without echo; Ctrl-C and Ctrl-Z are as ever */
    ASYNC_TERMINAL_NO_ECHO     /* lines, without echo */
} async_terminal_mode;

/* A terminal's mode that is in force until the end of the scope. Its fields are private. */
typedef struct async_terminal_scope {
    unsigned asyncp_slot;
    unsigned asyncp_number;
} async_terminal_scope;

/*
 * Sets the mode of a terminal until async_terminal_end.
 *
 * The terminal is restored on every other way out, too: exit(3), and signals that end the program.
 * A stop (Ctrl-Z) restores it, and SIGCONT sets the mode again. It is restored only if its settings
 * are still those of the scope. While the process is in the background nothing is set; SIGCONT in
 * the foreground makes up for it. For this, signals with their default action get handlers while a
 * scope is active. Scopes may be nested. fd is borrowed for the call. A child of fork() has no
 * scopes.
 *
 * Returns 0.
 * -ENOTTY if fd is not a terminal.
 * -EBADF if fd is not open.
 * -EMFILE if 16 scopes are active, or the process has no descriptor left.
 * -EINVAL if the mode is not one of the list.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_terminal_begin(async_terminal_scope *scope, int fd,
                                              async_terminal_mode mode);

/*
 * Ends the scope: restores the terminal. A scope of zeros, or one that has ended, is ignored.
 * Never switches.
 */
ASYNC_API void async_terminal_end(async_terminal_scope *scope);

/*
 * async_auto_terminal_scope scope = {0};
 *
 * Declares a scope and ends it when the block is left.
 */
#define async_auto_terminal_scope ASYNC_CLEANUP(async_terminal_end) async_terminal_scope

/*
 * Stores the size of a terminal in characters; 0 if the terminal does not know it. Either place may
 * be NULL.
 *
 * Returns 0; -ENOTTY if fd is not a terminal.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_terminal_size(int fd, int *columns, int *rows);

/*
 * Makes a new terminal: its master as a stream for both directions, and its slave as a descriptor,
 * to be given to a child or opened as a stream.
 *
 * mode and size are those of the slave; NULL: the kernel's defaults. The master reads the end when
 * the last descriptor of the slave was closed. Both descriptors are close-on-exec.
 *
 * The caller owns *master and closes it with async_stream_close, and owns *slave_fd.
 * Returns 0.
 * -ENOSPC if the system has no terminal left.
 * -EMFILE if the process has no descriptor left.
 * -ENOMEM.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_open_pty(async_stream **master, int *slave_fd,
                                        const struct termios *mode, const struct winsize *size);

ASYNC_END_C
#endif
