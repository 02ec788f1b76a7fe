/*
 * test_faults_tty.c: programs for tests/scripts/faults.py (see test_faults.c) of pipes, standard
 * streams and terminals: bytes come in order and to their end, or both sides get an error; no
 * descriptor is left; a terminal is as it was.
 */
#include "fault_test.h"

#include <fcntl.h>
#include <pty.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { FAULTS_MUCH = 200000 };

static int write_to_end(async_stream *out)
{
    static const char bytes[FAULTS_MUCH];
    int result = answer(async_stream_printf(out, "first\n"));
    if (result >= 0)
        result = answer(async_stream_write(out, bytes, sizeof bytes));
    if (result >= 0)
        result = answer(async_stream_drain(out));
    int closed = answer(async_stream_wait_closed(out));
    return result < 0 ? result : closed;
}
async_fn(write_to_end, async_stream *);

static int read_to_end(async_stream *in)
{
    char line[16], *rest = NULL;
    int result = answer(async_stream_readline(in, line, sizeof line));
    CHECK(result <= 0 || strcmp(line, "first\n") == 0 || line[result - 1] != '\n');
    if (result > 0)
        result = answer(async_stream_read_all(in, &rest, 2 * FAULTS_MUCH));
    free(rest);
    return result;
}

/*
 * Whatever fails: if the writer succeeded, and the reader, at least so much has come.
 */
static int transfer(async_stream *in, async_stream *out, int least)
{
    async_task *writer = async_create_task(write_to_end, out);
    if (writer == NULL)
        async_stream_close(out);
    int got = read_to_end(in);
    async_stream_close(in); /* the writer must not wait for a reader that has given up */
    int result = answer(async_await(writer));
    CHECK(result < 0 || got < 0 || got >= least);
    return 0;
}

FAULTS_TEST(a_pipe_carries_all_or_says_why_not)
{
    int fds[2];
    async_stream *in, *out;
    if (answer(async_pipe(fds)) < 0)
        return 0;
    int result = answer(async_connect_read_pipe(&in, fds[0]));
    CHECK((in != NULL) == (result == 0));
    if (result < 0) {
        close(fds[0]);
        close(fds[1]);
        return 0;
    }
    if (answer(async_connect_write_pipe(&out, fds[1])) < 0) {
        close(fds[1]);
        async_stream_close(in);
        return 0;
    }
    return transfer(in, out, FAULTS_MUCH);
}

FAULTS_TEST(a_terminal_carries_all_or_says_why_not)
{
    async_stream *master, *out;
    int slave;
    if (answer(async_open_pty(&master, &slave, NULL, NULL)) < 0)
        return 0;
    struct termios raw;
    CHECK_EQ(tcgetattr(slave, &raw), 0);
    cfmakeraw(&raw);
    CHECK_EQ(tcsetattr(slave, TCSANOW, &raw), 0);
    if (answer(async_connect_write_pipe(&out, slave)) < 0) {
        close(slave);
        async_stream_close(master);
        return 0;
    }
    return transfer(master, out, 0); /* EIO, which is injected, is the end */
}

FAULTS_TEST(standard_streams_are_streams_or_null)
{
    char line[16];
    int fds[2];
    CHECK_EQ(pipe2(fds, O_CLOEXEC), 0);
    CHECK_EQ(write(fds[1], "hello\n", 6), 6);
    CHECK_EQ(dup2(fds[0], STDIN_FILENO), STDIN_FILENO);
    close(fds[0]);
    close(fds[1]);
    int result = answer(async_input(NULL, line, sizeof line));
    CHECK(result < 0 || strncmp(line, "hello", (size_t)result) == 0);
    if (result == 5)
        CHECK_EQ(async_input(NULL, line, sizeof line) < 0, 1);
    CHECK(fcntl(STDIN_FILENO, F_GETFD) >= 0);
    return 0;
}

FAULTS_TEST(a_terminal_is_as_it_was_after_its_scope)
{
    int master, slave;
    struct termios before, after;
    async_terminal_scope scope;
    CHECK_EQ(openpty(&master, &slave, NULL, NULL, NULL), 0);
    CHECK_EQ(tcgetattr(slave, &before), 0);
    answer(async_terminal_begin(&scope, slave, ASYNC_TERMINAL_RAW));
    async_terminal_end(&scope);
    CHECK_EQ(tcgetattr(slave, &after), 0);
    CHECK(!nothing_fails || before.c_lflag == after.c_lflag);
    close(slave);
    close(master);
    return 0;
}
