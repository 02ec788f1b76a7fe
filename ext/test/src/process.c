/*
 * process.c: the child processes of the kit: each has an output of its own, a time limit, and an
 * end without exit handlers; and the comparison of open descriptors.
 */
#include "kit.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    DEFAULT_LIMIT = 20,   /* seconds */
    REPORT_SECONDS = 3,   /* past the limit, for the report: the machine may be busy */
    GRACE = 2,            /* seconds past that before a child is killed from outside */
    CHECK_MS = 20,        /* between two looks at a child and its output, which grows meanwhile */
    MAX_OUTPUT = 1 << 26, /* bytes; a child that has written more has failed */
    MAX_DESCRIPTORS = 65536, /* higher ones are not compared */
    KEPT_DESCRIPTOR = 1000,  /* at least: tests count from 3 */
    MAX_WAITS = 100,         /* milliseconds until an open descriptor is a leak */
};

static const double OF_THE_REST = 0.75;

/* ---- the output of the kit ------------------------------------------------------------------ */

static struct {
    int fd; /* 0: none */
    struct stat file;
} kept;

static void keep_output(int output)
{
    kept.fd = fcntl(output, F_DUPFD_CLOEXEC, KEPT_DESCRIPTOR);
    if (kept.fd < 0 || fstat(kept.fd, &kept.file) < 0)
        kept.fd = 0;
}

/* A test may have closed this one, too, and opened another file. */
int report_fd(void)
{
    struct stat now;
    bool is_there = kept.fd > 0 && fstat(kept.fd, &now) == 0 && now.st_dev == kept.file.st_dev &&
                    now.st_ino == kept.file.st_ino;
    return is_there ? kept.fd : STDERR_FILENO;
}

/* ---- descriptors ---------------------------------------------------------------------------- */

struct inventory {
    bool is_open[MAX_DESCRIPTORS];
};

/* false: the directory could not be read. */
static bool list_descriptors(struct inventory *inventory)
{
    DIR *directory = opendir("/proc/self/fd");
    if (directory == NULL)
        return false;
    for (const struct dirent *entry; errno = 0, (entry = readdir(directory)) != NULL;) {
        long fd = strtol(entry->d_name, NULL, 10);
        if (entry->d_name[0] != '.' && fd < MAX_DESCRIPTORS)
            inventory->is_open[fd] = fd != dirfd(directory);
    }
    bool is_complete = errno == 0;
    closedir(directory);
    return is_complete;
}

/* Needs no descriptor, where the test has used them up, and no /proc; but thousands of calls. */
static void probe_descriptors(struct inventory *inventory)
{
    for (int fd = 0; fd < MAX_DESCRIPTORS; fd++)
        inventory->is_open[fd] = fcntl(fd, F_GETFD) != -1;
}

struct inventory *inventory_take(void)
{
    struct inventory *inventory = calloc(1, sizeof *inventory);
    if (inventory != NULL && !list_descriptors(inventory))
        probe_descriptors(inventory);
    return inventory;
}

static void say_descriptor(int fd, bool is_open)
{
    char path[64], target[PATH_MAX];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t length = is_open ? readlink(path, target, sizeof target) : 0;
    if (is_open)
        say("leak: descriptor %d is open (%.*s)", fd, length < 0 ? 0 : (int)length, target);
    else
        say("descriptor %d was closed, and the test had not opened it", fd);
}

/*
 * A thread, also one of the library, may have a file open for a moment longer. *waits: how often a
 * millisecond may still be waited for that, for all descriptors together.
 */
static bool stays_changed(int fd, bool was_open, int *waits)
{
    while ((fcntl(fd, F_GETFD) != -1) != was_open) {
        if (*waits == 0)
            return true;
        --*waits;
        usleep(1000);
    }
    return false;
}

bool inventory_differs(struct inventory *before)
{
    int waits = MAX_WAITS;
    struct inventory *after = inventory_take();
    bool is_comparable = before != NULL && after != NULL, differs = !is_comparable;
    if (!is_comparable)
        say("no memory to compare the descriptors that are open with those before the test");
    for (int fd = 0; is_comparable && fd < MAX_DESCRIPTORS; fd++) {
        if (before->is_open[fd] == after->is_open[fd] || fd == kept.fd ||
            !stays_changed(fd, before->is_open[fd], &waits))
            continue;
        differs = true;
        say_descriptor(fd, after->is_open[fd]);
    }
    free(before);
    free(after);
    return differs;
}

/* ---- the child ------------------------------------------------------------------------------ */

