/*
 * test_cpython_fds.c: rules about descriptors that CPython's test_subprocess.py keeps: standard
 * descriptors that are closed, exchanged or used twice, and descriptors that stay open.
 * cpython.md has the row of each of its tests.
 *
 * Processes are freed while 0, 1 and 2 are changed: our ends of their pipes may have these numbers.
 */
#include "shell.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { STANDARD = 3, FIRST_FREE = 50 };

static void save_standard(int saved[STANDARD])
{
    for (int i = 0; i < STANDARD; i++)
        CHECK((saved[i] = fcntl(i, F_DUPFD_CLOEXEC, FIRST_FREE)) >= 0);
}

static void restore_standard(const int saved[STANDARD])
{
    for (int i = 0; i < STANDARD; i++) {
        CHECK_EQ(dup2(saved[i], i), i);
        close(saved[i]);
    }
}

static void open_files(int files[STANDARD])
{
    for (int i = 0; i < STANDARD; i++) {
        char name[] = "/tmp/asyncio-test-XXXXXX";
        int file = mkstemp(name);
        CHECK(file >= 0);
        unlink(name);
        CHECK((files[i] = fcntl(file, F_DUPFD_CLOEXEC, FIRST_FREE)) >= 0);
        close(file);
    }
}

static void close_files(const int files[STANDARD])
{
    for (int i = 0; i < STANDARD; i++)
        close(files[i]);
}

/* Puts text into a file, which is read from its beginning. */
static void fill_file(int file, const char *text)
{
    CHECK_EQ(ftruncate(file, 0), 0);
    CHECK_EQ(pwrite(file, text, strlen(text), 0), strlen(text));
    CHECK_EQ(lseek(file, 0, SEEK_SET), 0);
}

static void check_file(int file, const char *expected)
{
    char text[64] = "";
    CHECK(pread(file, text, sizeof text - 1, 0) >= 0);
    CHECK_STR(text, expected);
}

static const char copies_input[] = "printf 'got %s' \"$(cat)\"; printf err >&2";

/* ---- standard descriptors that are closed ---------------------------------------------------- */

/* Bit i of closed: descriptor i is closed. Returns 0 or the error. */
static int start_with_closed(unsigned closed)
{
    int saved[STANDARD], result;
    async_auto_output output = {0};
    save_standard(saved);
    for (int i = 0; i < STANDARD; i++)
        if ((closed >> i & 1) != 0)
            close(i);
    result = async_run_process(NULL, NULL, "true");
    if (result == 0) {
        async_auto_wait_process *process = NULL;
        result = async_create_subprocess_shell(&process, &all_pipes, copies_input);
        if (result == 0)
            result = async_process_communicate(process, "input", 5, &output);
    }
    restore_standard(saved);
    ASYNC_TRY(result);
    CHECK_STR(output.out, "got input");
    CHECK_STR(output.err, "err");
    return 0;
}

LOOP_TEST(process_starts_with_any_of_0_1_2_closed_in_its_parent)
{
    for (unsigned closed = 0; closed < 1 << STANDARD; closed++)
        CHECK_EQ(start_with_closed(closed), 0);
    return 0;
}

LOOP_TEST(process_has_no_standard_descriptor_for_its_pidfd)
{
    int saved[STANDARD];
    async_auto_wait_process *process = NULL;
    CHECK_EQ(async_run_process(NULL, NULL, "true"), 0); /* the first start opens a pipe before */
    save_standard(saved);
    close(0);
    int result = async_create_subprocess_exec(&process, NULL, "sleep", "1000");
    int pidfd = result == 0 ? async_process_fd(process) : -1;
    restore_standard(saved);
    CHECK_EQ(result, 0);
    CHECK(pidfd > STDERR_FILENO);
    return 0;
}

LOOP_TEST(process_of_a_program_that_is_missing_fails_with_0_and_1_closed)
{
    int saved[STANDARD];
    async_process *process;
    save_standard(saved);
    close(0);
    close(1);
    int result = async_create_subprocess_exec(&process, &all_pipes, "/no/such/program");
    restore_standard(saved);
    CHECK_EQ(result, -ENOENT);
    return 0;
}

