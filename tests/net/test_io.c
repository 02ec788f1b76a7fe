/*
 * test_io.c: tasks that wait for descriptors and receive, cancelled and timed out, with their
 * buffers on their own stacks; and how virtual time behaves while the kernel may still bring
 * something.
 */
#include "run/trace.h"
#include "run/coroutines.h"
#include "run/sockets.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Each case has a pair of sockets. */
static int here, there;

static void open_sockets(int type)
{
    int ends[2];
    CHECK_EQ(socketpair(AF_UNIX, type, 0, ends), 0);
    here = ends[0];
    there = ends[1];
}

static int close_sockets(void)
{
    close(here);
    close(there);
    return 0;
}

/* Writes the received text, or the error, into the trace. */
static int note_receiving(int socket)
{
    char text[16];
    int result = async_recv(socket, text, sizeof text, 0);
    if (result < 0)
        note("%d", result);
    else
        note("'%.*s'", result, text);
    return 0;
}
async_fn(note_receiving, int);

static int note_readable(int fd)
{
    note("readable: %d", async_wait_readable(fd));
    return 0;
}
async_fn(note_readable, int);

static int note_writable(int fd)
{
    note("writable: %d", async_wait_writable(fd));
    return 0;
}
async_fn(note_writable, int);

/* ---- waiting -------------------------------------------------------------------------------- */

LOOP_TEST(io_recv_waits_for_data)
{
    open_sockets(SOCK_STREAM);
    async_task *receiver = async_create_task(note_receiving, here);
    CHECK_EQ(async_sleep(0), 0);
    CHECK(!async_task_done(receiver));
    send_text(there, "hello");
    CHECK_EQ(async_await(receiver), 0);
    CHECK_TRACE("'hello'");
    return close_sockets();
}

LOOP_TEST(io_recv_of_data_that_is_there_does_not_switch)
{
    char text[16];
    bool others_ran = false;
    open_sockets(SOCK_STREAM);
    send_text(there, "hello");
    async_task *other = async_create_task(set_flag, &others_ran);
    CHECK_EQ(async_recv(here, text, sizeof text, 0), 5);
    CHECK(!others_ran);
    close_sockets();
    return async_await(other);
}

LOOP_TEST(io_wait_ends_when_the_descriptor_is_ready)
{
    open_sockets(SOCK_STREAM);
    async_task *reader = async_create_task(note_readable, here);
    async_task *writer = async_create_task(note_writable, here);
    CHECK_EQ(async_await(writer), 0);
    CHECK(!async_task_done(reader));
    send_text(there, "x");
    CHECK_EQ(async_await(reader), 0);
    CHECK_TRACE("writable: 0 readable: 0");
    CHECK_EQ(bytes_to_receive(here), 1);
    return close_sockets();
}

LOOP_TEST(io_several_tasks_may_receive_from_one_socket)
{
    async_task *receivers[3];
    open_sockets(SOCK_DGRAM);
    for (int i = 0; i < 3; i++)
        receivers[i] = async_create_task(note_receiving, here);
    CHECK_EQ(async_sleep(0), 0);
    for (int i = 0; i < 3; i++)
        send_text(there, "x");
    CHECK_EQ(async_gather_n(receivers, 3, NULL, ASYNC_FIRST_ERROR), 0);
    CHECK_TRACE("'x' 'x' 'x'");
    return close_sockets();
}

LOOP_TEST(io_recv_gives_0_when_the_other_end_is_closed)
{
    open_sockets(SOCK_STREAM);
    async_task *receiver = async_create_task(note_receiving, here);
    CHECK_EQ(async_sleep(0), 0);
    close(there);
    CHECK_EQ(async_await(receiver), 0);
    CHECK_EQ(async_wait_readable(here), 0);
    CHECK_TRACE("''");
    close(here);
    return 0;
}

LOOP_TEST(io_recv_gives_the_error_of_a_connection_that_was_reset)
{
    open_sockets(SOCK_STREAM);
    async_task *receiver = async_create_task(note_receiving, here);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(write(here, "unread", 6), 6);
    close(there);
    CHECK_EQ(async_await(receiver), 0);
    char expected[16];
    snprintf(expected, sizeof expected, "%d", -ECONNRESET);
    CHECK_TRACE(expected);
    close(here);
    return 0;
}