const char *time_limit_fault(void)
{
    static char fault[256];
    const char *text = getenv("ASYNC_TEST_TIME_LIMIT");
    char *end = NULL;
    double seconds = text != NULL ? strtod(text, &end) : 0;
    if (text == NULL || *text == '\0' || (*end == '\0' && seconds > 0 && seconds <= MAX_TIME_LIMIT))
        return NULL;
    snprintf(fault, sizeof fault,
             "ASYNC_TEST_TIME_LIMIT=%.100s: it must be a number of seconds above 0, up to %.0f",
             text, MAX_TIME_LIMIT);
    return fault;
}

double time_limit_of(const async_test_options *options)
{
    const char *text = getenv("ASYNC_TEST_TIME_LIMIT");
    double seconds = text != NULL ? strtod(text, NULL) : 0;
    if (seconds <= 0 && options->time_limit <= 0)
        return DEFAULT_LIMIT;
    return seconds > options->time_limit ? seconds : options->time_limit;
}

/* Written by the coverage runtime, where that is linked. */
extern void __gcov_dump(void) __attribute__((weak));

/* Set by the first thread that ends the process; another one waits in end_alone. */
static atomic_flag is_ending = ATOMIC_FLAG_INIT;

static void end_alone(void)
{
    while (atomic_flag_test_and_set(&is_ending))
        pause();
}

_Noreturn void process_end(int status)
{
    asyncp_time_limit_end();
    end_alone();
    fflush(NULL);
    if (__gcov_dump != NULL)
        __gcov_dump();
    _exit(status);
}

/* Of this process, in seconds. */
static double limit, report_seconds;

/* On the thread of the limit. */
static void end_at_limit(void)
{
    end_alone();
    dprintf(report_fd(), "time limit: the test has not ended within %.3g s; its tasks:\n", limit);
    asyncp_time_limit_report();
    _exit(STATUS_TIME_LIMIT);
}

/*
 * Without that thread, or if it has not answered: it may wait for a lock of libc that a task holds.
 * A handler may interrupt anything, so it writes only the list that needs no memory.
 */
static void on_time_limit(int number)
{
    static const char no_thread[] = "time limit\n";
    static const char late[] = "the report took too long; only a list of the tasks:\n";
    bool is_late = report_seconds > 0;
    (void)number;
    (void)!write(report_fd(), is_late ? late : no_thread,
                 (is_late ? sizeof late : sizeof no_thread) - 1);
    async_dump(report_fd());
    _exit(STATUS_TIME_LIMIT);
}

/* The handler has a stack of its own, because a task may have overflowed the one it has. */
static void set_time_limit(double seconds)
{
    static char stack[1 << 16];
    struct sigaction action = {.sa_handler = on_time_limit, .sa_flags = SA_ONSTACK};
    stack_t signal_stack = {.ss_sp = stack, .ss_size = sizeof stack};
    limit = seconds;
    report_seconds = asyncp_time_limit_begin(seconds, end_at_limit) == 0 ? REPORT_SECONDS : 0;
    seconds += report_seconds;
    struct timeval left = {.tv_sec = (time_t)seconds,
                           .tv_usec = (suseconds_t)((seconds - (double)(time_t)seconds) * 1e6)};
    sigaltstack(&signal_stack, NULL);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &(struct itimerval){.it_value = left}, NULL);
}

double time_left(double most)
{
    struct itimerval timer;
    if (!run_is_own_process() || getitimer(ITIMER_REAL, &timer) != 0)
        return most;
    double seconds = (double)timer.it_value.tv_sec + (double)timer.it_value.tv_usec * 1e-6;
    seconds -= report_seconds;
    double with_report = seconds - REPORT_SECONDS - GRACE; /* a child's own comes after its limit */
    seconds = with_report > 0 && with_report < seconds * OF_THE_REST ? with_report
                                                                     : seconds * OF_THE_REST;
    return seconds > 0 && seconds < most ? seconds : most;
}

