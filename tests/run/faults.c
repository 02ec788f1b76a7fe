/*
 * faults.c: the errors that each fault site can have, and the hook that injects one of them. The
 * errors are those of the manual pages that can occur the way the library makes the calls. Errors
 * about a descriptor or an address that would be untrue here (ENOENT for an existing file) are left
 * out: other tests cause them for real.
 *
 * Some errors are transient: signals, and shortages after which a call is worth trying again. Where
 * all calls from one on fail, these do so thirty times only; a kernel that fails for ever would not
 * be realistic.
 */
#include "run/faults.h"
#include "sys/fault.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ERRORS = 8, PASSES_AFTER = 30 };

struct error {
    const char *name; /* as in errno.h; "short1": one byte, or request, is moved */
    int result;       /* the hook's answer */
    bool passes;      /* by itself, in a while */
};

#define FAILS(error)                                                                               \
    {                                                                                              \
        .name = #error, .result = -error                                                           \
    }
#define PASSES(error)                                                                              \
    {                                                                                              \
        .name = #error, .result = -error, .passes = true                                           \
    }
#define MOVES_ONE                                                                                  \
    {                                                                                              \
        .name = "short1", .result = 1                                                              \
    }

static const struct {
    const char *name;
    struct error errors[MAX_ERRORS]; /* it can have; the rest are zeros */
} sites[TEST_SITES] = {
    [SITE_MALLOC] = {"malloc", {FAILS(ENOMEM)}},
    [SITE_ALLOCATE] = {"allocate", {FAILS(ENOMEM)}},
    [SITE_MAP] = {"map", {FAILS(ENOMEM), FAILS(EAGAIN)}},
    [SITE_MAP_SHARED] = {"map_shared", {FAILS(ENOMEM), FAILS(EAGAIN), FAILS(EPERM)}},
    [SITE_UNMAP] = {"unmap", {FAILS(ENOMEM)}},
    [SITE_GUARD] = {"guard",
                    {FAILS(EINVAL), FAILS(ENOMEM), PASSES(EINTR), PASSES(EAGAIN), FAILS(EPERM)}},
    [SITE_GUARD_EACH] = {"guard_each",
                         {FAILS(ENOSYS), FAILS(EPERM), FAILS(EBADF), FAILS(ENOMEM), PASSES(EINTR)}},
    [SITE_POPULATE_EACH] = {"populate_each",
                            {FAILS(ENOSYS), FAILS(EPERM), FAILS(EBADF), FAILS(ENOMEM),
                             PASSES(EINTR)}},
    [SITE_MPROTECT] = {"mprotect", {FAILS(ENOMEM), FAILS(EACCES)}},
    [SITE_MADVISE_DONTNEED] = {"madvise_dontneed", {FAILS(EINVAL), FAILS(ENOMEM), PASSES(EAGAIN)}},
    [SITE_MINCORE] = {"mincore", {PASSES(EAGAIN), FAILS(ENOMEM)}},
    [SITE_READ] = {"read", {PASSES(EINTR), PASSES(EAGAIN), FAILS(EIO)}},
    [SITE_WRITE] = {"write",
                    {PASSES(EINTR), PASSES(EAGAIN), FAILS(EIO), FAILS(EPIPE), FAILS(ENOSPC),
                     MOVES_ONE}},
    [SITE_IS_OPEN] = {"is_open", {FAILS(EBADF)}},
    [SITE_PIPE] = {"pipe", {FAILS(EMFILE), FAILS(ENFILE)}},
    [SITE_PIPE_SIZE] = {"pipe_size", {FAILS(EPERM), FAILS(EBUSY)}},
    [SITE_OPEN_NULL] = {"open_null", {FAILS(EMFILE), FAILS(ENOENT)}},
    [SITE_CREATE] = {"create", {FAILS(EMFILE), FAILS(EACCES), FAILS(ENOSPC)}},
    [SITE_TRUNCATE] = {"truncate", {FAILS(EIO), FAILS(EPERM)}},
    [SITE_SPAWN] = {"spawn", {FAILS(EAGAIN), FAILS(ENOMEM), FAILS(EINVAL), FAILS(EPERM)}},
    [SITE_PIDFD_OPEN] = {"pidfd_open", {FAILS(EMFILE), FAILS(ENOSYS), FAILS(EPERM)}},
    [SITE_WAIT_PROCESS] = {"wait_process", {PASSES(EINTR), FAILS(ECHILD)}},
    [SITE_SIGNAL_PROCESS] = {"signal_process", {FAILS(EPERM), FAILS(EINVAL), FAILS(ENOSYS)}},
    [SITE_RECV] = {"recv",
                   {PASSES(EINTR), PASSES(EAGAIN), FAILS(ENOMEM), FAILS(ECONNRESET),
                    FAILS(ETIMEDOUT), FAILS(ECONNREFUSED), MOVES_ONE}},
    [SITE_SOCKET] = {"socket", {FAILS(EMFILE), FAILS(ENFILE), FAILS(ENOMEM), FAILS(EACCES)}},
    [SITE_CONNECT] = {"connect",
                      {FAILS(ECONNREFUSED), FAILS(ENOMEM), FAILS(EADDRNOTAVAIL), FAILS(ETIMEDOUT)}},
    [SITE_ACCEPT] = {"accept",
                     {PASSES(EINTR), PASSES(ECONNABORTED), FAILS(EMFILE), FAILS(ENFILE),
                      PASSES(ENOMEM), PASSES(EMFILE)}},
    [SITE_BIND] = {"bind", {FAILS(EADDRINUSE), FAILS(EACCES), FAILS(ENOMEM)}},
    [SITE_LISTEN] = {"listen", {FAILS(EADDRINUSE)}},
    [SITE_SEND] = {"send",
                   {PASSES(EINTR), PASSES(EAGAIN), FAILS(ENOMEM), FAILS(ECONNRESET), FAILS(EPIPE),
                    MOVES_ONE}},
    [SITE_SENDMSG] = {"sendmsg", {PASSES(EINTR), PASSES(EAGAIN), FAILS(ENOMEM), FAILS(EPIPE)}},
    [SITE_RECVMSG] = {"recvmsg", {PASSES(EINTR), PASSES(EAGAIN), FAILS(ENOMEM), FAILS(ECONNRESET)}},
    [SITE_SENDTO] = {"sendto",
                     {PASSES(EINTR), PASSES(EAGAIN), FAILS(ENOMEM), FAILS(ECONNREFUSED),
                      MOVES_ONE}},
    [SITE_RECVFROM] = {"recvfrom",
                       {PASSES(EINTR), PASSES(EAGAIN), FAILS(ENOMEM), FAILS(ECONNREFUSED),
                        MOVES_ONE}},
    [SITE_SENDFILE] = {"sendfile",
                       {PASSES(EINTR), PASSES(EAGAIN), FAILS(ENOMEM), FAILS(EIO), FAILS(EPIPE),
                        MOVES_ONE}},
    [SITE_SPLICE] = {"splice",
                     {PASSES(EINTR), PASSES(EAGAIN), FAILS(ENOMEM), FAILS(EPIPE), MOVES_ONE}},
    [SITE_SHUTDOWN] = {"shutdown", {FAILS(ENOTCONN)}},
    [SITE_UNACKED_BYTES] = {"unacked_bytes", {FAILS(EINVAL), MOVES_ONE}},
    [SITE_SOCKET_OPTION] = {"socket_option", {FAILS(ENOMEM), FAILS(ENOPROTOOPT)}},
    [SITE_ADDRESS] = {"address", {FAILS(ENOTCONN), FAILS(ENOMEM)}},
    [SITE_NONBLOCKING] = {"nonblocking", {FAILS(EBADF)}},
    [SITE_FD_FLAGS] = {"fd_flags", {FAILS(EBADF)}},
    [SITE_REOPEN] = {"reopen", {FAILS(EACCES), FAILS(ENOENT), FAILS(EMFILE), FAILS(ENXIO)}},
    [SITE_DUP] = {"dup", {FAILS(EMFILE)}},
    [SITE_TERMINAL] = {"terminal", {FAILS(EIO), PASSES(EINTR)}},
    [SITE_OPEN_TERMINAL] = {"open_terminal", {FAILS(EMFILE), FAILS(ENOSPC), FAILS(ENXIO)}},
    [SITE_OPEN_DIRECTORY] = {"open_directory", {FAILS(EMFILE), FAILS(EACCES)}},
    [SITE_STAT] = {"stat", {FAILS(EACCES), FAILS(ENOMEM), FAILS(EIO)}},
    [SITE_RENAME] = {"rename", {FAILS(EACCES), FAILS(EINVAL), FAILS(EPERM), FAILS(ENOSPC)}},
    [SITE_UNLINK] = {"unlink", {FAILS(EACCES), FAILS(EPERM), FAILS(EIO)}},
    [SITE_STREAM_RECV] = {"stream_recv",
                          {FAILS(ENOMEM), FAILS(ECONNRESET), FAILS(ETIMEDOUT), MOVES_ONE}},
    [SITE_STREAM_SEND] = {"stream_send",
                          {FAILS(ENOMEM), FAILS(ECONNRESET), FAILS(EPIPE), MOVES_ONE}},
    [SITE_STREAM_READ] = {"stream_read", {FAILS(ENOMEM), FAILS(EIO), MOVES_ONE}},
    [SITE_STREAM_WRITE] = {"stream_write",
                           {FAILS(ENOMEM), FAILS(EIO), FAILS(EPIPE), FAILS(ENOSPC), MOVES_ONE}},
    [SITE_EVENTFD_OPEN] = {"eventfd_open",
                           {FAILS(EMFILE), FAILS(ENFILE), FAILS(ENODEV), FAILS(ENOMEM)}},
    [SITE_EVENTFD_RAISE] = {"eventfd_raise", {PASSES(EINTR)}},
    [SITE_EVENTFD_CLEAR] = {"eventfd_clear", {PASSES(EINTR)}},
    [SITE_EPOLL_CREATE] = {"epoll_create", {FAILS(EMFILE), FAILS(ENFILE), FAILS(ENOMEM)}},
    [SITE_EPOLL_CTL] = {"epoll_ctl", {FAILS(ENOMEM), FAILS(ENOSPC), FAILS(EBADF)}},
    [SITE_EPOLL_WAIT] = {"epoll_wait", {PASSES(EINTR), PASSES(ENOMEM)}},
    [SITE_EPOLL_PWAIT2] = {"epoll_pwait2",
                           {PASSES(EINTR), PASSES(ENOMEM), FAILS(ENOSYS), FAILS(EPERM)}},
    [SITE_POLL] = {"poll", {PASSES(EINTR), PASSES(ENOMEM)}},
    [SITE_FUTEX_WAIT] = {"futex_wait", {PASSES(EINTR), PASSES(EAGAIN)}},
    [SITE_FUTEX_WAKE] = {"futex_wake", {PASSES(EINTR)}},
    [SITE_URING_SETUP] = {"uring_setup",
                          {FAILS(EPERM), FAILS(ENOSYS), FAILS(EINVAL), FAILS(ENOMEM), FAILS(EMFILE),
                           FAILS(ENFILE), FAILS(EACCES)}},
    [SITE_URING_ENTER] = {"uring_enter",
                          {PASSES(EINTR), PASSES(EAGAIN), PASSES(EBUSY), PASSES(ENOMEM),
                           MOVES_ONE}},
    [SITE_URING_SQE] = {"uring_sqe",
                        {PASSES(EINTR), PASSES(EAGAIN), PASSES(ECANCELED), FAILS(ENOMEM)}},
    [SITE_SIGACTION] = {"sigaction", {FAILS(EINVAL), FAILS(EPERM)}},
    [SITE_SIGNAL_DEFAULT] = {"signal_default", {FAILS(EPERM)}},
    [SITE_RAISE] = {"raise", {FAILS(EPERM)}},
    [SITE_SIGNAL_STACK] = {"signal_stack", {FAILS(ENOMEM), FAILS(EPERM), FAILS(EINVAL)}},
    [SITE_THREAD] = {"thread", {FAILS(EAGAIN), FAILS(EPERM)}},
    [SITE_YIELD] = {"yield", {PASSES(EPERM)}},
    [SITE_GETADDRINFO] = {"getaddrinfo", {FAILS(EMFILE), FAILS(ENOMEM), FAILS(EIO)}},
    [SITE_GETNAMEINFO] = {"getnameinfo", {FAILS(EMFILE), FAILS(ENOMEM), FAILS(EIO)}},
    [SITE_INTERFACE_INDEX] = {"interface_index", {FAILS(EMFILE), FAILS(ENOMEM)}},
    [SITE_INTERFACE_NAME] = {"interface_name", {FAILS(EMFILE), FAILS(ENOMEM)}},
    [SITE_IMAGE] = {"image", {FAILS(EMFILE), FAILS(EACCES), FAILS(ENOMEM)}},
    [SITE_PEEK] = {"peek", {FAILS(EPERM), FAILS(ENOSYS), FAILS(EFAULT)}},
};

