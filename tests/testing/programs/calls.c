/*
 * calls.c: what async_test_fail_system_calls promises, and the library under it: each system call
 * that these coroutines make fails once, with each of its errors.
 */
#define _GNU_SOURCE
#include <asyncio/test.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- which calls count ---------------------------------------------------------------------- */

static int make_no_call(void)
{
    return getpid() > 0 ? 0 : -EIO;
}
async_fn(make_no_call);

/* Neither the kit's calls at the begin and the end nor those that cannot fail. */
ASYNC_TEST(call_of_the_kit_does_not_count)
{
    int polls = async_test_fail_system_calls(NULL, make_no_call);
    ASYNC_CHECK(polls >= 0 && polls <= 2); /* of the loop */
    return 0;
}

/* As libc does it, and without libc. */
static int open_twice(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), error = errno;
    if (fd < 0)
        return -error;
    long raw = syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC, 0);
    error = errno;
    if (raw >= 0)
        close((int)raw);
    close(fd);
    return raw < 0 ? -error : 0;
}
async_fn(open_twice);

ASYNC_TEST(call_of_libc_and_raw_one_count)
{
    int without = async_test_fail_system_calls(NULL, make_no_call);
    ASYNC_CHECK_EQ(async_test_fail_system_calls(NULL, open_twice), without + 2);
    return 0;
}

struct seen {
    int calls, emfile, eacces;
};

static int note_error(struct seen *seen)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), error = errno;
    seen->calls++;
    seen->emfile += fd < 0 && error == EMFILE;
    seen->eacces += fd < 0 && error == EACCES;
    if (fd >= 0)
        close(fd);
    return 0;
}
async_fn(note_error, struct seen *);

/* The runs are processes: what they count must be in memory that is shared. */
ASYNC_TEST(call_fails_with_each_of_its_errors_once)
{
    struct seen *seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                             -1, 0);
    ASYNC_CHECK(seen != MAP_FAILED);
    ASYNC_CHECK(async_test_fail_system_calls(NULL, note_error, seen) >= 1);
    ASYNC_CHECK_EQ(seen->emfile, 1);
    ASYNC_CHECK_EQ(seen->eacces, 1);
    ASYNC_CHECK(seen->calls >= 3);
    return munmap(seen, sizeof *seen);
}

static int use_every_kind(void)
{
    char byte = 'x';
    int fds[2], file = memfd_create("file", MFD_CLOEXEC);
    if (file < 0)
        return -errno;
    ssize_t moved = write(file, &byte, 1);
    int error = moved < 0 ? -errno : 0, result = pipe2(fds, O_CLOEXEC) != 0 ? -errno : 0;
    close(file);
    if (result < 0)
        return result;
    moved = write(fds[1], &byte, 1);
    ASYNC_CHECK(moved == 1 || errno == EPIPE);
    ASYNC_CHECK(moved != 1 || read(fds[0], &byte, 1) == 1); /* a read of a pipe does not fail */
    ASYNC_CHECK(error == 0 || error == -ENOSPC);
    close(fds[0]);
    close(fds[1]);
    return error;
}
async_fn(use_every_kind);

ASYNC_TEST(call_fails_as_its_descriptor_does)
{
    ASYNC_CHECK(async_test_fail_system_calls(NULL, use_every_kind) >= 4);
    return 0;
}

static void *open_and_close(void *result)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    *(int *)result = fd < 0 ? -errno : 0;
    if (fd >= 0)
        close(fd);
    return NULL;
}

/* libc makes the thread while all signals are blocked. */
static int open_on_a_thread(void)
{
    pthread_t thread;
    int result = 0, error = pthread_create(&thread, NULL, open_and_close, &result);
    if (error != 0)
        return -error;
    pthread_join(thread, NULL);
    ASYNC_CHECK_EQ(result, 0);
    return 0;
}
async_fn(open_on_a_thread);

ASYNC_TEST(call_of_another_thread_does_not_fail)
{
    ASYNC_CHECK(async_test_fail_system_calls(NULL, open_on_a_thread) >= 1);
    return 0;
}

static int fork_and_open(void)
{
    int status;
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    pid_t child = fork();
    int error = errno;
    if (child == 0)
        _exit(open("/dev/null", O_RDONLY | O_CLOEXEC) < 0 ? 1 : 0);
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (child < 0)
        return -error;
    ASYNC_CHECK_EQ(waitpid(child, &status, 0), child);
    ASYNC_CHECK_EQ(status, 0);
    return 0;
}
async_fn(fork_and_open);