static void become_child(int output, double time_limit)
{
    struct rlimit core;
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    getrlimit(RLIMIT_CORE, &core);
    core.rlim_cur = 0;
    setrlimit(RLIMIT_CORE, &core);
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(nothing, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    keep_output(output);
    close(nothing);
    close(output);
    setvbuf(stdout, NULL, _IOLBF, 0);
    run_set_own_process();
    atomic_flag_clear(&is_ending);
    set_time_limit(time_limit);
}

/*
 * Lines are appended: in such a file two threads that write at once would otherwise write to the
 * same place.
 */
static int open_output(void)
{
    int output = memfd_create("output", MFD_CLOEXEC);
    if (output >= 0)
        (void)fcntl(output, F_SETFL, O_APPEND);
    return output;
}

int child_start(struct child *child, double time_limit)
{
    int fds[2];
    *child = (struct child){.output = open_output(), .watched = -1};
    if (child->output < 0)
        return -errno;
    fflush(NULL);
    int result = pipe2(fds, O_CLOEXEC);
    child->process = result == 0 ? fork() : -1;
    int error = -errno;
    if (child->process == 0) {
        close(fds[0]); /* the other end is open as long as the process lives */
        become_child(child->output, time_limit);
        return 0;
    }
    if (result == 0)
        close(fds[1]);
    if (child->process < 0) {
        if (result == 0)
            close(fds[0]);
        close(child->output);
        return error;
    }
    child->alive = fds[0];
    return 1;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static bool is_alive(const struct child *child)
{
    siginfo_t information = {0};
    int flags = WEXITED | WNOHANG | WNOWAIT;
    return waitid(P_PID, (id_t)child->process, &information, flags) == 0 && information.si_pid == 0;
}

static off_t output_size(const struct child *child)
{
    struct stat file;
    return fstat(child->output, &file) == 0 ? file.st_size : 0;
}

/*
 * A child that blocks SIGALRM is killed from outside. Its own children may keep the pipe open. The
 * size of its output is looked at here: RLIMIT_FSIZE would hold for all files of the test.
 */
void child_wait(struct child *child, double time_limit)
{
    double until = now() + time_limit + REPORT_SECONDS + GRACE;
    struct pollfd polled[] = {{.fd = child->alive, .events = POLLIN},
                              {.fd = child->watched, .events = POLLIN}};
    while (!child->is_overdue && !child->is_too_long && is_alive(child)) {
        if (poll(polled, 2, CHECK_MS) > 0 && polled[0].revents != 0)
            break;
        if (polled[1].fd >= 0 && polled[1].revents != 0)
            polled[1].fd = child->serve(child->process, polled[1].revents);
        polled[1].revents = 0;
        child->is_overdue = now() > until;
        child->is_too_long = output_size(child) > MAX_OUTPUT;
    }
    close(child->alive);
    if (child->is_overdue || child->is_too_long)
        kill(child->process, SIGKILL);
    while (waitpid(child->process, &child->status, 0) < 0 && errno == EINTR)
        continue;
    kill(-child->process, SIGKILL); /* its children */
    child->is_too_long = output_size(child) > MAX_OUTPUT;
}

bool child_has_written(const struct child *child, const char *bytes, size_t length)
{
    off_t size = output_size(child);
    void *output = size > 0 ? mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, child->output, 0)
                            : MAP_FAILED;
    if (output == MAP_FAILED)
        return length == 0;
    bool has_written = memmem(output, (size_t)size, bytes, length) != NULL;
    munmap(output, (size_t)size);
    return has_written;
}

char *child_output(const struct child *child, size_t max_shown)
{
    char note[80] = "";
    off_t size = output_size(child);
    off_t start = size > (off_t)max_shown ? size - (off_t)max_shown : 0;
    if (start > 0)
        snprintf(note, sizeof note, "the first %lld bytes of the output are not shown\n",
                 (long long)start);
    size_t shown = (size_t)(size - start), head = strlen(note);
    char *text = size > 0 ? malloc(head + shown + 1) : NULL;
    if (text == NULL)
        return NULL;
    memcpy(text, note, head);
    ssize_t length = pread(child->output, text + head, shown, start);
    char *end = text + head + (length > 0 ? length : 0);
    for (char *zero = text; (zero = memchr(zero, '\0', (size_t)(end - zero))) != NULL;)
        *zero = '?';
    *end = '\0';
    return text;
}

const char *child_reason(const struct child *child, char *text, size_t size)
{
    int status = child->status;
    if (child->is_too_long) {
        snprintf(text, size, "its output is longer than %d MiB", MAX_OUTPUT >> 20);
        return text;
    }
    if (child->is_overdue)
        return "time limit; its process was stopped, or did not answer, and was killed";
    if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_TIME_LIMIT)
        return "time limit";
    if (WIFSIGNALED(status)) {
        snprintf(text, size, "signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
        return text;
    }
    switch (WEXITSTATUS(status)) {
    case STATUS_PASSED:
    case STATUS_FAILED:
    case STATUS_UNREACHED:
    case STATUS_SKIPPED:
        return NULL;
    }
    snprintf(text, size, "it ended its process, with status %d", WEXITSTATUS(status));
    return text;
}
