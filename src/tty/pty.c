/*
 * tty/pty.c: new terminals, and the size of terminals.
 */
#include "net/stream.h"
#include "sched/current.h"
#include "sys/file.h"
#include "sys/terminal.h"
#include <asyncio/terminal.h>

int async_open_pty(async_stream **master, int *slave_fd, const struct termios *mode,
                   const struct winsize *size)
{
    static const char call[] = "async_open_pty";
    struct async_loop *loop = asyncp_current;
    asyncp_check_inherited(call);
    ENSURE(loop != NULL, "%s was called where there is no loop", call);
    if (master == NULL || slave_fd == NULL)
        return async_fail(-EINVAL, "%s: the place for the master or the slave is NULL", call);
    *master = NULL;
    *slave_fd = -1;
    const struct medium medium = medium_of_master();
    int master_fd, slave;
    ASYNC_TRY(asyncp_sys_open_pty(&master_fd, &slave, mode, size));
    int result = asyncp_stream_make_of(loop, master, master_fd, &medium);
    if (result < 0) {
        asyncp_sys_close(master_fd);
        asyncp_sys_close(slave);
        return result;
    }
    *slave_fd = slave;
    return 0;
}

int async_terminal_size(int fd, int *columns, int *rows)
{
    struct winsize size;
    int result = asyncp_sys_terminal_size(fd, &size);
    if (result < 0)
        return result;
    if (columns != NULL)
        *columns = size.ws_col;
    if (rows != NULL)
        *rows = size.ws_row;
    return 0;
}
