/*
 * test_standard.c: standard input, output and error as streams: of each kind of descriptor, one
 * loop at a time, with the end of the run and of the reader.
 */
#include "run/forks.h"
#include "run/runner.h"

#include <fcntl.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MUCH = 1 << 20 };

static const char all_bytes[MUCH];

/* fd becomes the standard descriptor, which the runner has open already. */
static void put_at(int fd, int standard)
{
    CHECK_EQ(dup2(fd, standard), standard);
    close(fd);
}

/* Standard input is this; both lines come, and then the end. */
static int read_two_lines(int fd)
{
    char line[16];
    put_at(fd, STDIN_FILENO);
    int flags = fcntl(STDIN_FILENO, F_GETFL);
    CHECK(async_stdin() != NULL);
    CHECK(async_stdin() == async_stdin());
    CHECK_EQ(async_stream_readline(async_stdin(), line, sizeof line), 4);
    CHECK_STR(line, "one\n");
    CHECK_EQ(async_stream_readline(async_stdin(), line, sizeof line), 4);
    CHECK_EQ(async_stream_readline(async_stdin(), line, sizeof line), 0);
    CHECK_EQ(fcntl(STDIN_FILENO, F_GETFL), flags);
    CHECK_EQ(flags & O_NONBLOCK, 0);
    return 0;
}

LOOP_TEST(standard_input_is_a_pipe)
{
    int fds[2];
    CHECK_EQ(pipe2(fds, O_CLOEXEC), 0);
    CHECK_EQ(write(fds[1], "one\ntwo\n", 8), 8);
    close(fds[1]);
    return read_two_lines(fds[0]);
}

LOOP_TEST(standard_input_is_a_file)
{
    char path[] = "/tmp/asyncio-standard-XXXXXX";
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    unlink(path);
    CHECK_EQ(write(fd, "one\ntwo\n", 8), 8);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    return read_two_lines(fd);
}

