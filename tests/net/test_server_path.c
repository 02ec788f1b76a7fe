/*
 * test_server_path.c: the path of a Unix server: which socket it replaces, the path after a start
 * that fails, and which socket a server removes when it stops.
 */
#include "run/faults.h"
#include "run/streams.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char folder[64], path[80];

/* An empty folder, and in it the path of the tests' sockets. */
static void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/libasyncio-path-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/socket", folder);
}

/* Fails if any other file than the path was left there. */
static void remove_folder(void)
{
    async_ignore(unlink(path));
    CHECK_EQ(rmdir(folder), 0);
}

static int say(async_stream *stream, void *name)
{
    return async_stream_write(stream, name, strlen(name));
}

static async_server *start(const char *name)
{
    async_server *server;
    CHECK_EQ(async_start_unix_server(&server, say, (void *)(uintptr_t)name, path, NULL), 0);
    return server;
}

/* The name of the server that answers there; "": none. */
static const char *who_answers(void)
{
    static char name[16];
    async_auto_stream *stream = NULL;
    if (async_open_unix_connection(&stream, path, NULL) < 0)
        return "";
    int size = async_stream_read(stream, name, sizeof name - 1);
    name[size > 0 ? size : 0] = 0;
    return name;
}

LOOP_TEST(server_path_belongs_to_the_one_that_took_it_over)
{
    make_folder();
    for (int first = 0; first < 2; first++) {
        async_server *servers[2] = {start("old")};
        CHECK_STR(who_answers(), "old");
        servers[1] = start("new");
        CHECK_STR(who_answers(), "new");
        async_server_free_wait(servers[first]);
        CHECK_STR(who_answers(), first == 0 ? "new" : "");
        async_server_free_wait(servers[1 - first]);
        CHECK_EQ(access(path, F_OK), -1);
    }
    remove_folder();
    return 0;
}

LOOP_TEST(server_path_goes_round_between_three_servers)
{
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    make_folder();
    for (int i = 0; i < 6; i++) {
        async_server *servers[3] = {start("a"), start("b"), start("c")};
        bool stopped = false;
        for (int j = 0; j < 3; j++) {
            CHECK_STR(who_answers(), stopped ? "" : "c");
            async_server_free_wait(servers[orders[i][j]]);
            stopped = stopped || orders[i][j] == 2;
        }
        CHECK_EQ(access(path, F_OK), -1);
    }
    remove_folder();
    return 0;
}

static int start_at_file(void)
{
    async_server *none;
    CHECK_EQ(async_start_unix_server(&none, say, "x", path, NULL), -EADDRINUSE);
    CHECK(strstr(async_strerror(-EADDRINUSE), "there is a file that is not a socket") != NULL);
    return 0;
}

LOOP_TEST(server_path_does_not_replace_a_file_that_is_no_socket)
{
    struct stat before, after;
    char target[80];
    make_folder();
    snprintf(target, sizeof target, "%s/target", folder);
    for (int kind = 0; kind < 3; kind++) {
        async_server *server = NULL;
        if (kind == 0)
            close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        else if (kind == 1)
            CHECK_EQ(mkdir(path, 0700), 0);
        else { /* not even if it leads to a socket */
            CHECK_EQ(async_start_unix_server(&server, say, "x", target, NULL), 0);
            CHECK_EQ(symlink("target", path), 0);
        }
        CHECK_EQ(lstat(path, &before), 0);
        async_ignore(start_at_file());
        CHECK_EQ(lstat(path, &after), 0);
        CHECK(before.st_ino == after.st_ino);
        CHECK_EQ(kind == 1 ? rmdir(path) : unlink(path), 0);
        async_server_free_wait(server);
    }
    remove_folder();
    return 0;
}

LOOP_TEST(server_path_that_has_become_a_file_stays)
{
    struct stat status;
    make_folder();
    async_server *server = start("x");
    CHECK_EQ(unlink(path), 0);
    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    async_server_free_wait(server);
    CHECK_EQ(lstat(path, &status), 0);
    CHECK(S_ISREG(status.st_mode));
    remove_folder();
    return 0;
}

LOOP_TEST(server_path_is_kept_with_keep_path)
{
    const async_server_options options = {.keep_path = true};
    async_server *server;
    make_folder();
    CHECK_EQ(async_start_unix_server(&server, say, "x", path, &options), 0);
    async_server_free_wait(server);
    CHECK_EQ(access(path, F_OK), 0);
    CHECK_STR(who_answers(), "");
    server = start("y"); /* replaces the socket that was left */
    CHECK_STR(who_answers(), "y");
    async_server_free_wait(server);
    remove_folder();
    return 0;
}

