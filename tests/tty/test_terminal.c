/*
 * test_terminal.c: terminals: new ones, their sizes, modes that are undone, lines and passwords.
 * tests/scripts/terminals.py has what needs a shell.
 */
#include "run/forks.h"
#include "run/runner.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { MUCH = 1 << 20 };

static struct termios settings_of(int fd)
{
    struct termios settings = {0}; /* musl leaves the end of c_cc as it is */
    CHECK_EQ(tcgetattr(fd, &settings), 0);
    return settings;
}

static bool is_as_before(int fd, const struct termios *before)
{
    struct termios now = settings_of(fd);
    return now.c_iflag == before->c_iflag && now.c_oflag == before->c_oflag &&
           now.c_lflag == before->c_lflag && memcmp(now.c_cc, before->c_cc, sizeof now.c_cc) == 0;
}

static bool has_local_flag(int fd, tcflag_t flag)
{
    return (settings_of(fd).c_lflag & flag) != 0;
}

/* ---- new terminals -------------------------------------------------------------------------- */

static int write_all_to(async_stream *stream)
{
    static const char bytes[MUCH];
    ASYNC_TRY(async_stream_write(stream, bytes, sizeof bytes));
    return async_stream_wait_closed(stream);
}
async_fn(write_all_to, async_stream *);

LOOP_TEST(terminal_master_reads_everything_and_then_the_end)
{
    async_stream *master, *slave;
    struct termios raw;
    char *text;
    int fd;
    CHECK_EQ(async_open_pty(&master, &fd, NULL, NULL), 0);
    raw = settings_of(fd);
    cfmakeraw(&raw);
    close(fd);
    async_stream_close(master);
    CHECK_EQ(async_open_pty(&master, &fd, &raw, NULL), 0);
    CHECK(is_as_before(fd, &raw));
    CHECK_EQ(async_connect_write_pipe(&slave, fd), 0);
    async_task *writer = async_create_task(write_all_to, slave);
    CHECK_EQ(async_stream_read_all(master, &text, 2 * MUCH), MUCH);
    free(text);
    CHECK_EQ(async_await(writer), 0);
    async_stream_close(master);
    return 0;
}

/* The reader takes a little at a time; in between the writer must not be kept busy by itself. */
REAL_LOOP_TEST(terminal_that_takes_little_costs_no_processor_time)
{
    async_stream *master, *slave;
    static char bytes[MUCH];
    int fd;
    CHECK_EQ(async_open_pty(&master, &fd, NULL, NULL), 0);
    struct termios raw = settings_of(fd);
    cfmakeraw(&raw);
    CHECK_EQ(tcsetattr(fd, TCSANOW, &raw), 0);
    CHECK_EQ(async_connect_write_pipe(&slave, fd), 0);
    CHECK_EQ(async_stream_write(slave, bytes, sizeof bytes), 0);
    clock_t before = clock();
    for (size_t i = 0; i < 12; i++) {
        CHECK_EQ(async_sleep(0.02), 0);
        CHECK(read(async_stream_fd(master), bytes, 100 + i * 517) > 0);
    }
    CHECK(clock() - before < CLOCKS_PER_SEC / 15); /* of 0.24 s */
    async_stream_abort(slave);
    async_stream_close(slave);
    async_stream_close(master);
    return 0;
}

LOOP_TEST(terminal_master_is_read_and_written)
{
    async_stream *master, *slave;
    char line[32];
    int fd;
    CHECK_EQ(async_open_pty(&master, &fd, NULL, NULL), 0);
    CHECK_EQ(async_connect_read_pipe(&slave, fd), 0);
    CHECK_EQ(async_stream_write(master, "hello\n", 6), 0);
    CHECK_EQ(async_stream_readline(slave, line, sizeof line), 6);
    CHECK_EQ(async_stream_readline(master, line, sizeof line), 7); /* the echo */
    CHECK_STR(line, "hello\r\n");
    CHECK_EQ(async_stream_write_eof(master), -EOPNOTSUPP);
    CHECK_EQ(async_stream_write(master, "\4", 1), 0);
    CHECK_EQ(async_stream_readline(slave, line, sizeof line), 0);
    async_stream_close(slave);
    CHECK_EQ(async_stream_readline(master, line, sizeof line), 0);
    CHECK_EQ(async_stream_wait_closed(master), 0);
    return 0;
}

LOOP_TEST(terminal_has_a_size)
{
    const struct winsize size = {.ws_col = 132, .ws_row = 43};
    async_stream *master;
    int fd, columns = 0, rows = 0, fds[2];
    CHECK_EQ(async_open_pty(&master, &fd, NULL, &size), 0);
    CHECK_EQ(async_terminal_size(fd, &columns, &rows), 0);
    CHECK_EQ(columns, 132);
    CHECK_EQ(rows, 43);
    CHECK_EQ(async_terminal_size(fd, NULL, NULL), 0);
    CHECK_EQ(async_pipe(fds), 0);
    CHECK_EQ(async_terminal_size(fds[0], &columns, &rows), -ENOTTY);
    close(fds[0]);
    close(fds[1]);
    close(fd);
    async_stream_close(master);
    return 0;
}