ASYNC_TEST(call_of_a_child_does_not_fail)
{
    ASYNC_CHECK(async_test_fail_system_calls(NULL, fork_and_open) >= 1);
    return 0;
}

static int sleep_and_return(int result)
{
    ASYNC_TRY(async_sleep(1));
    return result;
}
async_fn(sleep_and_return, int);

/*
 * As connect_to_self of examples/testing/broken.c, which forgets a descriptor if accept fails; this
 * one forgets none.
 */
static int connect_to_self(int fds[3])
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    if ((fds[0] = socket(AF_INET, SOCK_STREAM, 0)) < 0 ||
        bind(fds[0], (struct sockaddr *)&address, size) != 0 || listen(fds[0], 1) != 0 ||
        getsockname(fds[0], (struct sockaddr *)&address, &size) != 0 ||
        (fds[1] = socket(AF_INET, SOCK_STREAM, 0)) < 0 ||
        connect(fds[1], (struct sockaddr *)&address, size) != 0 ||
        (fds[2] = accept(fds[0], NULL, NULL)) < 0)
        return -errno;
    return 0;
}

static int connect_and_close(void)
{
    int fds[3] = {-1, -1, -1}, result = connect_to_self(fds);
    for (int i = 0; i < 3; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    return result;
}
async_fn(connect_and_close);

ASYNC_TEST(call_sweep_passes_correct_code)
{
    ASYNC_CHECK(async_test_fail_system_calls(NULL, connect_and_close) >= 7);
    return 0;
}

/* ---- the library ---------------------------------------------------------------------------- */

ASYNC_TEST(call_of_a_timer)
{
    ASYNC_CHECK(async_test_fail_system_calls(NULL, sleep_and_return, 0) >= 0);
    return 0;
}

static int echo(async_stream *stream, void *unused)
{
    char bytes[64];
    int count;
    (void)unused;
    while ((count = async_stream_read(stream, bytes, sizeof bytes)) > 0)
        ASYNC_TRY(async_stream_write(stream, bytes, (size_t)count));
    return count;
}

static int talk(const char *host, int port)
{
    async_auto_stream *stream = NULL;
    char bytes[5];
    ASYNC_TRY(async_open_connection(&stream, host, port, NULL));
    ASYNC_TRY(async_stream_write(stream, "hello", 5));
    ASYNC_TRY(async_stream_write_eof(stream));
    ASYNC_TRY(async_stream_readexactly(stream, bytes, sizeof bytes));
    ASYNC_CHECK(memcmp(bytes, "hello", 5) == 0);
    return 0;
}

static int port_of(const async_server *server)
{
    struct sockaddr_in6 address; /* the port of IPv4 is at the same place */
    socklen_t size = sizeof address;
    int fd;
    ASYNC_CHECK(async_server_fds(server, &fd, 1) >= 1);
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        return -errno;
    return ntohs(address.sin6_port);
}

static int serve_and_talk(void)
{
    async_auto_wait_server *server = NULL;
    ASYNC_TRY(async_start_server(&server, echo, NULL, "127.0.0.1", 0, NULL));
    int port = port_of(server);
    return port < 0 ? port : talk("127.0.0.1", port);
}
async_fn(serve_and_talk);

ASYNC_TEST(call_of_a_server_and_its_client)
{
    ASYNC_CHECK(async_test_fail_system_calls(NULL, serve_and_talk) >= 15);
    return 0;
}

static int talk_through_a_pair(void)
{
    int fds[2];
    char byte = 'x';
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0)
        return -errno;
    int result = async_sendall(fds[0], &byte, 1, 0);
    if (result >= 0)
        result = async_recv(fds[1], &byte, 1, 0);
    async_close(fds[0]);
    async_close(fds[1]);
    return result;
}
async_fn(talk_through_a_pair);

ASYNC_TEST(call_of_a_pair_of_sockets)
{
    ASYNC_CHECK(async_test_fail_system_calls(NULL, talk_through_a_pair) >= 3);
    return 0;
}

static int talk_at_a_path(void)
{
    async_auto_wait_server *server = NULL;
    async_auto_stream *stream = NULL;
    char bytes[5], path[32];
    snprintf(path, sizeof path, "@asyncio-calls-%d", (int)getpid());
    ASYNC_TRY(async_start_unix_server(&server, echo, NULL, path, NULL));
    ASYNC_TRY(async_open_unix_connection(&stream, path, NULL));
    ASYNC_TRY(async_stream_write(stream, "hello", 5));
    return async_stream_readexactly(stream, bytes, sizeof bytes);
}
async_fn(talk_at_a_path);

