/*
 * asyncio: looks into a running program that uses libasyncio, without stopping it, or into a core.
 *
 *     asyncio ps PID|CORE        its loops and tasks; tasks that do the same share a line
 *     asyncio ps --each …        a line for each task
 *     asyncio ps --stacks …      the calls in which each task is
 *     asyncio ps --json …        for programs
 *     asyncio tree PID|CORE      below each task those that it awaits
 *     asyncio top PID            the loops and the tasks that they run, once a second
 *     asyncio trace FILE|PID|CORE  the verdict on timelines of ASYNCIO_TRACE
 *     asyncio trace FILE -o OUT  the timelines as a page, SVG, or for Perfetto
 *     asyncio gdb PID|CORE …     gdb with commands for tasks
 *
 * The program needs no preparation, and may be stripped or static. The exit status is 0, 1 if the
 * process cannot be looked at, or 2 if the arguments are wrong.
 */
#include "cmd/commands.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: asyncio ps [--each] [--stacks] PID|CORE\n       asyncio ps --json PID|CORE\n"
    "       asyncio tree [--each] PID|CORE\n"
    "       asyncio top [--once | --json] [--seconds N] PID\n"
    "       asyncio trace FILE|PID|CORE [-o OUT.html|OUT.svg|OUT.pftrace|OUT.trace]\n"
    "       asyncio gdb PID|CORE [ARGUMENT ...]\n";

static const struct {
    const char *name;
    int (*run)(int count, char **arguments);
} commands[] = {
    {"ps", ps_run}, {"tree", tree_run}, {"top", top_run}, {"trace", trace_run}, {"gdb", gdb_run}};

static int run_command(int count, char **arguments)
{
    for (size_t i = 0; count > 0 && i < sizeof commands / sizeof *commands; i++)
        if (strcmp(arguments[0], commands[i].name) == 0)
            return commands[i].run(count - 1, arguments + 1);
    return WRONG_USAGE;
}

int main(int count, char **arguments)
{
    int status = run_command(count - 1, arguments + 1);
    if (status == WRONG_USAGE)
        fputs(usage, stderr);
    if (fflush(stdout) != 0 && status == EXIT_SUCCESS) {
        fprintf(stderr, "asyncio: the output cannot be written: %s\n", strerror(errno));
        return EXIT_FAILURE;
    }
    return status;
}