LOOP_TEST(terminal_that_cannot_be_made_leaves_nothing)
{
    async_stream *master;
    int fd;
    test_allow_allocations(0);
    CHECK_EQ(async_open_pty(&master, &fd, NULL, NULL), -ENOMEM);
    CHECK(master == NULL);
    CHECK_EQ(fd, -1);
    test_allow_allocations(-1);
    CHECK_EQ(async_open_pty(NULL, &fd, NULL, NULL), -EINVAL);
    return 0;
}

/* ---- modes ---------------------------------------------------------------------------------- */

/* A terminal that is not the controlling one of the test. */
static int new_slave(int *master)
{
    int slave;
    CHECK_EQ(openpty(master, &slave, NULL, NULL, NULL), 0);
    return slave;
}

TEST(terminal_modes_are_set_and_undone)
{
    int master, slave = new_slave(&master);
    const struct termios before = settings_of(slave);
    async_terminal_scope scope;
    CHECK_EQ(async_terminal_begin(&scope, slave, ASYNC_TERMINAL_NO_ECHO), 0);
    CHECK(!has_local_flag(slave, ECHO) && has_local_flag(slave, ICANON));
    async_terminal_end(&scope);
    CHECK(is_as_before(slave, &before));
    CHECK_EQ(async_terminal_begin(&scope, slave, ASYNC_TERMINAL_CHARACTERS), 0);
    CHECK(!has_local_flag(slave, ECHO | ICANON) && has_local_flag(slave, ISIG));
    async_terminal_end(&scope);
    async_terminal_end(&scope);
    CHECK(is_as_before(slave, &before));
    {
        async_auto_terminal_scope raw = {0};
        CHECK_EQ(async_terminal_begin(&raw, slave, ASYNC_TERMINAL_RAW), 0);
        CHECK(!has_local_flag(slave, ECHO | ICANON | ISIG));
    }
    CHECK(is_as_before(slave, &before));
    close(slave);
    close(master);
}

TEST(terminal_scopes_are_nested_in_any_order)
{
    int master, slave = new_slave(&master);
    const struct termios before = settings_of(slave);
    async_terminal_scope outer, inner;
    for (int inner_first = 0; inner_first < 2; inner_first++) {
        CHECK_EQ(async_terminal_begin(&outer, slave, ASYNC_TERMINAL_NO_ECHO), 0);
        CHECK_EQ(async_terminal_begin(&inner, slave, ASYNC_TERMINAL_RAW), 0);
        async_terminal_end(inner_first ? &inner : &outer);
        CHECK_EQ(has_local_flag(slave, ICANON), inner_first);
        CHECK(!has_local_flag(slave, ECHO));
        async_terminal_end(inner_first ? &outer : &inner);
        CHECK(is_as_before(slave, &before));
    }
    close(slave);
    close(master);
}

TEST(terminal_that_another_program_has_changed_is_left_alone)
{
    int master, slave = new_slave(&master);
    async_terminal_scope scope;
    CHECK_EQ(async_terminal_begin(&scope, slave, ASYNC_TERMINAL_RAW), 0);
    struct termios other = settings_of(slave);
    other.c_cc[VMIN] = 7;
    CHECK_EQ(tcsetattr(slave, TCSANOW, &other), 0);
    async_terminal_end(&scope);
    CHECK(is_as_before(slave, &other));
    close(slave);
    close(master);
}

TEST(terminal_modes_need_a_terminal_and_a_place)
{
    enum { MAX_SCOPES = 16 };
    int fds[2], master, slave = new_slave(&master);
    async_terminal_scope scopes[MAX_SCOPES], scope;
    CHECK_EQ(pipe2(fds, O_CLOEXEC), 0);
    CHECK_EQ(async_terminal_begin(&scope, fds[0], ASYNC_TERMINAL_RAW), -ENOTTY);
    CHECK_EQ(async_terminal_begin(&scope, -1, ASYNC_TERMINAL_RAW), -EBADF);
    CHECK_EQ(async_terminal_begin(NULL, slave, ASYNC_TERMINAL_RAW), -EINVAL);
    CHECK_EQ(async_terminal_begin(&scope, slave, (async_terminal_mode)4), -EINVAL);
    for (int i = 0; i < MAX_SCOPES; i++)
        CHECK_EQ(async_terminal_begin(&scopes[i], slave, ASYNC_TERMINAL_RAW), 0);
    CHECK_EQ(async_terminal_begin(&scope, slave, ASYNC_TERMINAL_RAW), -EMFILE);
    async_terminal_end(&scope);
    for (int i = 0; i < MAX_SCOPES; i++)
        async_terminal_end(&scopes[i]);
    async_terminal_end(NULL);
    close(fds[0]);
    close(fds[1]);
    close(slave);
    close(master);
}