ASYNC_TEST(call_of_a_server_at_a_path)
{
    ASYNC_CHECK(async_test_fail_system_calls(NULL, talk_at_a_path) >= 10);
    return 0;
}

/* A name may have several addresses, of which some fail. */
static int talk_by_name(void)
{
    async_auto_wait_server *server = NULL;
    ASYNC_TRY(async_start_server(&server, echo, NULL, "localhost", 0, NULL));
    int port = port_of(server);
    return port < 0 ? port : talk("localhost", port);
}
async_fn(talk_by_name);

ASYNC_TEST(call_of_a_server_with_a_name)
{
    ASYNC_CHECK(async_test_fail_system_calls(NULL, talk_by_name) >= 15);
    return 0;
}

/*
 * The program is one that fails if a call of its own fails. Most calls are made by the thread that
 * starts programs, and with a sanitizer no memory is asked for.
 */
static int run_program(void)
{
    async_auto_output output = {0};
    ASYNC_TRY(async_run_process(NULL, &output, "echo", "some", "words"));
    ASYNC_CHECK(output.out_size == strlen("some words\n"));
    return 0;
}
async_fn(run_program);

ASYNC_TEST(call_of_a_process_that_is_started)
{
    ASYNC_CHECK(async_test_fail_system_calls(NULL, run_program) >= 1);
    return 0;
}

/* A broken pipe to the process is no error, as in Python. */
static int sort_lines(void)
{
    static const async_process_options pipes = {.in = ASYNC_PIPE, .out = ASYNC_PIPE};
    async_auto_wait_process *process = NULL;
    async_auto_output output = {0};
    ASYNC_TRY(async_create_subprocess_exec(&process, &pipes, "sort"));
    int status = async_process_communicate(process, "b\na\n", 4, &output);
    ASYNC_CHECK(status != 0 || output.out_size == 0 || strcmp(output.out, "a\nb\n") == 0);
    return status;
}
async_fn(sort_lines);

ASYNC_TEST(call_of_a_process_with_pipes)
{
    ASYNC_CHECK(async_test_fail_system_calls(NULL, sort_lines) >= 1);
    return 0;
}

static int stop_shell(void)
{
    async_process_options options = {.own_session = true};
    async_auto_wait_process *process = NULL;
    ASYNC_TRY(async_create_subprocess_shell(&process, &options, "sleep 100"));
    return async_process_stop(process, 10);
}
async_fn(stop_shell);

ASYNC_TEST(call_of_a_process_that_is_stopped)
{
    ASYNC_CHECK(async_test_fail_system_calls(NULL, stop_shell) >= 1);
    return 0;
}

static int wait_for_signal(void)
{
    async_signals *signals;
    ASYNC_TRY(async_signals_new(&signals, SIGUSR1));
    raise(SIGUSR1);
    int number = async_signals_next(signals);
    async_signals_free(signals);
    return number;
}
async_fn(wait_for_signal);

ASYNC_TEST(call_of_a_signal)
{
    ASYNC_CHECK(async_test_fail_system_calls(NULL, wait_for_signal) >= 0);
    return 0;
}

static int add(int a, int b)
{
    return a + b;
}
async_fn(add, int, int);

static int add_on_threads(void)
{
    for (int i = 0; i < 3; i++) {
        int sum = async_to_thread(add, i, 1);
        ASYNC_CHECK(sum < 0 || sum == i + 1);
        ASYNC_TRY(sum);
    }
    return 0;
}
async_fn(add_on_threads);

ASYNC_TEST(call_of_a_job_on_a_thread)
{
    ASYNC_CHECK(async_test_fail_system_calls(NULL, add_on_threads) >= 1);
    return 0;
}

static int talk_in_memory(void)
{
    async_auto_stream *a = NULL, *b = NULL;
    char byte;
    ASYNC_TRY(async_test_pipe(&a, &b, NULL));
    ASYNC_TRY(async_stream_write(a, "x", 1));
    return async_stream_readexactly(b, &byte, 1);
}
async_fn(talk_in_memory);

ASYNC_TEST(call_of_streams_in_memory)
{
    ASYNC_CHECK(async_test_fail_system_calls(NULL, talk_in_memory) >= 2);
    return 0;
}

static int look_up(void)
{
    async_auto_addrinfo *list = NULL;
    ASYNC_TRY(async_getaddrinfo("localhost", "80", NULL, &list));
    ASYNC_CHECK(list != NULL);
    return 0;
}
async_fn(look_up);

ASYNC_TEST(call_of_a_name_that_is_resolved)
{
    ASYNC_CHECK(async_test_fail_system_calls(NULL, look_up) >= 1);
    return 0;
}

ASYNC_TEST_MAIN
