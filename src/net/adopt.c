/*
 * net/adopt.c: streams of descriptors that others may have too: pipes, terminals, sockets, files,
 * devices. O_NONBLOCK is a flag of the open file description, which a shell, a parent or a child
 * shares with this process; so it is never set on one that is not this process's alone:
 *
 *      pipe, FIFO, terminal    opened once more by /proc/self/fd: a description of its own
 *           or else            RWF_NOWAIT (pipes), or poll(2) before each call
 *      socket                  MSG_DONTWAIT
 *      file, /dev/null         always ready
 */
#include "net/stream.h"
#include "sched/current.h"
#include "sys/file.h"
#include "sys/polling.h"
#include "sys/socket.h"
#include "sys/terminal.h"
#include <asyncio/terminal.h>
#include <stdlib.h>

struct adoption {
    int fd;       /* given by the program */
    int flags;    /* of its description */
    int reopened; /* a description of the process's own; or -1 */
    enum side side;
    bool is_terminal;
    bool is_master;
};

static bool has_direction(int flags, enum side side)
{
    int mode = flags & O_ACCMODE;
    return mode == O_RDWR || mode == (side == SIDE_READ ? O_RDONLY : O_WRONLY);
}

/* 0 or -errno. */
static int check_descriptor(const struct async_loop *loop, struct adoption *adoption,
                            struct stat *status)
{
    int fd = adoption->fd;
    adoption->flags = asyncp_sys_fd_flags(fd);
    if (adoption->flags < 0 || (adoption->flags & O_PATH) != 0)
        return async_fail(-EBADF, "descriptor %d is not open", fd);
    if (asyncp_poller_has_source(&loop->poller, fd))
        return async_fail(-EBUSY, "descriptor %d: a stream or a server has it", fd);
    if (!has_direction(adoption->flags, adoption->side))
        return async_fail(-EINVAL, "descriptor %d is open for %s only", fd,
                          adoption->side == SIDE_READ ? "writing" : "reading");
    int result = asyncp_sys_fd_status(fd, status);
    if (result < 0)
        return result;
    return S_ISDIR(status->st_mode) ? async_fail(-EINVAL, "descriptor %d is a directory", fd) : 0;
}

static bool reopen(struct adoption *adoption)
{
    const int kept = O_ACCMODE | O_APPEND;
    adoption->reopened = asyncp_sys_reopen(adoption->fd, (adoption->flags & kept) | O_NONBLOCK);
    return adoption->reopened >= 0;
}

/* The kind of what was not opened again. It may be non-blocking already, by another's wish. */
static enum medium_kind kind_as_it_is(const struct adoption *adoption, enum medium_kind blocking)
{
    return (adoption->flags & O_NONBLOCK) != 0 ? MEDIUM_OWN : blocking;
}

static enum medium_kind kind_of_device(struct adoption *adoption)
{
    adoption->is_terminal = asyncp_sys_is_terminal(adoption->fd);
    if (adoption->is_terminal) {
        adoption->is_master = asyncp_sys_is_master(adoption->fd);
        if (!adoption->is_master && reopen(adoption)) /* to open a master makes a new terminal */
            return MEDIUM_OWN;
    } else if (!asyncp_sys_can_poll(adoption->fd))
        return MEDIUM_FILE;
    return kind_as_it_is(adoption, MEDIUM_POLLED);
}

static enum medium_kind choose_kind(struct adoption *adoption, mode_t type)
{
    if (S_ISFIFO(type))
        return reopen(adoption) ? MEDIUM_OWN : kind_as_it_is(adoption, MEDIUM_SHARED);
    if (S_ISSOCK(type))
        return MEDIUM_SHARED_SOCKET;
    return S_ISREG(type) || S_ISBLK(type) ? MEDIUM_FILE : kind_of_device(adoption);
}

/* Messages of datagrams would be divided and joined. */
static int check_socket(int fd)
{
    int type = asyncp_sys_option(fd, SOL_SOCKET, SO_TYPE);
    if (type < 0 || type == SOCK_STREAM)
        return type < 0 ? type : 0;
    return async_fail(-EPROTOTYPE, "descriptor %d: not a stream socket", fd);
}

/* The descriptor for the stream, or -errno. */
static int take_descriptor(const struct adoption *adoption, bool is_standard)
{
    if (adoption->reopened >= 0)
        return adoption->reopened;
    return is_standard ? asyncp_sys_dup(adoption->fd) : adoption->fd;
}

int asyncp_stream_adopt(struct async_loop *loop, struct async_stream **out, int fd, enum side side,
                        bool is_standard)
{
    struct adoption adoption = {.fd = fd, .side = side, .reopened = -1};
    struct stat status;
    ASYNC_TRY(check_descriptor(loop, &adoption, &status));
    if (S_ISSOCK(status.st_mode))
        ASYNC_TRY(check_socket(fd));
    struct medium medium = medium_of_shared(choose_kind(&adoption, status.st_mode), side,
                                            is_standard && side == SIDE_WRITE);
    if (adoption.is_terminal)
        medium_set_terminal(&medium, adoption.is_master);
    int taken = take_descriptor(&adoption, is_standard);
    int result = taken < 0 ? taken : asyncp_stream_make_of(loop, out, taken, &medium);
    if (result < 0 && taken >= 0 && taken != fd)
        asyncp_sys_close(taken);
    if (result == 0 && taken != fd && !is_standard)
        poller_close_fd(&loop->poller, fd);
    return result;
}

static int connect_pipe(async_stream **stream, int fd, enum side side, const char *call)
{
    struct async_loop *loop = asyncp_current;
    asyncp_check_inherited(call);
    ENSURE(loop != NULL, "%s was called where there is no loop", call);
    if (stream == NULL)
        return async_fail(-EINVAL, "%s: the place for the stream is NULL", call);
    *stream = NULL;
    return asyncp_stream_adopt(loop, stream, fd, side, false);
}

int async_connect_read_pipe(async_stream **stream, int fd)
{
    return connect_pipe(stream, fd, SIDE_READ, "async_connect_read_pipe");
}

int async_connect_write_pipe(async_stream **stream, int fd)
{
    return connect_pipe(stream, fd, SIDE_WRITE, "async_connect_write_pipe");
}

int async_pipe(int fds[2])
{
    return fds != NULL ? asyncp_sys_pipe(fds, 0)
                       : async_fail(-EINVAL, "async_pipe: the place for the ends is NULL");
}
