/*
 * sys/sys.c: the kernel's calls with -errno for errors. Constants that Debian 12's headers lack are
 * our own. Knows nothing of what the calls are for.
 */
#include "sys/sys.h"
#include "sys/assert.h"
#include "sys/tools.h"
#include "sys/fault.h"
#include "sys/number.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ADVICE_GUARD_INSTALL = 102, ADVICE_POPULATE_WRITE = 23 }; /* Linux 6.13, 5.14 */
enum { OWN_PROCESS = -10001 }; /* instead of a descriptor of it: Linux 6.15 */
enum { ENTER_GETEVENTS = 1, ENTER_EXT_ARG = 8 };
enum { WORD_WAIT = 128, WORD_WAKE = 129 }; /* FUTEX_WAIT and _WAKE, of this process alone */
enum { NANOSECONDS = 1000000000, NANOSECONDS_IN_MS = 1000000 };
static const int64_t LONGEST_WORD_WAIT_NS = 24ll * 3600 * NANOSECONDS;

/* A mapping that is to go and is still there; lies in its own last bytes. */
struct leftover {
    struct leftover *next; /* an earlier one */
    void *start;           /* of the mapping */
    size_t size;           /* of it */
};

_Static_assert(sizeof(off_t) == sizeof(int64_t), "files have 64-bit offsets: _FILE_OFFSET_BITS=64");

_Atomic long asyncp_mapped_bytes;
static _Atomic(struct leftover *) leftovers;
#if ASYNC_CHECKS
int (*asyncp_fault)(enum site site);
#endif

/* The result of a libc call as the kernel gave it. */
static long kernel(long result)
{
    return result == -1 ? -(long)errno : result;
}

/* The result of a libc call, which is not made if a test says so. */
#define KERNEL(site, call) kernel(fault(site) ? -1 : (long)(call))

static void *mapped(void *start, size_t size)
{
    if (start == MAP_FAILED)
        return NULL;
    asyncp_mapped_bytes += (long)size;
    return start;
}

void *asyncp_sys_map(size_t size)
{
    asyncp_sys_unmap_leftovers();
    void *start = mapped(fault(SITE_MAP)
                             ? MAP_FAILED
                             : mmap(NULL, size, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0),
                         size);
    if (start != NULL)
        madvise(start, size,
                MADV_NOHUGEPAGE); /* fails where there are no huge pages, which is as good */
    return start;
}

void *asyncp_sys_map_shared(size_t size, int fd, int64_t offset)
{
    return mapped(fault(SITE_MAP_SHARED) ? MAP_FAILED
                                         : mmap(NULL, size, PROT_READ | PROT_WRITE,
                                                MAP_SHARED | MAP_POPULATE, fd, (off_t)offset),
                  size);
}

static void leave_over(void *start, size_t size)
{
    uintptr_t end = ((uintptr_t)start + size) & ~(uintptr_t)(_Alignof(struct leftover) - 1);
    struct leftover *leftover = (struct leftover *)end - 1;
    *leftover = (struct leftover){.next = leftovers, .start = start, .size = size};
    while (!atomic_compare_exchange_weak(&leftovers, &leftover->next, leftover))
        continue;
}

/*
 * The kernel neighbours mappings of one kind into one, and cannot cut a piece out of its middle
 * while the process has as many mappings as it may have.
 */
void asyncp_sys_unmap(void *start, size_t size)
{
    long result = KERNEL(SITE_UNMAP, munmap(start, size));
    ENSURE(result != -EINVAL,
           "munmap of %zu bytes failed with %ld; the address was not one of ours", size, result);
    if (result < 0) {
        madvise(start, size,
                MADV_FREE); /* its pages at least; shared memory refuses that, as it must */
        leave_over(start, size);
    } else
        asyncp_mapped_bytes -= (long)size;
}

void asyncp_sys_unmap_leftovers(void)
{
    if (likely(leftovers == NULL))
        return;
    struct leftover *leftover = atomic_exchange(&leftovers, NULL);
    while (leftover != NULL) {
        struct leftover copy = *leftover;
        asyncp_sys_unmap(copy.start, copy.size);
        leftover = copy.next;
    }
}

