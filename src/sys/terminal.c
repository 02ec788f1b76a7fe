/*
 * sys/terminal.c: system calls for terminals.
 */
#include "sys/terminal.h"
#include "sys/call.h"
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef TIOCGDEV
#define TIOCGDEV _IOR('T', 0x32, unsigned)
#endif
#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

int asyncp_sys_get_terminal(int fd, struct termios *settings)
{
    *settings = (struct termios){0}; /* musl leaves the end of c_cc as it is */
    long result;
    do
        result = SYS_CALL(SITE_TERMINAL, tcgetattr(fd, settings));
    while (result == -EINTR);
    return (int)result;
}

/* In the background the call would raise SIGTTOU, and be made if that is blocked. */
int asyncp_sys_set_terminal(int fd, const struct termios *settings)
{
    sigset_t ttou, before;
    sigemptyset(&ttou);
    sigaddset(&ttou, SIGTTOU);
    pthread_sigmask(SIG_BLOCK, &ttou, &before);
    long result;
    do
        result = SYS_CALL(SITE_TERMINAL, tcsetattr(fd, TCSANOW, settings));
    while (result == -EINTR);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return (int)result;
}

/* Other errors are of terminals that have hung up. */
static bool is_not_known(long result)
{
    return result == -ENOTTY || result == -EINVAL || result == -EBADF;
}

bool asyncp_sys_is_terminal(int fd)
{
    struct termios settings;
    return !is_not_known(asyncp_sys_get_terminal(fd, &settings));
}

bool asyncp_sys_is_master(int fd)
{
    unsigned number;
    return !is_not_known(SYS_CALL(SITE_TERMINAL, sys_ioctl(fd, TIOCGPTN, &number)));
}

/* A terminal that is not the controlling one has no groups. */
bool asyncp_sys_is_foreground(int fd)
{
    long group = SYS_CALL(SITE_TERMINAL, tcgetpgrp(fd));
    return group == -ENOTTY || (group >= 0 && group == getpgrp());
}

unsigned asyncp_sys_terminal_number(int fd)
{
    unsigned number = 0;
    return SYS_CALL(SITE_TERMINAL, sys_ioctl(fd, TIOCGDEV, &number)) == 0 ? number : 0;
}

void asyncp_sys_flush_input(int fd)
{
    tcflush(fd, TCIFLUSH);
}

int asyncp_sys_terminal_size(int fd, struct winsize *size)
{
    return (int)SYS_CALL(SITE_TERMINAL, ioctl(fd, TIOCGWINSZ, size));
}

int asyncp_sys_open_terminal(void)
{
    return (int)SYS_CALL(SITE_OPEN_TERMINAL,
                         open("/dev/tty", O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
}

/* The slave of an unlocked master. TIOCGPTPEER needs no path, which another mount may hide. */
static int open_slave(int master)
{
    enum { MAX_NAME = 64 };
    const int flags = O_RDWR | O_NOCTTY | O_CLOEXEC;
    char name[MAX_NAME];
    int slave = (int)SYS_CALL(SITE_OPEN_TERMINAL, ioctl(master, TIOCGPTPEER, flags));
    if (slave >= 0 || slave == -EMFILE || slave == -ENFILE)
        return slave;
    int error = ptsname_r(master, name, sizeof name);
    return error != 0 ? -error : (int)SYS_CALL(SITE_OPEN_TERMINAL, open(name, flags));
}

/* 0 or -errno. */
static int prepare_slave(int slave, const struct termios *mode, const struct winsize *size)
{
    int result = mode != NULL ? asyncp_sys_set_terminal(slave, mode) : 0;
    if (result == 0 && size != NULL)
        result = (int)SYS_CALL(SITE_TERMINAL, ioctl(slave, TIOCSWINSZ, size));
    return result;
}

int asyncp_sys_open_pty(int *master, int *slave, const struct termios *mode,
                        const struct winsize *size)
{
    const int flags = O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
    int first = (int)SYS_CALL(SITE_OPEN_TERMINAL, posix_openpt(flags));
    if (first < 0)
        return first;
    int result = unlockpt(first) == 0 ? open_slave(first) : -errno;
    if (result >= 0) {
        *master = first;
        *slave = result;
        result = prepare_slave(*slave, mode, size);
        if (result == 0)
            return 0;
        close(*slave);
    }
    close(first);
    return result;
}