LOOP_TEST(io_calls_refuse_invalid_arguments)
{
    char text[4];
    open_sockets(SOCK_STREAM);
    close_sockets();
    CHECK_EQ(async_wait_readable(here), -EBADF);
    CHECK_EQ(async_wait_writable(here), -EBADF);
    CHECK_EQ(async_recv(here, text, sizeof text, 0), -EBADF);
    CHECK_EQ(async_wait_readable(-1), -EBADF);
    CHECK_EQ(async_wait_writable(-1), -EBADF);
    CHECK_EQ(async_recv(-1, text, sizeof text, 0), -EBADF);
    CHECK_EQ(async_recv(here, NULL, 4, 0), -EINVAL);
    CHECK_EQ(async_recv(here, text, sizeof text, MSG_WAITALL), -EINVAL);
    CHECK(async_time() == 0);
    return 0;
}

LOOP_TEST(io_wait_for_a_regular_file_is_over_at_once)
{
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    CHECK(file >= 0);
    CHECK_EQ(async_wait_readable(file), 0);
    CHECK_EQ(async_wait_writable(file), 0);
    close(file);
    return 0;
}

/* ---- cancelled ------------------------------------------------------------------------------ */

LOOP_TEST(io_recv_that_is_cancelled_has_received_nothing)
{
    open_sockets(SOCK_STREAM);
    for (int turns = 0; turns < 3;
         turns++) { /* before it began; before and after the submission to the kernel */
        async_task *receiver = async_create_task(note_receiving, here);
        for (int i = 0; i < turns; i++)
            CHECK_EQ(async_sleep(0), 0);
        CHECK(async_task_cancel(receiver));
        CHECK_EQ(async_await(receiver), 0);
    }
    CHECK_TRACE("-125 -125 -125");
    send_text(there, "late");
    CHECK_EQ(note_receiving(here), 0);
    CHECK_TRACE("'late'");
    return close_sockets();
}

LOOP_TEST(io_calls_of_a_cancelled_task_have_no_effect)
{
    open_sockets(SOCK_STREAM);
    send_text(there, "data");
    async_task *tasks[] = {async_create_task(note_receiving, here),
                           async_create_task(note_readable, here),
                           async_create_task(note_writable, here)};
    for (int i = 0; i < 3; i++)
        CHECK(async_task_cancel(tasks[i]));
    CHECK_EQ(async_gather_n(tasks, 3, NULL, ASYNC_FIRST_ERROR), 0);
    CHECK_TRACE("-125 readable: -125 writable: -125");
    CHECK_EQ(bytes_to_receive(here), 4);
    return close_sockets();
}

enum { PATTERN = 0x5c };

static int receive_on_the_stack(void)
{
    unsigned char buffer[4000];
    CHECK_EQ(async_recv(here, buffer, sizeof buffer, 0), -ECANCELED);
    return 0;
}
async_fn(receive_on_the_stack);

/* On the stack where the other task's buffer was, while its data comes. */
static int keep_a_pattern(void)
{
    volatile unsigned char pattern[8000];
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = PATTERN;
    send_text(there, "too late for whoever waited");
    CHECK_EQ(async_wait_readable(here), 0);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(async_sleep(0), 0);
    for (size_t i = 0; i < sizeof pattern; i++)
        CHECK_EQ(pattern[i], PATTERN);
    return 0;
}
async_fn(keep_a_pattern);

/* The hardest guarantee: a buffer that was given to the kernel is unused before the task ends. */
LOOP_TEST(io_recv_that_was_cancelled_leaves_the_stack_to_others)
{
    open_sockets(SOCK_STREAM);
    for (int turns = 1; turns < 4; turns++) {
        async_task *receiver = async_create_task(receive_on_the_stack);
        for (int i = 0; i < turns; i++)
            CHECK_EQ(async_sleep(0), 0);
        CHECK(async_task_cancel(receiver));
        CHECK_EQ(async_await(receiver), 0);
        CHECK_EQ(async_await(async_create_task(keep_a_pattern)), 0);
        CHECK_EQ(note_receiving(here), 0);
        CHECK_EQ(note_receiving(here), 0);
        CHECK_TRACE("'too late for who' 'ever waited'");
    }
    return close_sockets();
}

LOOP_TEST(io_socket_can_be_closed_after_its_task_was_cancelled)
{
    char byte;
    open_sockets(SOCK_STREAM);
    async_task *receiver = async_create_task(note_receiving, here);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(async_sleep(0), 0);
    async_task_cancel(receiver);
    CHECK_EQ(async_await(receiver), 0);
    close(here);
    CHECK_EQ(recv(there, &byte, 1, MSG_DONTWAIT), 0); /* the end, not EAGAIN */
    close(there);
    return 0;
}

