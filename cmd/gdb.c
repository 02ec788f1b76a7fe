/*
 * cmd/gdb.c: executes gdb with the commands for tasks. gdb loads them by itself only for a shared
 * library in a folder that it knows.
 */
#include "cmd/commands.h"
#include "cmd/help.h"
#include "cmd/subject.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

/* In the build folder the package is beside the command. */
static void find_loader(char *path, size_t size)
{
    static const char package[] = "cmd/asyncio_gdb/load.py";
    ssize_t length = readlink("/proc/self/exe", path, size);
    while (length > 0 && path[length - 1] != '/')
        length--;
    if (length > 0 && (size_t)length + sizeof package <= size) {
        memcpy(path + length, package, sizeof package);
        if (access(path, R_OK) == 0)
            return;
    }
    snprintf(path, size, "%s", GDB_FOLDER "/asyncio_gdb/load.py");
}

/* gdb wants to know the program of a core. */
static int find_program(const char *name, char **program)
{
    static struct subject subject;
    int result = subject_open(&subject, name);
    if (result < 0)
        return result;
    const char *path = core_program(subject.core);
    *program = path != NULL ? strdup(path) : NULL;
    if (path == NULL)
        subject_say(&subject, "it does not say which program it is of; type gdb PROGRAM CORE");
    subject_close(&subject);
    return *program != NULL ? 0 : -ENOENT;
}

static int execute_gdb(char *name, char **more, int more_count)
{
    static char gdb[] = "gdb", execute_first[] = "-ix", process[] = "-p";
    char loader[PATH_BYTES];
    char **arguments = calloc((size_t)more_count + 6, sizeof *arguments);
    if (arguments == NULL) {
        fprintf(stderr, "asyncio: gdb cannot be executed: %s\n", strerror(ENOMEM));
        return -ENOMEM;
    }
    find_loader(loader, sizeof loader);
    memcpy(arguments, (char *[]){gdb, execute_first, loader, process, name}, 5 * sizeof *arguments);
    memcpy(arguments + 5, more, (size_t)more_count * sizeof *more);
    int result = subject_is_process(name) ? 0 : find_program(name, &arguments[3]);
    if (result == 0) {
        execvp(gdb, arguments);
        result = -errno;
        fprintf(stderr, "asyncio: gdb cannot be executed: %s\n", strerror(errno));
    }
    free(arguments);
    return result;
}

/* The first word is a PID or a CORE. */
int gdb_run(int count, char **arguments)
{
    const char *name = NULL;
    int result = count > 0 ? help_take_subject("gdb", arguments[0], &name) : 0;
    if (result == 0)
        result = help_need_subject("gdb", name);
    if (result != 0)
        return result;
    return execute_gdb(arguments[0], arguments + 1, count - 1) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
