/*
 * test_server_shortage.c: servers without descriptors, without memory, and with accepts that fail:
 * how often they call accept, and when they go on.
 */
#include "run/faults.h"
#include "run/trace.h"
#include "run/streams.h"

#include <netinet/in.h>

/* From now on system calls are counted, and so many calls of accept fail. */
static struct fault_record *count_calls(int error, long failures)
{
    static struct fault_record record;
    if (!ASYNC_CHECKS)
        test_skip("a build without checks counts no calls");
    faults_begin(
        &(struct fault){.site = SITE_ACCEPT, .result = error, .first = 1, .last = failures},
        &record);
    return &record;
}

static void check_echo(async_stream *stream)
{
    char line[8];
    CHECK_EQ(async_stream_write(stream, "hello\n", 6), 0);
    CHECK_EQ(async_stream_readline(stream, line, sizeof line), 6);
    CHECK_STR(line, "hello\n");
}

/*
 * More clients than it accepts at a time: the kernel reports no new event, and nothing else
 * happens.
 */
LOOP_TEST(server_goes_on_after_many_failed_accepts)
{
    const async_server_options options = {.backlog = 2};
    async_auto_wait_server *server = NULL;
    CHECK_EQ(async_start_server(&server, serve_echo, NULL, "127.0.0.1", 0, &options), 0);
    CHECK_EQ(async_sleep(0), 0);
    count_calls(-ECONNABORTED, 9);
    async_auto_stream *client = new_client(server);
    check_echo(client);
    faults_end();
    return 0;
}

/* A client that the server has not noticed yet, because no task has switched. */
static async_stream *new_sudden_client(const async_server *server)
{
    async_stream *stream;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((in_port_t)async_server_port(server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_EQ(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    CHECK_EQ(async_stream_new(&stream, fd), 0);
    return stream;
}

static int sleep_long(void)
{
    return async_sleep(1000);
}
async_fn(sleep_long);

/* The timers' memory doubles from 64 on: at one of these counts the next timer needs memory. */
LOOP_TEST(server_without_descriptors_needs_no_memory_to_pause)
{
    enum { SLEEPERS = 66, FIRST = 60 };
    async_auto_wait_server *server = new_server(serve_echo, NULL);
    async_task *sleepers[SLEEPERS];
    for (int i = 0; i < SLEEPERS; i++) {
        sleepers[i] = async_create_task(sleep_long);
        CHECK_EQ(async_sleep(0), 0);
        if (i < FIRST)
            continue;
        struct fault_record *record = count_calls(-EMFILE, 1);
        async_auto_stream *client = new_sudden_client(server);
        test_allow_allocations(0);
        while (record->calls[SITE_ACCEPT] == 0)
            CHECK_EQ(async_sleep(0), 0);
        for (int turn = 0; turn < 3; turn++)
            CHECK_EQ(async_sleep(0), 0);
        test_allow_allocations(-1);
        CHECK(record->calls[SITE_ACCEPT] == 1);
        check_echo(client);
        faults_end();
    }
    for (int i = 0; i < SLEEPERS; i++) {
        async_task_cancel(sleepers[i]);
        CHECK_EQ(async_await(sleepers[i]), -ECANCELED);
    }
    return 0;
}

LOOP_TEST(server_without_descriptors_goes_on_as_soon_as_a_connection_ends)
{
    async_auto_wait_server *server = new_server(serve_echo, NULL);
    async_stream *client = new_client(server);
    check_echo(client);
    struct fault_record *record = count_calls(-ENFILE, 1);
    async_auto_stream *late = new_client(server);
    CHECK_EQ(async_sleep(0), 0);
    CHECK(record->calls[SITE_ACCEPT] == 1);
    double since = async_time();
    async_stream_close(client);
    check_echo(late);
    CHECK(async_time() == since);
    faults_end();
    return 0;
}

/* A filter that denies calls does so at once, and again. */
LOOP_TEST(server_that_may_not_accept_reports_it_once_and_retries_after_a_pause)
{
    static const int errors[] = {-EPERM, -ENOSYS, -EIO, -EACCES};
    for (int i = 0; i < 4; i++) {
        async_auto_wait_server *server = new_server(serve_echo, NULL);
        async_loop_set_exception_handler(async_get_loop(), note_exception, NULL);
        CHECK_EQ(async_sleep(0), 0);
        struct fault_record *record = count_calls(errors[i], 5);
        async_auto_stream *client = new_client(server);
        double since = async_time();
        check_echo(client);
        CHECK(async_time() - since >= 0.249 && async_time() - since < 0.251);
        CHECK(record->calls[SITE_ACCEPT] <= 7);
        faults_end();
    }
    CHECK_TRACE("-1 -38 -5 -13");
    return 0;
}

/* Errors of accept without end: no connection is behind them. */
LOOP_TEST(server_whose_accepts_all_fail_pauses)
{
    async_auto_wait_server *server = new_server(serve_echo, NULL);
    CHECK_EQ(async_sleep(0), 0);
    struct fault_record *record = count_calls(-EPROTO, 2500);
    async_auto_stream *client = new_client(server);
    double since = async_time();
    check_echo(client);
    CHECK(async_time() - since >= 0.099 && async_time() - since < 0.101);
    CHECK(record->calls[SITE_ACCEPT] <= 2502);
    faults_end();
    return 0;
}

LOOP_TEST(server_whose_socket_cannot_accept_is_closed)
{
    async_auto_wait_server *server = new_server(serve_echo, NULL);
    int fd;
    async_loop_set_exception_handler(async_get_loop(), note_exception, NULL);
    CHECK_EQ(async_server_fds(server, &fd, 1), 1);
    CHECK_EQ(shutdown(fd, SHUT_RD), 0); /* it listens no more */
    CHECK_EQ(async_server_serve_forever(server), 0);
    CHECK_TRACE("-22");
    return 0;
}

LOOP_TEST(server_s_backlog_is_a_number_or_the_default)
{
    async_server *server;
    const async_server_options options = {.backlog = -1};
    CHECK_EQ(async_start_server(&server, serve_echo, NULL, "127.0.0.1", 0, &options), -EINVAL);
    CHECK_EQ(async_start_unix_server(&server, serve_echo, NULL, "@libasyncio-none", &options),
             -EINVAL);
    return 0;
}