/* Receives consecutive bytes however often it is cancelled, until the end. */
static int receive_consecutive(int *received)
{
    for (;;) {
        unsigned char bytes[7];
        int count = async_recv(here, bytes, sizeof bytes, 0);
        if (count == 0)
            return 0;
        CHECK(count >= 0 || count == -ECANCELED);
        if (count < 0)
            async_task_uncancel(async_current_task());
        for (int i = 0; i < count; i++)
            CHECK_EQ(bytes[i], (unsigned char)(*received)++);
    }
}
async_fn(receive_consecutive, int *);

LOOP_TEST(io_recv_under_random_cancellation_loses_nothing)
{
    unsigned short random[3] = {5, 7, 7};
    int sent = 0, received = 0;
    open_sockets(SOCK_STREAM);
    async_task *receiver = async_create_task(receive_consecutive, &received);
    for (int i = 0; i < 5000; i++) {
        int what = (int)(nrand48(random) % 4), unread = sent - received;
        for (long count = nrand48(random) % 20; what == 0 && unread < 100 && count > 0;
             count--, sent++)
            CHECK_EQ(write(there, &(unsigned char){(unsigned char)sent}, 1), 1);
        if (what == 1 && async_task_cancelling(receiver) == 0)
            async_task_cancel(receiver);
        if (what >= 2)
            CHECK_EQ(async_sleep(0), 0);
    }
    shutdown(there, SHUT_WR);
    CHECK_EQ(async_await(receiver), 0);
    CHECK(sent > 1000);
    CHECK_EQ(received, sent);
    return close_sockets();
}

/* ---- many ----------------------------------------------------------------------------------- */

enum { THOUSAND = 1000 };

static int count_when_readable(int fd, int *count)
{
    ASYNC_TRY(async_wait_readable(fd));
    ++*count;
    return 0;
}
async_fn(count_when_readable, int, int *);

/* The first half becomes ready one by one, the rest is cancelled at once. */
LOOP_TEST(io_a_thousand_tasks_wait_for_a_thousand_descriptors)
{
    static int fds[THOUSAND];
    static async_task *tasks[THOUSAND];
    int count = 0, results[THOUSAND];
    struct rlimit limit;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (int i = 0; i < THOUSAND; i++) {
        fds[i] = eventfd(0, 0);
        if (fds[i] < 0)
            test_skip("this process may not have a thousand descriptors");
        tasks[i] = async_create_task(count_when_readable, fds[i], &count);
    }
    CHECK_EQ(async_sleep(0), 0);
    for (int i = 0; i < THOUSAND / 2; i++) {
        CHECK_EQ(write(fds[i], &(uint64_t){1}, 8), 8);
        CHECK_EQ(async_await(async_task_ref(tasks[i])), 0);
        CHECK_EQ(count, i + 1);
    }
    for (int i = THOUSAND / 2; i < THOUSAND; i++)
        CHECK(async_task_cancel(tasks[i]));
    CHECK_EQ(async_gather_n(tasks, THOUSAND, results, ASYNC_RETURN_EXCEPTIONS), 0);
    for (int i = 0; i < THOUSAND; i++) {
        CHECK_EQ(results[i], i < THOUSAND / 2 ? 0 : -ECANCELED);
        close(fds[i]);
    }
    return 0;
}

/* ---- time ----------------------------------------------------------------------------------- */

static double real_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/*
 * The answer may be on its way: virtual time waits for it as long in real time. How much longer is
 * not checked.
 */
LOOP_TEST(io_time_jumps_past_an_operation_only_after_as_much_real_time)
{
    char text[4];
    open_sockets(SOCK_STREAM);
    double begun = real_time();
    CHECK_EQ(async_timeout(0.01, async_recv(here, text, sizeof text, 0)), -ETIMEDOUT);
    CHECK(async_time() == (double)0.01);
    CHECK(real_time() - begun >= 0.01);
    return close_sockets();
}

static void *send_from_this_thread(void *unused)
{
    send_text(there, "soon");
    return unused;
}

