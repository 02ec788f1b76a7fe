/*
 * cmd/screen.c: the terminal, by sequences that all terminals know, tmux among them: the alternate
 * screen, the cursor, and the erasure of the rest of a line. Signals are blocked except while the
 * command waits.
 */
#include "cmd/screen.h"
#include "sys/clock.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define ENTER "\033[?1049h\033[?25l"
#define LEAVE "\033[?25h\033[?1049l"

static struct {
    bool is_open, has_keys;
    struct termios before;
    sigset_t mask; /* the signals that were blocked before */
    const char *text;
} screen;

static volatile sig_atomic_t is_over, is_resized;

/* ---- the terminal --------------------------------------------------------------------------- */

static void write_bytes(const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(STDOUT_FILENO, bytes, size);
        if (written <= 0 && errno != EINTR)
            return;
        bytes += written > 0 ? written : 0;
        size -= written > 0 ? (size_t)written : 0;
    }
}

/* Keys are read at once, and not shown. */
static void enter_screen(void)
{
    struct termios keys = screen.before;
    keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    if (screen.has_keys)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &keys);
    write_bytes(ENTER, sizeof ENTER - 1);
}

static void leave_screen(void)
{
    write_bytes(LEAVE, sizeof LEAVE - 1);
    if (screen.has_keys)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &screen.before);
}

/* The bytes of at most `columns` characters of UTF-8 at the begin of a line. */
static size_t cut_line(const char *line, size_t length, unsigned columns)
{
    size_t bytes = 0;
    for (unsigned width = 0; bytes < length; bytes++) {
        width += ((unsigned char)line[bytes] & 0xc0) != 0x80;
        if (width > columns)
            break;
    }
    return bytes;
}

/* A serial console, and a new pseudo-terminal, have 0 lines and columns. */
static struct winsize read_size(void)
{
    struct winsize size = {.ws_row = 0};
    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    size.ws_row = size.ws_row > 0 ? size.ws_row : 24;
    size.ws_col = size.ws_col > 0 ? size.ws_col : 80;
    return size;
}

static void draw(void)
{
    const struct winsize size = read_size();
    const char *line = screen.text != NULL ? screen.text : "";
    write_bytes("\033[H", 3);
    for (unsigned row = 0; row < size.ws_row && *line != 0; row++) {
        size_t length = strcspn(line, "\n");
        write_bytes(row > 0 ? "\r\n" : "", row > 0 ? 2 : 0);
        write_bytes(line, cut_line(line, length, size.ws_col));
        write_bytes("\033[K", 3);
        line += length + (line[length] != 0);
    }
    write_bytes("\033[J", 3);
}

void screen_draw(const char *text)
{
    screen.text = text;
    draw();
}

/* ---- signals and keys ----------------------------------------------------------------------- */

static void on_end(int number)
{
    (void)number;
    is_over = 1;
}

static void on_resize(int number)
{
    (void)number;
    is_resized = 1;
}

/* Ctrl-Z. It goes on behind kill(2) when it is continued. */
static void on_stop(int number)
{
    int error = errno;
    (void)number;
    leave_screen();
    kill(getpid(), SIGSTOP);
    enter_screen();
    is_resized = 1;
    errno = error;
}

static void catch_signals(void)
{
    static const struct {
        int number;
        void (*handler)(int number);
    } all[] = {{SIGINT, on_end},  {SIGTERM, on_end},     {SIGHUP, on_end},
               {SIGQUIT, on_end}, {SIGWINCH, on_resize}, {SIGTSTP, on_stop}};
    sigset_t blocked;
    sigemptyset(&blocked);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct sigaction action = {.sa_handler = all[i].handler};
        sigaction(all[i].number, &action, NULL);
        sigaddset(&blocked, all[i].number);
    }
    sigprocmask(SIG_BLOCK, &blocked, &screen.mask);
}

int screen_open(void)
{
    if (!isatty(STDOUT_FILENO))
        return -ENOTTY;
    screen.has_keys = tcgetattr(STDIN_FILENO, &screen.before) == 0;
    screen.is_open = true;
    catch_signals();
    enter_screen();
    return 0;
}

void screen_close(void)
{
    if (screen.is_open)
        leave_screen();
    screen.is_open = false;
}

/* The terminal may be gone. */
static void read_key(void)
{
    char key;
    ssize_t size = read(STDIN_FILENO, &key, 1);
    if (size == 0 || (size < 0 && errno != EINTR && errno != EAGAIN) || (size > 0 && key == 'q'))
        is_over = 1;
}

/* The only place where signals arrive: so it polls also when no time is left. */
bool screen_wait(int64_t until_ns)
{
    int64_t ns;
    do {
        ns = until_ns - asyncp_sys_clock_now();
        struct timespec left = asyncp_sys_timespec(ns > 0 ? ns : 0);
        struct pollfd keys = {.fd = STDIN_FILENO, .events = POLLIN};
        bool has_keys = screen.is_open && screen.has_keys;
        int ready = ppoll(&keys, has_keys, &left, screen.is_open ? &screen.mask : NULL);
        if (ready > 0)
            read_key();
        if (is_resized && screen.is_open) {
            is_resized = 0;
            draw();
        }
    } while (ns > 0 && !is_over);
    return !is_over;
}
