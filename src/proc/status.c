/*
 * proc/status.c: the status of a process as text.
 */
#include <asyncio/process.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

/* "SIGSEGV", or "signal 40" in text. */
static const char *signal_name(int number, char *text, size_t size)
{
    static const char *const names[] = {
        "",          "SIGHUP",  "SIGINT",    "SIGQUIT", "SIGILL",   "SIGTRAP", "SIGABRT", "SIGBUS",
        "SIGFPE",    "SIGKILL", "SIGUSR1",   "SIGSEGV", "SIGUSR2",  "SIGPIPE", "SIGALRM", "SIGTERM",
        "SIGSTKFLT", "SIGCHLD", "SIGCONT",   "SIGSTOP", "SIGTSTP",  "SIGTTIN", "SIGTTOU", "SIGURG",
        "SIGXCPU",   "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO",   "SIGPWR",  "SIGSYS"};
    if (number > 0 && (size_t)number < sizeof names / sizeof names[0])
        return names[number];
    snprintf(text, size, "signal %d", number);
    return text;
}

int async_strstatus(int status, char *text, size_t size)
{
    char name[24];
    if (text == NULL && size > 0)
        return async_fail(-EINVAL, "async_strstatus: text is NULL, but size is not 0");
    if (status < 0)
        return snprintf(text, size, "%s", async_strerror(status));
    if (WIFEXITED(status))
        return snprintf(text, size, "exit status %d", WEXITSTATUS(status));
    if (WIFSIGNALED(status))
        return snprintf(text, size, "killed by %s%s",
                        signal_name(WTERMSIG(status), name, sizeof name),
                        WCOREDUMP(status) ? ", core dumped" : "");
    return snprintf(text, size, "status %#x", (unsigned)status);
}