LOOP_TEST(process_does_not_inherit_what_took_the_place_of_a_closed_standard_descriptor)
{
    int saved[STANDARD];
    async_process *first = NULL;
    save_standard(saved);
    close(0);
    int started = async_create_subprocess_shell(&first, &all_pipes, "cat");
    int result = run_shell(NULL, "test ! -e /proc/$$/fd/0");
    async_process_free_wait(first);
    restore_standard(saved);
    CHECK_EQ(started, 0);
    CHECK_EQ(result, 0);
    return 0;
}

/* ---- exchanged ------------------------------------------------------------------------------ */

/*
 * Our 0, 1 and 2 are three files, and in, out and err of a process are three of our descriptors. As
 * an option 0 means the same descriptor as ours, so an exchanged 0 is duplicated.
 */
static void check_exchanged(const int numbers[STANDARD])
{
    int saved[STANDARD], files[STANDARD], given[STANDARD];
    open_files(files);
    fill_file(files[numbers[0]], "STDIN");
    save_standard(saved);
    for (int i = 0; i < STANDARD; i++)
        dup2(files[i], i);
    for (int i = 0; i < STANDARD; i++)
        given[i] = numbers[i] == 0 && i != 0 ? fcntl(0, F_DUPFD_CLOEXEC, STANDARD) : numbers[i];
    const async_process_options options = {.in = given[0], .out = given[1], .err = given[2]};
    int result = run_shell(&options, copies_input);
    restore_standard(saved);
    CHECK_EQ(result, 0);
    check_file(files[numbers[1]], "got STDIN");
    check_file(files[numbers[2]], "err");
    for (int i = 1; i < STANDARD; i++)
        if (numbers[i] == 0)
            close(given[i]);
    close_files(files);
}

LOOP_TEST(process_standard_descriptors_may_be_exchanged_in_every_way)
{
    static const int orders[][STANDARD] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                           {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++)
        check_exchanged(orders[i]);
    return 0;
}

LOOP_TEST(process_standard_descriptors_may_be_other_ones_in_every_order)
{
    int files[STANDARD];
    open_files(files);
    fill_file(files[1], "STDIN");
    const async_process_options options = {.in = files[1], .out = files[2], .err = files[0]};
    CHECK_EQ(run_shell(&options, copies_input), 0);
    check_file(files[2], "got STDIN");
    check_file(files[0], "err");
    close_files(files);
    return 0;
}

/* One of 0, 1 and 2 is closed. The other two become two of the child's, and are its only ones. */
static int start_from_two(int closed, const async_process_options *options, int read_from)
{
    int saved[STANDARD], files[STANDARD];
    open_files(files);
    if (read_from >= 0)
        fill_file(files[read_from], "in");
    save_standard(saved);
    for (int i = 0; i < STANDARD; i++)
        dup2(files[i], i);
    close(closed);
    int result = run_shell(options, read_from < 0      ? "printf out; printf err >&2"
                                    : options->out > 0 ? "cat"
                                                       : "cat >&2");
    restore_standard(saved);
    if (options->out > 0)
        check_file(files[options->out], read_from < 0 ? "out" : "in");
    if (options->err > 0)
        check_file(files[options->err], read_from < 0 ? "err" : "in");
    close_files(files);
    return result;
}

LOOP_TEST(process_standard_descriptors_may_be_exchanged_with_one_closed)
{
    CHECK_EQ(start_from_two(0, &(async_process_options){.out = 1, .err = 2}, -1), 0);
    CHECK_EQ(start_from_two(0, &(async_process_options){.out = 2, .err = 1}, -1), 0);
    CHECK_EQ(start_from_two(0, &(async_process_options){.in = 1, .out = 2}, 1), 0);
    CHECK_EQ(start_from_two(0, &(async_process_options){.in = 2, .err = 1}, 2), 0);
    CHECK_EQ(start_from_two(1, &(async_process_options){.out = 2}, 0), 0);
    CHECK_EQ(start_from_two(1, &(async_process_options){.err = 2}, 0), 0);
    CHECK_EQ(start_from_two(2, &(async_process_options){.out = 1}, 0), 0);
    CHECK_EQ(start_from_two(2, &(async_process_options){.err = 1}, 0), 0);
    return 0;
}

/* ---- used twice ----------------------------------------------------------------------------- */