LOOP_TEST(io_time_stands_still_when_the_answer_comes)
{
    pthread_t thread;
    open_sockets(SOCK_STREAM);
    async_task *sleeper = async_create_task(note_readable, there);
    CHECK_EQ(pthread_create(&thread, NULL, send_from_this_thread, NULL), 0);
    CHECK_EQ(async_timeout(1000, note_receiving(here)), 0);
    CHECK(async_time() == 0);
    CHECK_TRACE("'soon'");
    async_task_cancel(sleeper);
    CHECK_EQ(async_await(sleeper), 0);
    pthread_join(thread, NULL);
    return close_sockets();
}

static void ignore_signal(int number)
{
    (void)number;
}

/* Events that end a wait early. */
static void *interrupt_and_send(void *thread)
{
    for (int i = 0; i < 200; i++) {
        pthread_kill(*(pthread_t *)thread, SIGUSR1);
        sched_yield();
    }
    return send_from_this_thread(NULL);
}

LOOP_TEST(io_time_stands_still_when_a_signal_interrupts_the_wait)
{
    pthread_t thread, self = pthread_self();
    open_sockets(SOCK_STREAM);
    sigaction(SIGUSR1, &(struct sigaction){.sa_handler = ignore_signal, .sa_flags = SA_ONSTACK},
              NULL);
    CHECK_EQ(pthread_create(&thread, NULL, interrupt_and_send, &self), 0);
    CHECK_EQ(async_timeout(1000, note_receiving(here)), 0);
    CHECK_TRACE("'soon'");
    CHECK(async_time() == 0);
    pthread_join(thread, NULL);
    return close_sockets();
}

/* It would take a week if the operation still counted. */
LOOP_TEST(io_time_jumps_again_when_the_operation_is_over)
{
    open_sockets(SOCK_STREAM);
    async_task *receiver = async_create_task(note_receiving, here);
    CHECK_EQ(async_sleep(0), 0);
    async_task_cancel(receiver);
    CHECK_EQ(async_await(receiver), 0);
    CHECK_EQ(async_sleep(7 * 24 * 3600), 0);
    CHECK(async_time() == 7 * 24 * 3600);
    return close_sockets();
}

LOOP_TEST(io_timeout_leaves_the_socket_to_the_next_call)
{
    open_sockets(SOCK_STREAM);
    CHECK_EQ(async_timeout(0.0001, async_wait_readable(here)), -ETIMEDOUT);
    CHECK_EQ(async_timeout(0, async_wait_readable(here)), -ETIMEDOUT);
    send_text(there, "still there");
    CHECK_EQ(async_timeout(1000, note_receiving(here)), 0);
    CHECK_TRACE("'still there'");
    return close_sockets();
}

/* ---- other threads -------------------------------------------------------------------------- */

static void send_in_a_callback(void *text)
{
    send_text(there, text);
}

/* A program does this where Python has add_signal_handler. */
LOOP_TEST(io_wait_ends_when_a_signalfd_has_a_signal)
{
    sigset_t set, before;
    struct signalfd_siginfo signal;
    CHECK_EQ(sigemptyset(&set) | sigaddset(&set, SIGTERM), 0);
    CHECK_EQ(pthread_sigmask(SIG_BLOCK, &set, &before), 0);
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    async_task *waiter = async_create_task(note_readable, fd);
    CHECK_EQ(async_sleep(0.01), 0);
    CHECK(!async_task_done(waiter));
    CHECK_EQ(raise(SIGTERM), 0);
    CHECK_EQ(async_await(waiter), 0);
    CHECK_TRACE("readable: 0");
    CHECK_EQ(read(fd, &signal, sizeof signal), (int)sizeof signal);
    CHECK_EQ(signal.ssi_signo, SIGTERM);
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
    return async_close(fd);
}

static void *call_the_loop(void *loop)
{
    CHECK_EQ(async_call_soon_threadsafe(loop, send_in_a_callback, "from afar"), 0);
    return NULL;
}

/* Nothing else could end the wait. */
static int be_woken_by_another_thread(void)
{
    pthread_t thread;
    open_sockets(SOCK_STREAM);
    CHECK_EQ(pthread_create(&thread, NULL, call_the_loop, async_get_loop()), 0);
    CHECK_EQ(note_receiving(here), 0);
    CHECK_TRACE("'from afar'");
    pthread_join(thread, NULL);
    return close_sockets();
}

LOOP_TEST(io_wait_is_ended_by_a_call_from_another_thread)
{
    return be_woken_by_another_thread();
}

REAL_LOOP_TEST(io_wait_is_ended_by_a_call_from_another_thread_in_real_time)
{
    return be_woken_by_another_thread();
}
