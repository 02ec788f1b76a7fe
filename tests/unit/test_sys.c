/*
 * test_sys.c: system calls (src/sys) whose failure the other tests do not reach: the end of a
 * process by a signal, yielding, and the names of network interfaces.
 */
#include "sys/assert.h"
#include "sys/report.h"
#include "sys/signals.h"
#include "sys/socket.h"
#include "sys/thread.h"
#include "net/address.h"
#include "run/faults.h"
#include "run/runner.h"

#include <net/if.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static struct fault_record record;

static void fail_first_call(enum fault_site site, int result)
{
    if (!ASYNC_CHECKS)
        test_skip("a build without checks lets no call fail");
    faults_begin(&(struct fault){.site = (int)site, .result = result, .first = 1, .last = 1},
                 &record);
}

static void ignore_signal(int number)
{
    (void)number;
}

/* The signal that ends a child that restores the default action of SIGTERM and raises it. */
static int ending_signal(void)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0});
        signal(SIGABRT, SIG_DFL);
        signal(SIGTERM, ignore_signal);
        asyncp_sys_signal_default(SIGTERM);
        asyncp_sys_raise(SIGTERM);
        _exit(0);
    }
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

TEST(sys_default_action_of_a_signal_ends_the_process)
{
    CHECK_EQ(ending_signal(), SIGTERM);
}

TEST(sys_process_aborts_if_the_default_action_is_refused)
{
    fail_first_call(SITE_SIGNAL_DEFAULT, -EPERM);
    CHECK_EQ(ending_signal(), SIGABRT);
    faults_end();
}

TEST(sys_process_aborts_if_raise_is_refused)
{
    fail_first_call(SITE_RAISE, -EPERM);
    CHECK_EQ(ending_signal(), SIGABRT);
    faults_end();
}

TEST(sys_yield_may_fail)
{
    fail_first_call(SITE_YIELD, -EPERM);
    asyncp_sys_yield();
    asyncp_sys_yield();
    CHECK_EQ(record.calls[SITE_YIELD], 2);
    CHECK_EQ(record.injected, 1);
    faults_end();
}

/* The text of a link-local address on the loopback interface. */
static const char *loopback_text(void)
{
    static char text[128];
    struct sockaddr_in6 address = {.sin6_family = AF_INET6,
                                   .sin6_port = htons(80),
                                   .sin6_addr = {{{0xfe, 0x80, [15] = 1}}},
                                   .sin6_scope_id = asyncp_sys_interface_index("lo")};
    asyncp_address_text((const struct sockaddr *)&address, sizeof address, text, sizeof text);
    return text;
}

TEST(sys_interface_is_part_of_a_link_local_address)
{
    char name[IF_NAMESIZE];
    unsigned index = asyncp_sys_interface_index("lo");
    if (index == 0)
        test_skip("there is no interface lo");
    CHECK_EQ(asyncp_sys_interface_name(index, name), 0);
    CHECK_STR(name, "lo");
    CHECK_STR(loopback_text(), "[fe80::1%lo]:80");
    CHECK_EQ(asyncp_sys_interface_index("no interface"), 0);
    CHECK(asyncp_sys_interface_name(UINT32_MAX, name) < 0);
}

TEST(sys_interface_that_has_no_name_now_is_left_out)
{
    if (asyncp_sys_interface_index("lo") == 0)
        test_skip("there is no interface lo");
    fail_first_call(SITE_INTERFACE_NAME, -EMFILE);
    CHECK_STR(loopback_text(), "[fe80::1]:80");
    faults_end();
    fail_first_call(SITE_INTERFACE_INDEX, -EMFILE);
    CHECK_EQ(asyncp_sys_interface_index("lo"), 0);
    faults_end();
}

static void waits_for_ever(void)
{
    for (;;)
        pause();
}

/* The child has no alarm of the test. */
TEST(sys_an_abort_does_not_wait_for_ever)
{
    sigset_t before;
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0});
        signal(SIGABRT, SIG_DFL);
        asyncp_sys_block_signals(&before);
        asyncp_before_abort(waits_for_ever, 1);
        asyncp_misuse("this is no mistake");
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGABRT);
}

static jmp_buf before_misuse;
static volatile sig_atomic_t alarms;

static void counts_alarm(int number)
{
    (void)number;
    alarms++;
}

static void leaves(const char *message, void *context)
{
    (void)message, (void)context;
    longjmp(before_misuse, 1);
}

static void returns_at_once(void)
{
    struct itimerval timer;
    CHECK_EQ(getitimer(ITIMER_REAL, &timer), 0);
    CHECK(timer.it_value.tv_sec < 60); /* the limit is set now */
}

static void abort_is_left(void)
{
    async_set_misuse_handler(leaves, NULL);
    asyncp_before_abort(returns_at_once, 50);
    if (setjmp(before_misuse) == 0)
        asyncp_misuse("this is no mistake");
}

/* What the program has for SIGALRM is there again: timer, mask, a signal that waits, and action. */
static void has_an_alarm_of_its_own(void)
{
    const struct itimerval wanted = {.it_value = {.tv_sec = 1000}, .it_interval = {.tv_sec = 7}};
    struct itimerval timer;
    struct sigaction action;
    sigset_t only, mask;
    sigemptyset(&only);
    sigaddset(&only, SIGALRM);
    CHECK(signal(SIGALRM, counts_alarm) != SIG_ERR);
    CHECK_EQ(sigprocmask(SIG_BLOCK, &only, NULL), 0);
    CHECK_EQ(setitimer(ITIMER_REAL, &wanted, NULL), 0);
    CHECK_EQ(raise(SIGALRM), 0);
    abort_is_left();
    CHECK_EQ(getitimer(ITIMER_REAL, &timer), 0);
    CHECK(timer.it_value.tv_sec > 500);
    CHECK_EQ(timer.it_interval.tv_sec, 7);
    CHECK_EQ(sigprocmask(SIG_BLOCK, NULL, &mask), 0);
    CHECK(sigismember(&mask, SIGALRM) == 1);
    CHECK_EQ(alarms, 0);
    CHECK_EQ(sigaction(SIGALRM, NULL, &action), 0);
    CHECK(action.sa_handler == counts_alarm);
    CHECK_EQ(sigprocmask(SIG_UNBLOCK, &only, NULL), 0);
    CHECK_EQ(alarms, 1);
}

TEST(sys_an_abort_that_is_left_restores_the_alarm_of_the_program)
{
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        has_an_alarm_of_its_own();
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
}