TEST(terminal_is_restored_by_exit_and_by_deadly_signals)
{
    static const int signals[] = {0, SIGTERM, SIGHUP, SIGINT, SIGPIPE, SIGABRT};
    int master, slave = new_slave(&master);
    const struct termios before = settings_of(slave);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        pid_t child = fork_here();
        if (child == 0) {
            async_terminal_scope scope;
            int result = async_terminal_begin(&scope, slave, ASYNC_TERMINAL_RAW);
            if (result < 0 || has_local_flag(slave, ICANON))
                _exit(1);
            if (signals[i] != 0)
                raise(signals[i]);
            exit(7);
        }
        CHECK_EQ(end_of(child), signals[i] == 0 ? 7 : BY_SIGNAL + signals[i]);
        CHECK(is_as_before(slave, &before));
    }
    close(slave);
    close(master);
}

TEST(terminal_of_the_parent_is_left_alone_by_a_child)
{
    int master, slave = new_slave(&master);
    async_terminal_scope scope;
    CHECK_EQ(async_terminal_begin(&scope, slave, ASYNC_TERMINAL_RAW), 0);
    pid_t child = fork_here();
    if (child == 0) {
        async_terminal_end(&scope);
        exit(0);
    }
    CHECK_EQ(end_of(child), 0);
    CHECK(!has_local_flag(slave, ICANON));
    child = fork_here();
    if (child == 0)
        raise(SIGTERM);
    CHECK_EQ(end_of(child), BY_SIGNAL + SIGTERM);
    CHECK(!has_local_flag(slave, ICANON));
    async_terminal_end(&scope);
    CHECK(has_local_flag(slave, ICANON));
    close(slave);
    close(master);
}

static int interrupt_twice(int slave)
{
    async_auto_terminal_scope scope = {0};
    ASYNC_TRY(async_terminal_begin(&scope, slave, ASYNC_TERMINAL_RAW));
    raise(SIGINT);
    raise(SIGINT);
    return 0;
}
async_fn(interrupt_twice, int);

TEST_EACH_BACKEND(terminal_is_restored_by_the_second_interrupt)
{
    int master, slave = new_slave(&master);
    const struct termios before = settings_of(slave);
    pid_t child = fork_here();
    if (child == 0)
        _exit(async_run_with(test_options(), interrupt_twice, slave) == 0);
    CHECK_EQ(end_of(child), BY_SIGNAL + SIGINT);
    CHECK(is_as_before(slave, &before));
    close(slave);
    close(master);
}

/* The run has ended, and the other task's scope is still there. */
static int hold_scope(int slave)
{
    async_auto_terminal_scope scope = {0};
    ASYNC_TRY(async_terminal_begin(&scope, slave, ASYNC_TERMINAL_RAW));
    if (async_sleep(1000) == -ECANCELED)
        raise(SIGINT);
    return 0;
}
async_fn(hold_scope, int);

static int leave_a_scope(int slave)
{
    async_task_detach(async_create_task(hold_scope, slave));
    return async_sleep(1);
}
async_fn(leave_a_scope, int);

TEST_EACH_BACKEND(terminal_is_restored_by_an_interrupt_of_the_end)
{
    int master, slave = new_slave(&master);
    const struct termios before = settings_of(slave);
    pid_t child = fork_here();
    if (child == 0)
        _exit(async_run_with(test_options(), leave_a_scope, slave) == 0);
    CHECK_EQ(end_of(child), BY_SIGNAL + SIGINT);
    CHECK(is_as_before(slave, &before));
    close(slave);
    close(master);
}

/* ---- lines ---------------------------------------------------------------------------------- */

/* Standard input has the text and then ends; what is asked comes out of *output. */
static int ask(const char *text, int *output)
{
    int in[2], out[2];
    CHECK_EQ(pipe2(in, O_CLOEXEC), 0);
    CHECK_EQ(pipe2(out, O_CLOEXEC), 0);
    CHECK_EQ(write(in[1], text, strlen(text)), (ssize_t)strlen(text));
    CHECK_EQ(dup2(in[0], STDIN_FILENO), STDIN_FILENO);
    CHECK_EQ(dup2(out[1], STDOUT_FILENO), STDOUT_FILENO);
    close(in[0]);
    close(out[1]);
    *output = out[0];
    return in[1];
}