int asyncp_sys_guard(void *start, size_t size)
{
    return (int)KERNEL(SITE_GUARD, madvise(start, size, ADVICE_GUARD_INSTALL));
}

static int advise_each(enum site site, char *start, size_t stride, size_t size, uint32_t count,
                       int advice)
{
    enum { MOST = 64 };
    struct iovec ranges[MOST];
    ASSERT(count <= MOST);
    if (tools_valgrind()) /* which knows no such call, and complains of each */
        return -ENOSYS;
    for (uint32_t i = 0; i < count; i++)
        ranges[i] = (struct iovec){.iov_base = start + i * stride, .iov_len = size};
    long done = KERNEL(
        site, syscall(CALL_PROCESS_MADVISE, OWN_PROCESS, ranges, (size_t)count, advice, 0u));
    if (done < 0)
        return (int)done;
    return (size_t)done == count * size ? 0 : -EAGAIN;
}

int asyncp_sys_guard_each(char *start, size_t stride, size_t size, uint32_t count)
{
    return advise_each(SITE_GUARD_EACH, start, stride, size, count, ADVICE_GUARD_INSTALL);
}

int asyncp_sys_touch_each(char *start, size_t stride, size_t size, uint32_t count)
{
    return advise_each(SITE_TOUCH_EACH, start, stride, size, count, ADVICE_POPULATE_WRITE);
}

int asyncp_sys_protect(void *start, size_t size)
{
    return (int)KERNEL(SITE_PROTECT, mprotect(start, size, PROT_NONE));
}

int asyncp_sys_forget(void *start, size_t size)
{
    return (int)KERNEL(SITE_FORGET, madvise(start, size, MADV_DONTNEED));
}

static size_t kernels_page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

ssize_t asyncp_sys_first_resident(void *start, size_t size)
{
    enum { PAGES_AT_ONCE = 64 };
    unsigned char resident[PAGES_AT_ONCE];
    size_t page = kernels_page_size(), part;
    for (size_t offset = 0; offset < size; offset += part) {
        part = size - offset < PAGES_AT_ONCE * page ? size - offset : PAGES_AT_ONCE * page;
        long result = KERNEL(SITE_RESIDENT, mincore((char *)start + offset, part, resident));
        if (result < 0)
            return result;
        for (size_t i = 0; i * page < part; i++)
            if (resident[i] & 1)
                return (ssize_t)(offset + i * page);
    }
    return (ssize_t)size;
}

size_t asyncp_sys_page_size(void)
{
    return ASYNC_PAGE_SIZE != 0 ? ASYNC_PAGE_SIZE : kernels_page_size();
}

ssize_t asyncp_sys_read(int fd, void *buffer, size_t size)
{
    return kernel(fault_or_less(SITE_READ, &size) ? -1 : read(fd, buffer, size));
}

ssize_t asyncp_sys_read_at(int file, void *buffer, size_t size, int64_t offset)
{
    long result;
    do
        result = kernel(fault_or_less(SITE_READ, &size) ? -1 : pread(file, buffer, size, offset));
    while (result == -EINTR);
    return result == -ESPIPE || result == -EISDIR ? -EINVAL : result;
}

ssize_t asyncp_sys_write(int fd, const void *buffer, size_t size)
{
    return kernel(fault_or_less(SITE_WRITE, &size) ? -1 : write(fd, buffer, size));
}

void asyncp_sys_close(int fd)
{
    close(fd); /* Linux closes it whatever it says */
}

bool asyncp_sys_is_open(int fd)
{
    return KERNEL(SITE_IS_OPEN, fcntl(fd, F_GETFD)) >= 0;
}

int asyncp_sys_pipe(int ends[2])
{
    return (int)KERNEL(SITE_PIPE, pipe2(ends, O_CLOEXEC | O_NONBLOCK));
}

int asyncp_sys_recv(int fd, void *buffer, size_t size, int flags)
{
    long result;
    do
        result = kernel(
            fault_or_less(SITE_RECV, &size) ? -1 : recv(fd, buffer, size, flags | MSG_DONTWAIT));
    while (result == -EINTR);
    return (int)result;
}