static struct fault wanted;
static struct fault_record *counted;
static atomic_bool is_on;

/* A library that was built without checks has no hook: then only the allocator fails. */
#if ASYNC_CHECKS
/* The thread that starts programs may read it meanwhile. */
#define SET_HOOK(function) __atomic_store_n(&asyncp_fault, (function), __ATOMIC_RELAXED)
#else
#define SET_HOOK(function) ((void)(function))
#endif

/* ---- the hook ------------------------------------------------------------------------------- */

static int answer(int site)
{
    long number = atomic_fetch_add(&counted->calls[site], 1) + 1;
    if (site != wanted.site || number < wanted.first || number > wanted.last)
        return 0;
    atomic_fetch_add(&counted->injected, 1);
    return wanted.result;
}

static int hook(enum fault_site site)
{
    return is_on ? answer((int)site) : 0;
}

bool fault_in_allocator(void)
{
    return is_on && answer(SITE_ALLOCATE) != 0;
}

void faults_begin(const struct fault *fault, struct fault_record *record)
{
    memset(record, 0, sizeof *record);
    wanted = *fault;
    counted = record;
    is_on = true;
    SET_HOOK(hook);
}

void faults_end(void)
{
    is_on = false;
}

/* ---- parsing and printing -------------------------------------------------------------------- */

