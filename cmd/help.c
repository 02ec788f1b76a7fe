/* cmd/help.c: the texts of `asyncio help`, and the messages about wrong calls. */
#include "cmd/help.h"
#include "cmd/commands.h"
#include <stdarg.h>
#include <string.h>

struct help {
    const char *name, *purpose, *example;
    const char *usage; /* each form on a line */
    const char *subject;
    const char *text;
};

#define PROCESS_OR_CORE "the number of a process or the path of a core"

static const struct help helps[] = {
    {"ps", "lists loops and tasks: what each waits for, for how long, where", "asyncio ps 4711",
     "asyncio ps [--each] [--stacks] PID|CORE\n"
     "asyncio ps --json PID|CORE\n",
     PROCESS_OR_CORE,
     "  --each     a line for each task; else tasks that do the same share one\n"
     "  --stacks   below each line all calls of the task, the innermost first\n"
     "  --json     everything, for programs\n"
     "\n"
     "Of a core the first line says which signal has ended the process, and in which task.\n"},
    {"tree", "shows which task awaits which, and deadlocks", "asyncio tree 4711",
     "asyncio tree [--each] PID|CORE\n", PROCESS_OR_CORE,
     "  --each     a line for each task; else tasks that do the same share one\n"
     "\n"
     "Below a task stand those that it awaits; at the end, tasks that wait for each other.\n"},
    {"top", "shows once a second how busy loops are, and which tasks use them", "asyncio top 4711",
     "asyncio top [--seconds N] PID\n"
     "asyncio top --once | --json [--seconds N] PID\n",
     "the number of a process",
     "  --seconds N   the time of a table, 0.02 to 3600; without it 1\n"
     "  --once        prints one table and ends\n"
     "  --json        prints one table as JSON and ends\n"
     "\n"
     "It ends with q or Ctrl-C.\n"},
    {"trace", "says what cost time in a timeline, or makes a page of it", "asyncio trace run.trace",
     "asyncio trace FILE|PID|CORE [-o OUT.html|OUT.svg|OUT.pftrace|OUT.trace]\n",
     "a .trace file that ASYNCIO_TRACE has named, the number of a process or the path of a core",
     "  -o OUT     writes the timeline: as a page, a picture, for ui.perfetto.dev, or for this\n"
     "             command; without it the verdict on the timeline is printed\n"
     "\n"
     "A program writes its timeline itself if it is started with ASYNCIO_TRACE=run.trace in its\n"
     "environment; with ASYNCIO_TRACE=flight:run.trace it only keeps the last moments.\n"},
    {"gdb", "starts gdb with commands for tasks", "asyncio gdb 4711",
     "asyncio gdb PID|CORE [ARGUMENT ...]\n", PROCESS_OR_CORE,
     "In gdb, `info tasks` lists the tasks, `task 3 bt` shows the calls of task 3, and\n"
     "`help task` describes all commands. Arguments after PID or CORE are passed to gdb.\n"
     "gdb stops the process.\n"}};

enum { HELP_COUNT = sizeof helps / sizeof *helps };

static const struct help *find_help(const char *name)
{
    for (size_t i = 0; i < HELP_COUNT; i++)
        if (strcmp(helps[i].name, name) == 0)
            return &helps[i];
    return NULL;
}

/* "usage: " before the first line, and as much room before the others. */
static void print_usage(FILE *to, const char *usage)
{
    for (const char *before = "usage: "; *usage != 0; before = "       ") {
        size_t length = strcspn(usage, "\n");
        fprintf(to, "%s%.*s\n", before, (int)length, usage);
        usage += length + (usage[length] != 0);
    }
}

void help_print(FILE *to)
{
    fputs("usage: asyncio COMMAND [OPTION ...] PID|CORE|FILE\n\n"
          "Looks into a program that uses libasyncio, while it runs or after it has crashed. The\n"
          "program needs no preparation; only `asyncio gdb` stops it.\n\n",
          to);
    for (size_t i = 0; i < HELP_COUNT; i++)
        fprintf(to, "  %-6s %-66s %s\n", helps[i].name, helps[i].purpose, helps[i].example);
    fputs("\nPID is the number of a process: `pgrep NAME` finds it. CORE is a file: see core(5).\n"
          "`asyncio help COMMAND` describes a command, and asyncio(1) all of them.\n",
          to);
}

bool help_print_command(FILE *to, const char *name)
{
    const struct help *help = find_help(name);
    if (help == NULL)
        return false;
    print_usage(to, help->usage);
    fprintf(to, "\nasyncio %s %s.\n\nExample: %s\n\n%s", help->name, help->purpose, help->example,
            help->text);
    return true;
}

bool help_is_asked(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

int help_refuse(const char *command, const char *format, ...)
{
    const struct help *help = command != NULL ? find_help(command) : NULL;
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "asyncio%s%s: ", help != NULL ? " " : "", help != NULL ? command : "");
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    if (help != NULL)
        print_usage(stderr, help->usage);
    fprintf(stderr, "`asyncio help%s%s` says more\n", help != NULL ? " " : "",
            help != NULL ? command : "");
    return WRONG_USAGE;
}

int help_take_subject(const char *command, const char *word, const char **subject)
{
    if (*word == '-' && word[1] != 0)
        return help_refuse(command, "there is no option '%s'", word);
    if (*subject != NULL)
        return help_refuse(command, "only one is looked at: '%s' or '%s'", *subject, word);
    *subject = word;
    return 0;
}

int help_need_subject(const char *command, const char *subject)
{
    const struct help *help = find_help(command);
    return subject != NULL
               ? 0
               : help_refuse(command, "give %s, for example: %s", help->subject, help->example);
}
