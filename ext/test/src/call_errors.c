/*
 * call_errors.c: the system calls that a sweep lets fail, and with which errors: those that the
 * kernel gives to a correct call, because a resource is short or the other side has gone.
 *
 * Not in the table are calls without which no process can end or clean up (exit, futex, close,
 * munmap, rt_sigreturn, wait4, kill), and those that do not fail in practice (clock_gettime,
 * getpid). Also brk: where it fails, malloc uses mmap.
 *
 * EINTR is given only to calls that a signal ends even with SA_RESTART: signal(7). EAGAIN is given
 * only where a resource is short. A read after a wait for readiness does not fail with it: the
 * kernel never returns EAGAIN there, and a program may trust the edge of epoll(7).
 */
#include "calls.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the errors depend on besides the call. */
enum subject {
    ALWAYS,
    READS,      /* the kind of the descriptor */
    WRITES,     /* the same */
    ADDS,       /* epoll_ctl: only an addition takes memory */
    DUPLICATES, /* fcntl: only a duplication takes a descriptor */
    MAPS,       /* memory, which the runtimes of sanitizers need, too */
};

struct system_call {
    long number;
    const char *name;
    enum subject subject;
    unsigned fd_argument; /* READS, WRITES: its place among the arguments */
    int errors[MAX_CALL_ERRORS];
};

