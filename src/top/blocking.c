/* top/blocking.c: tables of calls. Not every processor has every call. */
#include "top/blocking.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#define HINT_SLEEP   "call async_sleep instead"
#define HINT_THREAD  "it waits for another thread; wait for one in async_to_thread"
#define HINT_IO      "use asyncio's call of this kind, such as async_recv or a stream"
#define HINT_POLL    "call async_wait_readable or async_select instead"
#define HINT_PROCESS "call async_process_wait instead"
#define HINT_FILE    "files block; call this in another thread: async_to_thread"

struct blocking_call {
    long number;
    const char *name;
    bool has_descriptor; /* its first argument */
    const char *hint;
};

static const struct blocking_call calls[] = {
    {SYS_clock_nanosleep, "clock_nanosleep", false, HINT_SLEEP},
    {SYS_futex, "futex", false, HINT_THREAD},
    {SYS_read, "read", true, HINT_IO},
    {SYS_write, "write", true, HINT_IO},
    {SYS_readv, "readv", true, HINT_IO},
    {SYS_writev, "writev", true, HINT_IO},
    {SYS_pread64, "pread", true, HINT_FILE},
    {SYS_pwrite64, "pwrite", true, HINT_FILE},
    {SYS_fsync, "fsync", true, HINT_FILE},
    {SYS_fdatasync, "fdatasync", true, HINT_FILE},
    {SYS_flock, "flock", true, HINT_FILE},
    {SYS_fcntl, "fcntl", true, HINT_FILE},
    {SYS_openat, "openat", false, HINT_FILE},
    {SYS_wait4, "wait4", false, HINT_PROCESS},
    {SYS_waitid, "waitid", false, HINT_PROCESS},
    {SYS_ppoll, "ppoll", false, HINT_POLL},
    {SYS_pselect6, "pselect", false, HINT_POLL},
    {SYS_epoll_pwait, "epoll_pwait", true, HINT_POLL},
#ifdef SYS_nanosleep
    {SYS_nanosleep, "nanosleep", false, HINT_SLEEP},
#endif
#ifdef SYS_pause
    {SYS_pause, "pause", false, HINT_SLEEP},
#endif
#ifdef SYS_poll
    {SYS_poll, "poll", false, HINT_POLL},
#endif
#ifdef SYS_select
    {SYS_select, "select", false, HINT_POLL},
#endif
#ifdef SYS_epoll_wait
    {SYS_epoll_wait, "epoll_wait", true, HINT_POLL},
#endif
#ifdef SYS_open
    {SYS_open, "open", false, HINT_FILE},
#endif
#ifdef SYS_connect
    {SYS_connect, "connect", true, HINT_IO},
    {SYS_accept4, "accept4", true, HINT_IO},
    {SYS_recvfrom, "recvfrom", true, HINT_IO},
    {SYS_recvmsg, "recvmsg", true, HINT_IO},
    {SYS_sendto, "sendto", true, HINT_IO},
    {SYS_sendmsg, "sendmsg", true, HINT_IO},
#endif
#ifdef SYS_accept
    {SYS_accept, "accept", true, HINT_IO},
#endif
};

static const struct blocking_call *find_call(long number)
{
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (calls[i].number == number)
            return &calls[i];
    return NULL;
}

void asyncp_blocking_describe(char *text, size_t size, const struct thread_call *call)
{
    const struct blocking_call *known = find_call(call->number);
    char name[128];
    if (call->number == THREAD_FAULT) {
        snprintf(text, size, "a page fault, for memory of a file or in swap");
        return;
    }
    if (call->number == THREAD_ENDED) {
        snprintf(text, size, "the end of its thread");
        return;
    }
    if (known == NULL) {
        snprintf(text, size, "system call %ld", call->number);
        return;
    }
    int length = snprintf(text, size, "%s(2)", known->name);
    if (!known->has_descriptor || length < 0 || (size_t)length >= size)
        return;
    asyncp_sys_descriptor_name(call->arguments[0], name, sizeof name);
    snprintf(text + length, size - (size_t)length, " on descriptor %" PRIu64 "%s%s",
             call->arguments[0], *name != '\0' ? ", " : "", name);
}

const char *asyncp_blocking_hint(const struct thread_call *call)
{
    const struct blocking_call *known = find_call(call->number);
    if (call->number == THREAD_FAULT)
        return "touch such memory in async_to_thread first, or lock it: mlock(2)";
    if (call->number == THREAD_ENDED)
        return "return from a task, and do not call pthread_exit: the loop runs on its thread";
    return known != NULL ? known->hint : "call this in another thread: async_to_thread";
}

const char *asyncp_blocking_hint_by_name(const char *function)
{
#define INSTEAD(function, call)                                                                    \
    {                                                                                              \
        function, function " blocks; call " call                                                   \
    }
    static const char *const hints[][2] = {INSTEAD("getaddrinfo", "async_getaddrinfo"),
                                           INSTEAD("gethostbyname", "async_getaddrinfo"),
                                           INSTEAD("gethostbyname2", "async_getaddrinfo"),
                                           INSTEAD("gethostbyname_r", "async_getaddrinfo"),
                                           INSTEAD("gethostbyname2_r", "async_getaddrinfo"),
                                           INSTEAD("gethostbyaddr", "async_getnameinfo"),
                                           INSTEAD("gethostbyaddr_r", "async_getnameinfo"),
                                           INSTEAD("getnameinfo", "async_getnameinfo")};
#undef INSTEAD
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
        if (strcmp(function, hints[i][0]) == 0)
            return hints[i][1];
    return NULL;
}
