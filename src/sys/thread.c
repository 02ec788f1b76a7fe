/*
 * sys/thread.c: threads, processors and futexes.
 */
#include "sys/thread.h"
#include "sys/call.h"
#include "sys/clock.h"
#include "sys/number.h"
#include "sys/tools.h"
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FUTEX_WAIT_PRIVATE_OP = 128, FUTEX_WAKE_PRIVATE_OP = 129 };
static const int64_t MAX_FUTEX_WAIT_NS = ASYNC_TSAN ? 50ll * NS_PER_MILLISECOND
                                                    : 24ll * 3600 * NS_PER_SECOND;

/*
 * How many threads were started here, counted after they exist, and how many have ended their
 * function, counted while they still exist. So `begun`, read first, minus `ending`, read last, is
 * never more than there are. How many of them execute a job, which is code of the program.
 */
static _Atomic uint32_t threads_begun, threads_ending, threads_in_jobs;
static __thread bool is_in_job;

/* The function of a new thread, which frees this. */
struct thread_start {
    void *(*function)(void *argument);
    void *argument;
};

static void count_end(void *unused)
{
    (void)unused;
    asyncp_sys_thread_ends_job();
    atomic_fetch_add(&threads_ending, 1);
}

void asyncp_sys_thread_begins_job(void)
{
    is_in_job = true;
    atomic_fetch_add(&threads_in_jobs, 1);
}

void asyncp_sys_thread_ends_job(void)
{
    if (is_in_job)
        atomic_fetch_sub(&threads_in_jobs, 1);
    is_in_job = false;
}

/* A job may call pthread_exit. */
static void *run_thread(void *argument)
{
    const struct thread_start start = *(struct thread_start *)argument;
    void *result;
    free(argument);
    pthread_cleanup_push(count_end, NULL);
    result = start.function(start.argument);
    pthread_cleanup_pop(true);
    return result;
}

void asyncp_sys_threads_fork(void)
{
    atomic_store(&threads_ending, atomic_load(&threads_begun));
    atomic_store(&threads_in_jobs, 0);
    is_in_job = false;
}

/* 0, or an error number. */
static int create_thread(pthread_t *thread, void *(*function)(void *argument), void *argument)
{
    struct thread_start *start = malloc(sizeof *start);
    if (start == NULL)
        return EAGAIN;
    *start = (struct thread_start){function, argument};
    int error = pthread_create(thread, NULL, run_thread, start);
    if (error == 0)
        atomic_fetch_add(&threads_begun, 1);
    else
        free(start);
    return error;
}

int asyncp_sys_thread_start(pthread_t *thread, void *(*function)(void *argument), void *argument)
{
    static const int synchronous[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGABRT};
    sigset_t blocked, before;
    if (fault(SITE_THREAD))
        return -errno;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof synchronous / sizeof *synchronous; i++)
        sigdelset(&blocked, synchronous[i]);
    bool is_masked = pthread_sigmask(SIG_SETMASK, &blocked, &before) == 0;
    int error = create_thread(thread, function, argument);
    if (is_masked)
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -error;
}

/* It answers for /proc/self/exe itself, and leaves another name of that link to the kernel. */
bool asyncp_sys_is_emulated(void)
{
    char path[512];
    const ssize_t length = readlink("/proc/thread-self/exe", path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    const char *slash = strrchr(path, '/');
    return slash != NULL && strncmp(slash, "/qemu-", strlen("/qemu-")) == 0;
}

/*
 * The kernel counts a folder's entries as its links, with those of "." and "..". Threads may begin
 * and end meanwhile: those that had begun before and are not ending after it are among its entries.
 * Those in a job may reach any loop, as threads of the program do. The caller does not count.
 */
bool asyncp_sys_has_foreign_threads(void)
{
    struct stat status;
    const uint32_t begun = atomic_load(&threads_begun);
    if (fault(SITE_STAT) || stat("/proc/self/task", &status) < 0 || status.st_nlink < 3)
        return true;
    const int32_t own = (int32_t)(begun - atomic_load(&threads_ending) -
                                  atomic_load(&threads_in_jobs));
    return status.st_nlink - 2 > (nlink_t)(own > 0 ? own : 0) + 1;
}

int32_t asyncp_sys_process_id(void)
{
    return getpid();
}

int32_t asyncp_sys_thread_id(void)
{
    return (int32_t)syscall(SYS_gettid);
}

bool asyncp_sys_is_main_thread(void)
{
    return asyncp_sys_thread_id() == asyncp_sys_process_id();
}

/* The times of getrusage(2) are as old as the last tick of the kernel. */
struct thread_usage asyncp_sys_thread_usage(void)
{
    struct rusage usage;
    struct timespec ran;
    if (getrusage(RUSAGE_THREAD, &usage) < 0 || clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ran) < 0)
        return (struct thread_usage){.sleeps = -1};
    return (struct thread_usage){.ran_ns = (int64_t)ran.tv_sec * NS_PER_SECOND + ran.tv_nsec,
                                 .sleeps = usage.ru_nvcsw};
}

void asyncp_sys_yield(void)
{
    (void)SYS_CALL(SITE_YIELD, sched_yield());
}

uint32_t asyncp_sys_cpu(void)
{
    return (uint32_t)sched_getcpu();
}

size_t asyncp_sys_cpu_count(void)
{
    cpu_set_t cpus;
    if (sched_getaffinity(0, sizeof cpus, &cpus) == 0)
        return (size_t)CPU_COUNT(&cpus);
    long count = sysconf(_SC_NPROCESSORS_ONLN); /* more than a cpu_set_t holds */
    return count > 0 ? (size_t)count : 1;
}

/*
 * There is always a timeout: without one the kernel restarts the wait after a signal handler
 * installed with SA_RESTART. ThreadSanitizer keeps a signal that comes just before the call until
 * the word is read again.
 */
bool asyncp_sys_futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t timeout_ns)
{
    int64_t left_ns = timeout_ns < 0 ? INT64_MAX : timeout_ns;
    long result;
    do {
        const int64_t part_ns = left_ns < MAX_FUTEX_WAIT_NS ? left_ns : MAX_FUTEX_WAIT_NS;
        struct kernel_timespec timeout = kernel_timespec_of(part_ns);
        result = SYS_CALL(SITE_FUTEX_WAIT, syscall(CALL_FUTEX, word, FUTEX_WAIT_PRIVATE_OP, value,
                                                   &timeout, NULL, 0));
        left_ns -= part_ns;
    } while (result == -ETIMEDOUT && left_ns > 0 && atomic_load(word) == value);
    return result == 0 || result == -EAGAIN || result == -EINTR || result == -ETIMEDOUT;
}

/* Repeats an interrupted call: a lost wake would block the waiter for good. */
void asyncp_sys_futex_wake(_Atomic uint32_t *word)
{
    while (SYS_CALL(SITE_FUTEX_WAKE,
                    syscall(CALL_FUTEX, word, FUTEX_WAKE_PRIVATE_OP, 1, NULL, NULL, 0)) == -EINTR)
        continue;
}