#define CALL(call, ...)                                                                            \
    {                                                                                              \
        SYS_##call, #call, ALWAYS, 0,                                                              \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define READ(call)                                                                                 \
    {                                                                                              \
        SYS_##call, #call, READS, 0,                                                               \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }
#define WRITE(call, fd)                                                                            \
    {                                                                                              \
        SYS_##call, #call, WRITES, fd,                                                             \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

static const struct system_call table[] = {
    CALL(socket, EMFILE, EAFNOSUPPORT),
    CALL(socketpair, EMFILE),
    CALL(accept4, EMFILE, ECONNABORTED),
#ifdef SYS_accept
    CALL(accept, EMFILE, ECONNABORTED),
#endif
    CALL(connect, ECONNREFUSED, EADDRNOTAVAIL),
    CALL(bind, EADDRINUSE),
    CALL(listen, EADDRINUSE),
    CALL(getsockname, ENOBUFS),
    CALL(getpeername, ENOTCONN),
    CALL(setsockopt, ENOMEM),
    CALL(shutdown, ENOTCONN),
    /* reading and writing */
    READ(read),
    READ(readv),
    READ(pread64),
    READ(preadv),
    READ(recvfrom),
    READ(recvmsg),
    WRITE(write, 0),
    WRITE(writev, 0),
    WRITE(pwrite64, 0),
    WRITE(pwritev, 0),
    WRITE(sendto, 0),
    WRITE(sendmsg, 0),
    WRITE(sendfile, 0),
    WRITE(splice, 2),
#ifdef SYS_recv
    READ(recv),
#endif
#ifdef SYS_send
    WRITE(send, 0),
#endif
#ifdef SYS_recvmmsg
    READ(recvmmsg),
#endif
#ifdef SYS_sendmmsg
    WRITE(sendmmsg, 0),
#endif
#ifdef SYS_preadv2
    READ(preadv2),
    WRITE(pwritev2, 0),
#endif
#ifdef SYS_copy_file_range
    WRITE(copy_file_range, 2),
#endif
#ifdef SYS_socketcall
    {SYS_socketcall, "socketcall", ALWAYS, 0, {0}}, /* see socket_calls */
#endif
    /* makers of descriptors */
    CALL(openat, EMFILE, EACCES),
    CALL(dup, EMFILE),
    CALL(dup3, EMFILE),
    CALL(pipe2, EMFILE),
    CALL(eventfd2, EMFILE),
    CALL(epoll_create1, EMFILE),
    CALL(timerfd_create, EMFILE),
    CALL(signalfd4, EMFILE),
    CALL(inotify_init1, EMFILE),
    CALL(memfd_create, EMFILE),
    {SYS_fcntl, "fcntl", DUPLICATES, 0, {EMFILE}},
#ifdef SYS_fcntl64
    {SYS_fcntl64, "fcntl64", DUPLICATES, 0, {EMFILE}},
#endif
#ifdef SYS_open
    CALL(open, EMFILE, EACCES),
#endif
#ifdef SYS_openat2
    CALL(openat2, EMFILE, EACCES),
#endif
#ifdef SYS_creat
    CALL(creat, EMFILE, EACCES),
#endif
#ifdef SYS_dup2
    CALL(dup2, EMFILE),
#endif
#ifdef SYS_pipe
    CALL(pipe, EMFILE),
#endif
#ifdef SYS_eventfd
    CALL(eventfd, EMFILE),
#endif
#ifdef SYS_epoll_create
    CALL(epoll_create, EMFILE),
#endif
#ifdef SYS_pidfd_open
    CALL(pidfd_open, EMFILE),
#endif
#ifdef SYS_io_uring_setup
    CALL(io_uring_setup, EMFILE),
#endif
    /* waiting */
    {SYS_epoll_ctl, "epoll_ctl", ADDS, 0, {ENOMEM, ENOSPC}},
    CALL(epoll_pwait, EINTR),
#ifdef SYS_epoll_wait
    CALL(epoll_wait, EINTR),
#endif
#ifdef SYS_epoll_pwait2
    CALL(epoll_pwait2, EINTR),
#endif
#ifdef SYS_poll
    CALL(poll, EINTR),
#endif
#ifdef SYS_ppoll
    CALL(ppoll, EINTR),
#endif
#ifdef SYS_ppoll_time64
    CALL(ppoll_time64, EINTR),
#endif
#ifdef SYS_select
    CALL(select, EINTR),
#endif
#ifdef SYS_pselect6
    CALL(pselect6, EINTR),
#endif
#ifdef SYS_nanosleep
    CALL(nanosleep, EINTR),
#endif
#ifdef SYS_clock_nanosleep
    CALL(clock_nanosleep, EINTR),
#endif
#ifdef SYS_clock_nanosleep_time64
    CALL(clock_nanosleep_time64, EINTR),
#endif
#ifdef SYS_io_uring_enter
    CALL(io_uring_enter, EINTR),
#endif
    /* threads and processes */
    CALL(clone, EAGAIN),
#ifdef SYS_clone3
    CALL(clone3, EAGAIN),
#endif
#ifdef SYS_fork
    CALL(fork, EAGAIN),
#endif
#ifdef SYS_vfork
    CALL(vfork, EAGAIN),
#endif
/* memory */
#ifdef SYS_mmap
    {SYS_mmap, "mmap", MAPS, 0, {ENOMEM}},
#endif
#ifdef SYS_mmap2
    {SYS_mmap2, "mmap2", MAPS, 0, {ENOMEM}},
#endif
    {SYS_mremap, "mremap", MAPS, 0, {ENOMEM}},
    {SYS_mprotect, "mprotect", MAPS, 0, {ENOMEM}},
    /* files */
    CALL(getdents64, EIO),
    CALL(ftruncate, EIO),
    CALL(fallocate, ENOSPC),
    CALL(fsync, EIO),
    CALL(fdatasync, EIO),
    CALL(mkdirat, ENOSPC),
    CALL(linkat, EACCES),
    CALL(symlinkat, ENOSPC),
#ifdef SYS_renameat
    CALL(renameat, EACCES),
#endif
#ifdef SYS_renameat2
    CALL(renameat2, EACCES),
#endif
#ifdef SYS_mkdir
    CALL(mkdir, ENOSPC),
    CALL(link, EACCES),
    CALL(symlink, ENOSPC),
    CALL(rename, EACCES),
#endif
};

#ifdef SYS_socketcall
/*
 * The calls of socketcall(2) by its first argument. The descriptor, which lies in memory, is that
 * of a socket.
 */
static const struct {
    const char *name;
    int errors[MAX_CALL_ERRORS];
} socket_calls[] = {
    [1] = {"socket", {EMFILE, EAFNOSUPPORT}},
    [2] = {"bind", {EADDRINUSE}},
    [3] = {"connect", {ECONNREFUSED, EADDRNOTAVAIL}},
    [4] = {"listen", {EADDRINUSE}},
    [5] = {"accept", {EMFILE, ECONNABORTED}},
    [6] = {"getsockname", {ENOBUFS}},
    [7] = {"getpeername", {ENOTCONN}},
    [8] = {"socketpair", {EMFILE}},
    [9] = {"send", {EPIPE}},
    [10] = {"recv", {ECONNRESET}},
    [11] = {"sendto", {EPIPE}},
    [12] = {"recvfrom", {ECONNRESET}},
    [13] = {"shutdown", {ENOTCONN}},
    [14] = {"setsockopt", {ENOMEM}},
    [16] = {"sendmsg", {EPIPE}},
    [17] = {"recvmsg", {ECONNRESET}},
    [18] = {"accept4", {EMFILE, ECONNABORTED}},
};

static int socket_call_errors(uint64_t which, const char **name, int errors[MAX_CALL_ERRORS])
{
    int count = 0;
    if (which >= sizeof socket_calls / sizeof socket_calls[0] || socket_calls[which].name == NULL)
        return 0;
    *name = socket_calls[which].name;
    for (; count < MAX_CALL_ERRORS && socket_calls[which].errors[count] != 0; count++)
        errors[count] = socket_calls[which].errors[count];
    return count;
}
#endif

enum { CALL_COUNT = sizeof table / sizeof table[0] };
_Static_assert(sizeof table / sizeof table[0] <= MAX_CALLS, "the filter has room for all");

/* Linked with a sanitizer? Its runtime maps memory on the thread of the test, and cannot fail. */
extern void __asan_init(void) __attribute__((weak));
extern void __tsan_init(void) __attribute__((weak));
extern void __msan_init(void) __attribute__((weak));

static bool has_sanitizer(void)
{
    return __asan_init != NULL || __tsan_init != NULL || __msan_init != NULL;
}

int calls_that_fail(long *numbers, int capacity)
{
    for (int i = 0; i < CALL_COUNT && i < capacity; i++)
        numbers[i] = table[i].number;
    return CALL_COUNT;
}

static const struct system_call *find_call(long number)
{
    const struct system_call *call = table;
    while (call < table + CALL_COUNT && call->number != number)
        call++;
    return call < table + CALL_COUNT ? call : NULL;
}

/* The error of a read or a write by the kind of its descriptor; 0: it does not fail. */
static int error_of_moving(enum subject subject, int process, unsigned fd)
{
    char path[64], target[PATH_MAX];
    if (fd <= STDERR_FILENO) /* the output of the test, which is read by people */
        return 0;
    snprintf(path, sizeof path, "/proc/%d/fd/%u", process, fd);
    ssize_t length = readlink(path, target, sizeof target - 1);
    target[length > 0 ? length : 0] = '\0';
    if (strncmp(target, "/memfd:output", strlen("/memfd:output")) ==
        0) /* of the kit: report_fd() */
        return 0;
    if (strncmp(target, "socket:", strlen("socket:")) == 0)
        return subject == READS ? ECONNRESET : EPIPE;
    if (strncmp(target, "pipe:", strlen("pipe:")) == 0)
        return subject == READS ? 0 : EPIPE;
    if (target[0] == '/')
        return subject == READS ? EIO : ENOSPC;
    return 0; /* an eventfd, for example */
}

int call_errors(const struct made_call *made, const char **name, int errors[MAX_CALL_ERRORS])
{
    const struct system_call *call = find_call(made->number);
    int count = 0;
    if (call == NULL)
        return 0;
    *name = call->name;
#ifdef SYS_socketcall
    if (call->number == SYS_socketcall)
        return socket_call_errors(made->arguments[0], name, errors);
#endif
    bool fails = (call->subject != ADDS || made->arguments[1] == EPOLL_CTL_ADD) &&
                 (call->subject != DUPLICATES || made->arguments[1] == F_DUPFD ||
                  made->arguments[1] == F_DUPFD_CLOEXEC) &&
                 (call->subject != MAPS || !has_sanitizer());
    if (call->subject == READS || call->subject == WRITES) {
        unsigned fd = (unsigned)made->arguments[call->fd_argument];
        errors[0] = error_of_moving(call->subject, made->process, fd);
        return errors[0] != 0 ? 1 : 0;
    }
    for (; fails && count < MAX_CALL_ERRORS && call->errors[count] != 0; count++)
        errors[count] = call->errors[count];
    return count;
}

static const struct {
    int error;
    const char *name;
} error_names[] = {
#define NAMED(error)                                                                               \
    {                                                                                              \
        error, #error                                                                              \
    }
    NAMED(EACCES), NAMED(EADDRINUSE),   NAMED(EADDRNOTAVAIL), NAMED(EAFNOSUPPORT),
    NAMED(EAGAIN), NAMED(ECONNABORTED), NAMED(ECONNREFUSED),  NAMED(ECONNRESET),
    NAMED(EINTR),  NAMED(EIO),          NAMED(EMFILE),        NAMED(ENOBUFS),
    NAMED(ENOMEM), NAMED(ENOSPC),       NAMED(ENOTCONN),      NAMED(EPIPE),
#undef NAMED
};

enum { NAMED_ERRORS = sizeof error_names / sizeof error_names[0] };

const char *error_name(int error)
{
    for (int i = 0; i < NAMED_ERRORS; i++)
        if (error_names[i].error == error)
            return error_names[i].name;
    return "no error";
}

int error_of_name(const char *name)
{
    for (int i = 0; i < NAMED_ERRORS; i++)
        if (strcmp(error_names[i].name, name) == 0)
            return error_names[i].error;
    return 0;
}