const char *fault_site_name(int site)
{
    return sites[site].name;
}

/* The error of that name at that site, or NULL. */
static const struct error *find_error(int site, const char *name, size_t length)
{
    for (const struct error *error = sites[site].errors; error < sites[site].errors + MAX_ERRORS;
         error++)
        if (error->name != NULL && strlen(error->name) == length &&
            memcmp(error->name, name, length) == 0)
            return error;
    return NULL;
}

static int find_site(const char *name, size_t length)
{
    for (int site = 0; site < TEST_SITES; site++)
        if (strlen(sites[site].name) == length && memcmp(sites[site].name, name, length) == 0)
            return site;
    return TEST_SITES;
}

bool fault_parse(const char *text, struct fault *fault)
{
    size_t site_length = strcspn(text, ":");
    int site = find_site(text, site_length);
    if (site == TEST_SITES || text[site_length] == '\0')
        return false;
    const char *name = text + site_length + 1;
    size_t name_length = strcspn(name, ":");
    const struct error *error = find_error(site, name, name_length);
    if (error == NULL || name[name_length] == '\0')
        return false;
    char *end;
    long first = strtol(name + name_length + 1, &end, 10);
    bool onwards = *end == '+';
    long more = !onwards ? 0 : error->passes ? PASSES_AFTER - 1 : 1000000000;
    *fault = (struct fault){
        .site = site, .result = error->result, .first = first, .last = first + more};
    return first > 0 && (end[onwards] == '\0' || end[onwards] == '\n');
}

void faults_list(void)
{
    for (int site = 0; site < TEST_SITES; site++)
        for (int i = 0; i < MAX_ERRORS && sites[site].errors[i].name != NULL; i++)
            printf("error\t%s\t%s\n", sites[site].name, sites[site].errors[i].name);
}