LOOP_TEST(standard_input_is_a_socket)
{
    int ends[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    CHECK_EQ(write(ends[1], "one\ntwo\n", 8), 8);
    close(ends[1]);
    return read_two_lines(ends[0]);
}

LOOP_TEST(standard_input_is_a_terminal)
{
    int master, slave;
    CHECK_EQ(openpty(&master, &slave, NULL, NULL, NULL), 0);
    CHECK_EQ(write(master, "one\ntwo\n\4", 9), 9); /* Ctrl-D */
    int result = read_two_lines(slave);
    close(master);
    return result;
}

LOOP_TEST(standard_input_is_dev_null)
{
    char byte;
    put_at(open("/dev/null", O_RDONLY), STDIN_FILENO);
    CHECK_EQ(async_stream_read(async_stdin(), &byte, 1), 0);
    return 0;
}

LOOP_TEST(standard_input_is_closed)
{
    close(STDIN_FILENO);
    CHECK(async_stdin() == NULL);
    CHECK_STR(async_strerror(-EBADF), "-EBADF: descriptor 0 is not open");
    CHECK_EQ(open("/dev/null", O_RDONLY), STDIN_FILENO);
    CHECK(async_stdin() != NULL);
    return 0;
}

static int nothing(void)
{
    return async_stdin() == NULL ? -EBADF : 0;
}
async_fn(nothing);

/* The loop's own descriptors take the next free numbers. */
TEST_EACH_BACKEND(standard_input_that_is_closed_is_no_descriptor_of_the_loop)
{
    close(STDIN_FILENO);
    CHECK_EQ(async_run_with(test_options(), nothing), -EBADF);
    CHECK_EQ(open("/dev/null", O_RDONLY), STDIN_FILENO);
}

/* ---- the end of the run --------------------------------------------------------------------- */

static int write_much_out(void)
{
    ASYNC_TRY(async_stream_write(async_stdout(), all_bytes, MUCH - 1));
    return async_stream_write(async_stdout(), "x", 1);
}
async_fn(write_much_out);

static void *count_bytes(void *fd)
{
    char bytes[4096];
    intptr_t total = 0;
    for (ssize_t size; (size = read((int)(intptr_t)fd, bytes, sizeof bytes)) > 0;)
        total += size;
    return (void *)total;
}

TEST_EACH_BACKEND(standard_output_is_sent_by_the_end_of_the_run)
{
    pthread_t thread;
    void *total;
    int fds[2], before = dup(STDOUT_FILENO);
    CHECK_EQ(pipe2(fds, O_CLOEXEC), 0);
    put_at(fds[1], STDOUT_FILENO);
    CHECK_EQ(pthread_create(&thread, NULL, count_bytes, (void *)(intptr_t)fds[0]), 0);
    int result = async_run_with(test_options(), write_much_out);
    put_at(before, STDOUT_FILENO);
    CHECK_EQ(pthread_join(thread, &total), 0);
    CHECK_EQ(result, 0);
    CHECK_EQ((intptr_t)total, MUCH);
    close(fds[0]);
}

/* ---- the end of the reader ------------------------------------------------------------------ */

/* How a child ends whose standard output has no reader. */
static int end_without_reader(void (*handler)(int))
{
    int fds[2];
    CHECK_EQ(pipe2(fds, O_CLOEXEC), 0);
    close(fds[0]);
    pid_t child = fork_here();
    if (child == 0) {
        signal(SIGPIPE, handler);
        put_at(fds[1], STDOUT_FILENO);
        _exit(async_run_with(test_options(), write_much_out) == -EPIPE ? 7 : 1);
    }
    close(fds[1]);
    return end_of(child);
}

TEST_EACH_BACKEND(standard_output_without_a_reader_ends_the_program)
{
    CHECK_EQ(end_without_reader(SIG_DFL), BY_SIGNAL + SIGPIPE);
    CHECK_EQ(end_without_reader(SIG_IGN), 7);
}

/* ---- whose they are ------------------------------------------------------------------------- */

static int ask_for_stderr(void)
{
    return async_stderr() != NULL;
}
async_fn(ask_for_stderr);

/* A line of standard input, which another loop has. */
static int ask_for_line(void)
{
    char line[8];
    int result = async_input(NULL, line, sizeof line);
    CHECK_STR(async_strerror(result), "-EBUSY: descriptor 0: another loop has its stream");
    return result;
}
async_fn(ask_for_line);

static void *run_in_thread(void *result)
{
    const async_run_options options = {.backend = "epoll"};
    *(int *)result = async_run_with(&options, ask_for_stderr);
    return NULL;
}

static void *input_in_thread(void *result)
{
    const async_run_options options = {.backend = "epoll"};
    *(int *)result = async_run_with(&options, ask_for_line);
    return NULL;
}

static int ask_in_thread(void *(*run)(void *))
{
    pthread_t thread;
    int result = 0;
    CHECK_EQ(pthread_create(&thread, NULL, run, &result), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    return result;
}

LOOP_TEST(standard_error_belongs_to_one_loop)
{
    CHECK(async_stderr() != NULL);
    CHECK_EQ(ask_in_thread(run_in_thread), 0);
    return 0;
}

LOOP_TEST(input_says_why_it_has_none)
{
    char line[8];
    close(STDIN_FILENO);
    CHECK_EQ(async_input(NULL, line, sizeof line), -EBADF);
    CHECK_STR(async_strerror(-EBADF), "-EBADF: descriptor 0 is not open");
    CHECK_EQ(open("/dev/null", O_RDONLY), STDIN_FILENO);
    CHECK(async_stdin() != NULL);
    CHECK_EQ(ask_in_thread(input_in_thread), -EBUSY);
    return 0;
}

TEST(standard_error_is_free_after_the_run)
{
    CHECK_EQ(async_run(ask_for_stderr), 1);
    CHECK_EQ(ask_in_thread(run_in_thread), 1);
}

LOOP_TEST(standard_error_that_was_closed_is_made_again)
{
    async_stream *first = async_stderr();
    CHECK(first != NULL);
    async_stream_close(first);
    CHECK(async_stderr() != NULL);
    CHECK(fcntl(STDERR_FILENO, F_GETFD) >= 0);
    return 0;
}

LOOP_TEST(standard_error_is_free_in_a_child)
{
    CHECK(async_stderr() != NULL);
    pid_t child = fork_here();
    if (child == 0)
        _exit(async_run(ask_for_stderr) == 1 ? 0 : 1);
    CHECK_EQ(end_of(child), 0);
    return 0;
}

LOOP_TEST(standard_streams_without_memory_are_null)
{
    test_allow_allocations(0);
    CHECK(async_stderr() == NULL);
    test_allow_allocations(1);
    CHECK(async_stderr() == NULL);
    test_allow_allocations(-1);
    CHECK(async_stderr() != NULL);
    return 0;
}