LOOP_TEST(server_path_that_is_relative_stays_in_its_folder)
{
    async_server *server;
    make_folder();
    int before = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(before >= 0);
    CHECK_EQ(chdir(folder), 0);
    CHECK_EQ(async_start_unix_server(&server, say, "x", "socket", NULL), 0);
    CHECK_STR(who_answers(), "x");
    CHECK_EQ(chdir("/"), 0);
    async_server_free_wait(server);
    CHECK_EQ(access(path, F_OK), -1);
    CHECK_EQ(fchdir(before), 0);
    close(before);
    remove_folder();
    return 0;
}

/* ---- starts that fail ----------------------------------------------------------------------- */

/* Has one call of the start of another server fail; the first one must not notice. */
static void fail_to_start(int site, int error, long number)
{
    struct fault_record record;
    async_server *other = NULL;
    faults_begin(&(struct fault){.site = site, .result = error, .first = number, .last = number},
                 &record);
    int result = async_start_unix_server(&other, say, "new", path, NULL);
    faults_end();
    CHECK(result < 0 || record.injected == 0 || site == SITE_UNLINK);
    CHECK(result == 0 || result == error);
    CHECK_STR(who_answers(), result < 0 ? "old" : "new");
    async_server_free_wait(other);
}

/* A number beyond the calls leaves the start a success. */
LOOP_TEST(server_path_stays_with_its_server_if_a_start_fails)
{
    static const struct {
        int site, error;
    } faults[] = {{SITE_ALLOCATE, -ENOMEM}, {SITE_SOCKET, -EMFILE}, {SITE_STAT, -EIO},
                  {SITE_RENAME, -EACCES},   {SITE_BIND, -EROFS},    {SITE_LISTEN, -EADDRINUSE},
                  {SITE_EPOLL_CTL, -ENOMEM}};
    if (!ASYNC_CHECKS)
        test_skip("a build without checks lets no call fail");
    make_folder();
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        for (long number = 1; number < 6; number++) {
            async_server *server = start("old");
            fail_to_start(faults[i].site, faults[i].error, number);
            async_server_free_wait(server);
            async_ignore(unlink(path)); /* a server that cannot examine its path leaves it */
        }
    remove_folder();
    return 0;
}

/* ---- two processes -------------------------------------------------------------------------- */

static int serve_until_told(const char *name, int order, int answer)
{
    async_auto_wait_server *server = start(name);
    CHECK_EQ(write(answer, "", 1), 1);
    return async_wait_readable(order);
}
async_fn(serve_until_told, const char *, int, int);

static int serve_in_child(const char *name, int order, int answer)
{
    return async_run(serve_until_told, name, order, answer) < 0;
}

/* A process that serves there until something comes from its input; returns once it does. */
static pid_t new_process(const char *name, int *input)
{
    int orders[2], answers[2];
    char byte = 0;
    CHECK_EQ(pipe2(orders, O_CLOEXEC), 0);
    CHECK_EQ(pipe2(answers, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        close(orders[1]);
        _exit(serve_in_child(name, orders[0], answers[1]));
    }
    close(orders[0]);
    close(answers[1]);
    CHECK_EQ(read(answers[0], &byte, 1), 1);
    close(answers[0]);
    *input = orders[1];
    return child;
}

static void stop_process(pid_t child, int input)
{
    int status;
    signal(SIGPIPE, SIG_IGN); /* a child that failed has closed the pipe: a failed check */
    CHECK_EQ(write(input, "", 1), 1);
    close(input);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

static const char *answer_there;

static int ask(void)
{
    answer_there = who_answers();
    return 0;
}
async_fn(ask);

TEST_EACH_BACKEND(server_path_belongs_to_the_process_that_took_it_over)
{
    make_folder();
    for (int first = 0; first < 2; first++) {
        int inputs[2];
        pid_t children[2];
        children[0] = new_process("old", &inputs[0]);
        children[1] = new_process("new", &inputs[1]);
        stop_process(children[first], inputs[first]);
        CHECK_EQ(async_run_with(test_options(), ask), 0);
        CHECK_STR(answer_there, first == 0 ? "new" : "");
        stop_process(children[1 - first], inputs[1 - first]);
        CHECK_EQ(access(path, F_OK), -1);
    }
    remove_folder();
}
