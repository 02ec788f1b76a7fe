/*
 * sys/terminal.h: system calls for terminals, with -errno for errors. Those that ask and set may be
 * called in signal handlers.
 */
#ifndef SYS_TERMINAL_H
#define SYS_TERMINAL_H

#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/types.h>
#include <termios.h>

int asyncp_sys_get_terminal(int fd, struct termios *settings);

/* At once (TCSANOW): output is not waited for, input is kept. Never stops the process. */
int asyncp_sys_set_terminal(int fd, const struct termios *settings);

bool asyncp_sys_is_terminal(int fd);

/* Whether it is the master of a terminal, which appears as a terminal too. */
bool asyncp_sys_is_master(int fd);

/* Whether the process may change the terminal: no other group is in its foreground. */
bool asyncp_sys_is_foreground(int fd);

/* The number of the terminal's device, also for /dev/tty; 0: it is not known. */
unsigned asyncp_sys_terminal_number(int fd);

/* Drops the input that was not read. */
void asyncp_sys_flush_input(int fd);

int asyncp_sys_terminal_size(int fd, struct winsize *size);

/* The terminal of the process, non-blocking and close-on-exec: the descriptor or -errno. */
int asyncp_sys_open_terminal(void);

/*
 * A new terminal. The master is non-blocking, both are close-on-exec; mode and size may be NULL. 0
 * or -errno.
 */
int asyncp_sys_open_pty(int *master, int *slave, const struct termios *mode,
                        const struct winsize *size);

#endif