LOOP_TEST(input_asks_and_reads_lines)
{
    char line[8], prompt[16] = "";
    int output, in = ask("one\ntoolongline\n\nlast", &output);
    CHECK_EQ(async_input("name? ", line, sizeof line), 3);
    CHECK_STR(line, "one");
    CHECK_EQ(async_sleep(1), 0);
    CHECK_EQ(read(output, prompt, sizeof prompt - 1), 6);
    CHECK_STR(prompt, "name? ");
    CHECK_EQ(async_input(NULL, line, sizeof line), -EMSGSIZE);
    CHECK_STR(line, "");
    CHECK_EQ(async_input("", line, sizeof line), 0);
    CHECK_EQ(async_timeout(1, async_input(NULL, line, sizeof line)), -ETIMEDOUT);
    CHECK_EQ(write(in, "\n", 1), 1);
    CHECK_EQ(async_input(NULL, line, 5), 4);
    CHECK_STR(line, "last");
    close(in);
    CHECK_EQ(async_input(NULL, line, sizeof line), -ENODATA);
    CHECK_EQ(async_input(NULL, NULL, 5), -EINVAL);
    close(output);
    return 0;
}

/* ---- passwords ------------------------------------------------------------------------------ */

static int ask_password(void)
{
    char line[16];
    int result = async_getpass("password: ", line, sizeof line);
    return result >= 0 && strcmp(line, "secret") != 0 ? 99 : result;
}
async_fn(ask_password);

static int ask_password_in_time(void)
{
    char line[16] = "x";
    int result = async_timeout(0, async_getpass("password: ", line, sizeof line));
    for (size_t i = 0; i < sizeof line; i++)
        CHECK_EQ(line[i], 0);
    return result == -ETIMEDOUT ? 42 : result;
}
async_fn(ask_password_in_time);

/* A child whose terminal is the slave. Its exit status is the result, or 200 and an error. */
static pid_t start_on(int master, int slave, bool in_time)
{
    pid_t child = fork_here();
    if (child != 0)
        return child;
    setsid();
    if (ioctl(slave, TIOCSCTTY, 0) < 0)
        _exit(100);
    close(master);
    int result = in_time ? async_run_with(test_options(), ask_password_in_time)
                         : async_run_with(test_options(), ask_password);
    _exit(result >= 0 ? result : result == -EINTR ? 130 : 200);
}

/* Reads what the terminal shows, up to this text. */
static void await_text(int master, const char *expected)
{
    char shown[256] = "";
    size_t length = 0;
    while (strstr(shown, expected) == NULL) {
        struct pollfd more = {.fd = master, .events = POLLIN};
        CHECK_EQ(poll(&more, 1, 10000), 1); /* milliseconds */
        ssize_t size = read(master, shown + length, sizeof shown - length - 1);
        CHECK(size > 0);
        length += (size_t)size;
    }
    CHECK(strstr(shown, "secret") == NULL);
}

TEST_EACH_BACKEND(password_is_read_without_echo)
{
    int master, slave = new_slave(&master);
    const struct termios before = settings_of(slave);
    pid_t child = start_on(master, slave, false);
    await_text(master, "password: ");
    CHECK(!has_local_flag(slave, ECHO));
    CHECK_EQ(write(master, "secret\n", 7), 7);
    await_text(master, "\n");
    CHECK_EQ(end_of(child), 6);
    CHECK(is_as_before(slave, &before));
    close(slave);
    close(master);
}

TEST_EACH_BACKEND(password_gives_the_echo_back_on_an_interrupt)
{
    int master, slave = new_slave(&master);
    const struct termios before = settings_of(slave);
    pid_t child = start_on(master, slave, false);
    await_text(master, "password: ");
    CHECK_EQ(write(master, "secr\3", 5), 5); /* Ctrl-C */
    CHECK_EQ(end_of(child), 130);
    CHECK(is_as_before(slave, &before));
    close(slave);
    close(master);
}

TEST_EACH_BACKEND(password_is_wiped_after_the_limit)
{
    int master, slave = new_slave(&master);
    const struct termios before = settings_of(slave);
    CHECK_EQ(end_of(start_on(master, slave, true)), 42);
    CHECK(is_as_before(slave, &before));
    close(slave);
    close(master);
}

static int ask_password_without_terminal(void)
{
    char line[16];
    CHECK_EQ(async_getpass("password: ", NULL, 1), -EINVAL);
    return async_getpass("password: ", line, sizeof line);
}
async_fn(ask_password_without_terminal);

TEST_EACH_BACKEND(password_needs_a_terminal)
{
    pid_t child = fork_here();
    if (child == 0) {
        setsid();
        _exit(async_run_with(test_options(), ask_password_without_terminal) == -ENXIO ? 0 : 1);
    }
    CHECK_EQ(end_of(child), 0);
}