int asyncp_sys_event_open(void)
{
    return (int)KERNEL(SITE_EVENT_OPEN, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

/* A counter that is full is raised already. */
void asyncp_sys_event_raise(int event)
{
    const uint64_t one = 1;
    while (KERNEL(SITE_EVENT_RAISE, write(event, &one, sizeof one)) == -EINTR)
        continue;
}

void asyncp_sys_event_clear(int event)
{
    uint64_t count;
    while (KERNEL(SITE_EVENT_CLEAR, read(event, &count, sizeof count)) == -EINTR)
        continue;
}

int asyncp_sys_epoll_create(void)
{
    return (int)KERNEL(SITE_EPOLL_CREATE, epoll_create1(EPOLL_CLOEXEC));
}

int asyncp_sys_epoll_control(int epoll, int operation, int fd, struct epoll_event *event)
{
    return (int)KERNEL(SITE_EPOLL_CONTROL, epoll_ctl(epoll, operation, fd, event));
}

/*
 * A time limit as the kernel takes it in the calls that we make without libc, whose own type
 * differs on 32 bits.
 */
struct kernel_time {
    int64_t seconds;     /* whole ones */
    int64_t nanoseconds; /* less than a second of them */
};

static struct kernel_time kernel_time_of(int64_t timeout_ns)
{
    return (struct kernel_time){.seconds = timeout_ns / NANOSECONDS,
                                .nanoseconds = timeout_ns % NANOSECONDS};
}

/* Milliseconds, rounded up, for kernels that know nothing finer. */
static int milliseconds_of(int64_t timeout_ns)
{
    int64_t milliseconds = timeout_ns / NANOSECONDS_IN_MS + (timeout_ns % NANOSECONDS_IN_MS != 0);
    return milliseconds > INT32_MAX ? INT32_MAX : (int)milliseconds;
}

int asyncp_sys_epoll_wait(int epoll, struct epoll_event *events, int capacity, int64_t timeout_ns)
{
    long result = -ENOSYS;
    if (timeout_ns > 0 && !tools_valgrind()) { /* which knows no such call, and complains of each */
        struct kernel_time timeout = kernel_time_of(timeout_ns);
        result = KERNEL(SITE_EPOLL_PWAIT2,
                        syscall(CALL_EPOLL_PWAIT2, epoll, events, capacity, &timeout, NULL, 0));
    }
    if (result < 0 && result != -EINTR) { /* older kernels, and filters, which say what they like */
        int timeout = timeout_ns > 0 ? milliseconds_of(timeout_ns) : (int)timeout_ns;
        result = KERNEL(SITE_EPOLL_WAIT, epoll_wait(epoll, events, capacity, timeout));
    }
    return result == -EINTR ? 0 : (int)result;
}

/* Seconds that do not fit, on 32 bits, are as many as do: some 68 years. */
struct timespec asyncp_timespec(int64_t ns)
{
    int64_t seconds = ns / NANOSECONDS;
    bool fits = sizeof(time_t) > sizeof(int32_t) || seconds <= INT32_MAX;
    return (struct timespec){.tv_sec = (time_t)(fits ? seconds : INT32_MAX),
                             .tv_nsec = (long)(ns % NANOSECONDS)};
}

int asyncp_sys_poll(struct pollfd *fds, size_t count, int64_t timeout_ns)
{
    struct timespec timeout = asyncp_timespec(timeout_ns < 0 ? 0 : timeout_ns);
    long result;
    do
        result = KERNEL(SITE_POLL, ppoll(fds, count, timeout_ns < 0 ? NULL : &timeout, NULL));
    while (result == -EINTR && timeout_ns == 0); /* a signal ends a look that finds nothing, too */
    return result == -EINTR ? 0 : (int)result;
}

/*
 * Always with a time limit: without one the kernel goes on waiting when a handler has run that
 * restarts calls.
 */
bool asyncp_sys_word_wait(_Atomic uint32_t *word, uint32_t value, int64_t timeout_ns)
{
    struct kernel_time timeout = kernel_time_of(timeout_ns < 0 ? LONGEST_WORD_WAIT_NS : timeout_ns);
    long result = KERNEL(SITE_WORD_WAIT,
                         syscall(CALL_FUTEX, word, WORD_WAIT, value, &timeout, NULL, 0));
    return result == 0 || result == -EAGAIN || result == -EINTR || result == -ETIMEDOUT;
}

/* A wake that failed would be a sleep for good. */
void asyncp_sys_word_wake(_Atomic uint32_t *word)
{
    while (KERNEL(SITE_WORD_WAKE, syscall(CALL_FUTEX, word, WORD_WAKE, 1, NULL, NULL, 0)) == -EINTR)
        continue;
}

int asyncp_sys_uring_setup(unsigned entries, void *parameters)
{
    return (int)KERNEL(SITE_URING_SETUP, syscall(CALL_URING_SETUP, entries, parameters));
}

int asyncp_sys_uring_enter(int ring, unsigned submit, bool wait, int64_t timeout_ns)
{
    struct kernel_time timeout = kernel_time_of(timeout_ns < 0 ? 0 : timeout_ns);
    size_t taken = submit;
    bool fails = fault_or_less(SITE_URING_ENTER, &taken);
    bool waits = wait && taken == submit; /* nor does the kernel wait after it has taken less */
    struct {
        uint64_t mask;      /* no signal mask */
        uint32_t mask_size; /* of it */
        uint32_t least_ns;  /* no least wait */
        uint64_t timeout;   /* the address of the time limit, or 0 */
    } argument = {.mask_size = _NSIG / 8,
                  .timeout = timeout_ns < 0 ? 0 : (uint64_t)(uintptr_t)&timeout};
    return (int)kernel(fails
                           ? -1
                           : syscall(CALL_URING_ENTER, ring, (unsigned)taken, waits ? 1 : 0,
                                     ENTER_GETEVENTS | ENTER_EXT_ARG, &argument, sizeof argument));
}

int asyncp_sys_sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
    return (int)KERNEL(SITE_SIGACTION, sigaction(number, action, old));
}

bool asyncp_sys_has_signal_stack(void)
{
    stack_t now;
    return sigaltstack(NULL, &now) == 0 && (now.ss_flags & SS_DISABLE) == 0;
}

int asyncp_sys_signal_stack(void *start, size_t size)
{
    stack_t stack = {.ss_sp = start, .ss_size = size};
    return (int)KERNEL(SITE_SIGNAL_STACK, sigaltstack(&stack, NULL));
}

bool asyncp_sys_leave_signal_stack(void *start)
{
    stack_t now, none = {.ss_flags = SS_DISABLE};
    if (sigaltstack(NULL, &now) != 0)
        return false;
    bool is_this = (now.ss_flags & SS_DISABLE) == 0 && now.ss_sp == start;
    return !is_this || sigaltstack(&none, NULL) == 0;
}

bool asyncp_sys_is_main_thread(void)
{
    return syscall(SYS_gettid) == getpid();
}

/* What a thread does wrong itself must end the process with all that handlers have to say. */
int asyncp_sys_thread_start(pthread_t *thread, void *(*function)(void *argument), void *argument)
{
    static const int own_mistakes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGABRT};
    sigset_t blocked, before;
    bool restores;
    if (fault(SITE_THREAD))
        return -errno;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof own_mistakes / sizeof *own_mistakes; i++)
        sigdelset(&blocked, own_mistakes[i]);
    restores = pthread_sigmask(SIG_SETMASK, &blocked, &before) == 0;
    int error = pthread_create(thread, NULL, function, argument);
    if (restores)
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -error;
}

/* From memory that the kernel keeps up to date; no call of it. */
uint32_t asyncp_sys_processor(void)
{
    return (uint32_t)sched_getcpu();
}

static size_t fallback_count(long count)
{
    return count > 0 ? (size_t)count : 1;
}

size_t asyncp_sys_processors(void)
{
    cpu_set_t processors;
    if (sched_getaffinity(0, sizeof processors, &processors) < 0) /* more than a cpu_set_t holds */
        return fallback_count(sysconf(_SC_NPROCESSORS_ONLN));
    return (size_t)CPU_COUNT(&processors);
}

int64_t asyncp_clock_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NANOSECONDS + now.tv_nsec;
}
