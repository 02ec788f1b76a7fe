/*
 * proc/stdio.c: pipes between this program and a new process. Only our ends are non-blocking: each
 * end of a pipe has its own open file description.
 */
#include "proc/stdio.h"
#include "net/stream.h"
#include "sys/file.h"
#include "sys/spawn.h"

enum { IN, OUT, ERR };

void asyncp_stdio_close(struct child_stdio *stdio)
{
    while (stdio->count > 0)
        asyncp_sys_close(stdio->opened[--stdio->count]);
}

/* Our end of a new pipe becomes a stream, the other one is the child's. */
static int open_pipe(struct child_stdio *stdio, struct async_loop *loop, int number, int size,
                     struct async_stream **stream)
{
    int ends[2];
    ASYNC_TRY(asyncp_sys_pipe(ends, 0));
    int theirs = number == IN ? ends[0] : ends[1];
    int ours = asyncp_sys_above_standard(number == IN ? ends[1] : ends[0]);
    stdio->opened[stdio->count++] = theirs;
    if (ours < 0)
        return ours;
    int result = asyncp_sys_set_nonblocking(ours);
    if (result == 0 && size > 0)
        result = asyncp_sys_set_pipe_size(ours, size);
    if (result == 0)
        result = asyncp_stream_make_pipe(loop, stream, ours, number == IN ? SIDE_WRITE : SIDE_READ);
    if (result < 0) {
        asyncp_sys_close(ours);
        return result;
    }
    asyncp_stream_link(*stream, stream);
    return theirs;
}

static int open_null(struct child_stdio *stdio)
{
    int fd = asyncp_sys_open_null();
    if (fd >= 0)
        stdio->opened[stdio->count++] = fd;
    return fd;
}

static int number_of_stdout(int fd_of_stdout)
{
    return fd_of_stdout != SPAWN_INHERIT ? fd_of_stdout : OUT;
}

/* The descriptor for one of the three, SPAWN_INHERIT, or another negative number: an error. */
static int open_one(struct child_stdio *stdio, struct async_loop *loop, int number, int option,
                    int size, struct async_stream **stream)
{
    switch (option) {
    case ASYNC_PIPE:
        return open_pipe(stdio, loop, number, size, stream);
    case ASYNC_DEVNULL:
        return open_null(stdio);
    default:
        return option;
    }
}

static int check_stdio(const async_process_options *options)
{
    if (options->in < ASYNC_DEVNULL || options->out < ASYNC_DEVNULL ||
        options->err < ASYNC_DEVNULL || options->in == ASYNC_STDOUT || options->out == ASYNC_STDOUT)
        return async_fail(-EINVAL, "options.in, .out and .err are a descriptor, ASYNC_PIPE or "
                                   "ASYNC_DEVNULL; .err may be ASYNC_STDOUT");
    return 0;
}

static int explain_refusal(int error, const async_process_options *options)
{
    if (error == -EPERM && options->pipe_size > 0)
        return async_fail(error, "options.pipe_size is %d, more than a user may have (pipe(7))",
                          options->pipe_size);
    return async_fail_errno(error, "open the standard streams of a process");
}

int asyncp_stdio_open(struct child_stdio *stdio, struct async_loop *loop,
                      const async_process_options *options, int child[3],
                      struct async_stream *streams[3])
{
    const int wanted[] = {options->in, options->out, options->err};
    stdio->count = 0;
    ASYNC_TRY(check_stdio(options));
    for (int i = IN; i <= ERR; i++) {
        if (wanted[i] == 0 || wanted[i] == ASYNC_STDOUT)
            continue;
        int fd = open_one(stdio, loop, i, wanted[i], options->pipe_size, &streams[i]);
        if (fd < 0) {
            asyncp_stdio_close(stdio);
            return explain_refusal(fd, options);
        }
        child[i] = fd;
    }
    if (options->err == ASYNC_STDOUT)
        child[ERR] = number_of_stdout(child[OUT]);
    return 0;
}
