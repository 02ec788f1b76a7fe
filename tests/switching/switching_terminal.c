/*
 * switching_terminal.c: the rows (switching.h) of questions to the user. There is one standard
 * input and one terminal, so the lines have come before; the rows of streams wait for lines.
 */
#include "switching.h"

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const char lines[] = "x\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\n";

/* The runner has standard input open already. */
static void set_standard_input(struct scene *scene)
{
    int file = memfd_create("lines", MFD_CLOEXEC);
    (void)scene;
    CHECK(file >= 0);
    CHECK_EQ(write(file, lines, sizeof lines - 1), sizeof lines - 1);
    CHECK_EQ(lseek(file, 0, SEEK_SET), 0);
    CHECK_EQ(dup2(file, STDIN_FILENO), STDIN_FILENO);
    close(file);
}

static int input_line(struct caller *caller)
{
    char line[8];
    (void)caller;
    return async_input(NULL, line, sizeof line);
}

SWITCHING_CALL(input_that_has_come, async_input, .kind = NEED_NOT_WAIT, .gives = 1,
               .set = set_standard_input, .make = input_line);

static int master, slave;

/* The leader of a group cannot lead a session: another one takes the group for a moment. */
static void lead_session(void)
{
    pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    CHECK_EQ(setpgid(child, child), 0);
    CHECK_EQ(setpgid(0, child), 0);
    CHECK_EQ(setsid(), getpid());
    CHECK_EQ(kill(child, SIGKILL), 0);
    CHECK_EQ(waitpid(child, NULL, 0), child);
}

/* The terminal of this process. */
static void set_terminal(struct scene *scene)
{
    (void)scene;
    signal(SIGHUP, SIG_IGN);
    if (getsid(0) != getpid())
        lead_session();
    CHECK_EQ(openpty(&master, &slave, NULL, NULL, NULL), 0);
    CHECK_EQ(ioctl(slave, TIOCSCTTY, 0), 0);
    CHECK_EQ(write(master, lines, sizeof lines - 1), sizeof lines - 1);
}

static void close_terminal(struct scene *scene)
{
    (void)scene;
    CHECK_EQ(ioctl(slave, TIOCNOTTY), 0);
    close(slave);
    close(master);
}

static int get_password(struct caller *caller)
{
    char line[8];
    (void)caller;
    return async_getpass(NULL, line, sizeof line);
}

SWITCHING_CALL(getpass_that_was_typed, async_getpass, .kind = NEED_NOT_WAIT, .gives = 1,
               .set = set_terminal, .make = get_password, .check = close_terminal);