LOOP_TEST(process_standard_descriptors_may_be_one)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    CHECK(fd >= 0);
    const async_process_options two[] = {{.in = fd, .out = fd},
                                         {.out = fd, .err = fd},
                                         {.in = fd, .err = fd},
                                         {.in = fd, .out = fd, .err = fd},
                                         {.out = fd, .err = ASYNC_STDOUT}};
    for (size_t i = 0; i < sizeof two / sizeof two[0]; i++)
        CHECK_EQ(run_shell(&two[i], "echo >&2"), 0);
    close(fd);
    return 0;
}

/* With descriptor 1 as a file: the text of it after a command. */
static void check_our_stdout(const async_process_options *options, const char *command,
                             const char *expected)
{
    int files[STANDARD], saved[STANDARD];
    open_files(files);
    save_standard(saved);
    dup2(files[1], 1);
    int result = run_shell(options, command);
    restore_standard(saved);
    CHECK_EQ(result, 0);
    check_file(files[1], expected);
    close_files(files);
}

LOOP_TEST(process_error_output_may_be_our_standard_output)
{
    check_our_stdout(NULL, "printf out", "out");
    check_our_stdout(&(async_process_options){.err = ASYNC_STDOUT}, "printf out; printf err >&2",
                     "outerr");
    check_our_stdout(&(async_process_options){.out = 1}, "printf out", "out");
    check_our_stdout(&(async_process_options){.out = ASYNC_DEVNULL, .err = 1},
                     "printf out; printf err >&2", "err");
    return 0;
}

/* ---- descriptors that stay open -------------------------------------------------------------- */

LOOP_TEST(process_keeps_a_descriptor_although_ours_is_closed_by_exec)
{
    char command[100];
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    const async_process_options options = {.keep_fds = &fd, .keep_fd_count = 1};
    snprintf(command, sizeof command, "test -e /proc/$$/fd/%d", fd);
    CHECK_EQ(run_shell(&options, command), 0);
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC); /* ours has it still */
    close(fd);
    return 0;
}

LOOP_TEST(process_keeps_descriptors_that_are_its_standard_streams_too)
{
    int ends[2];
    char command[160];
    CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
    const async_process_options options = {
        .in = ends[0], .out = ends[1], .err = ends[1], .keep_fds = ends, .keep_fd_count = 2};
    snprintf(command, sizeof command, "test -e /proc/$$/fd/%d && test -e /proc/$$/fd/%d", ends[0],
             ends[1]);
    CHECK_EQ(run_shell(&options, command), 0);
    close(ends[0]);
    close(ends[1]);
    return 0;
}

LOOP_TEST(process_descriptor_to_keep_must_be_open)
{
    async_process *process;
    const int fd = 999;
    const async_process_options options = {.keep_fds = &fd, .keep_fd_count = 1};
    CHECK_EQ(async_create_subprocess_exec(&process, &options, "true"), -EBADF);
    CHECK_STR(async_strerror(-EBADF), "-EBADF: options.keep_fds: descriptor 999 is not open");
    return 0;
}

LOOP_TEST(process_standard_stream_must_be_open)
{
    async_process *process;
    CHECK_EQ(async_create_subprocess_exec(&process, &(async_process_options){.out = 999}, "true"),
             -EBADF);
    CHECK_STR(async_strerror(-EBADF),
              "-EBADF: run true: set the standard streams: Bad file descriptor");
    return 0;
}

LOOP_TEST(process_inherits_no_descriptor_above_a_lowered_limit)
{
    struct rlimit before, low;
    char command[100];
    int high = fcntl(1, F_DUPFD, 200); /* without FD_CLOEXEC */
    CHECK(high >= 200);
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    low = (struct rlimit){.rlim_cur = 100, .rlim_max = before.rlim_max};
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
    snprintf(command, sizeof command, "test ! -e /proc/$$/fd/%d", high);
    CHECK_EQ(run_shell(NULL, command), 0);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    close(high);
    return 0;
}

LOOP_TEST(process_inherits_only_the_standard_descriptors)
{
    enum { MANY = 30 };
    int fds[MANY];
    async_auto_output output = {0};
    for (int i = 0; i < MANY; i++)
        CHECK((fds[i] = dup(1)) > 2);
    CHECK_EQ(async_run_process(NULL, &output, "ls", "/proc/self/fd"), 0);
    CHECK_STR(output.out, "0\n1\n2\n3\n"); /* 3 is the folder that ls reads */
    for (int i = 0; i < MANY; i++)
        close(fds[i]);
    return 0;
}
