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
 *     asyncio help [COMMAND]     descriptions of the commands
 *
 * The program needs no preparation, and may be stripped or static. The exit status is 0, 1 if the
 * process cannot be looked at, or 2 if the arguments are wrong.
 */
#include "cmd/commands.h"
#include "cmd/help.h"
#include <asyncio/base.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int count, char **arguments);
} commands[] = {
    {"ps", ps_run}, {"tree", tree_run}, {"top", top_run}, {"trace", trace_run}, {"gdb", gdb_run}};

static bool is_number(const char *word)
{
    return *word != 0 && word[strspn(word, "0123456789")] == 0;
}

static int refuse_command(const char *word)
{
    if (is_number(word))
        return help_refuse(NULL, "a command is missing before %s; to list its tasks: asyncio ps %s",
                           word, word);
    return help_refuse(NULL, "there is no command '%s'; there are ps, tree, top, trace, gdb", word);
}

static int print_help(int count, char **arguments)
{
    if (count == 0)
        help_print(stdout);
    else if (!help_print_command(stdout, arguments[0]))
        return refuse_command(arguments[0]);
    return EXIT_SUCCESS;
}

static int print_version(void)
{
    printf("asyncio %d.%d.%d\n", ASYNC_VERSION_MAJOR, ASYNC_VERSION_MINOR, ASYNC_VERSION_PATCH);
    return EXIT_SUCCESS;
}

/* Behind its first word, the arguments of `asyncio gdb` are for gdb. */
static bool asks_for_help(const char *command, int count, char **arguments)
{
    for (int i = 0; i < count; i++)
        if (help_is_asked(arguments[i]) && (i == 0 || strcmp(command, "gdb") != 0))
            return true;
    return false;
}

static int run_command(int count, char **arguments)
{
    if (count == 0) {
        help_print(stderr);
        return WRONG_USAGE;
    }
    if (strcmp(arguments[0], "help") == 0 || help_is_asked(arguments[0]))
        return print_help(count - 1, arguments + 1);
    if (strcmp(arguments[0], "--version") == 0)
        return print_version();
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(arguments[0], commands[i].name) != 0)
            continue;
        if (asks_for_help(arguments[0], count - 1, arguments + 1))
            return print_help(1, arguments);
        return commands[i].run(count - 1, arguments + 1);
    }
    return refuse_command(arguments[0]);
}

int main(int count, char **arguments)
{
    int status = run_command(count > 0 ? count - 1 : 0, arguments + 1);
    bool was_written = fflush(stdout) == 0; /* the end; an earlier part may have failed */
    if ((!was_written || ferror(stdout)) && status == EXIT_SUCCESS) {
        fprintf(stderr, "asyncio: the output cannot be written%s%s\n", was_written ? "" : ": ",
                was_written ? "" : strerror(errno));
        return EXIT_FAILURE;
    }
    return status;
}
