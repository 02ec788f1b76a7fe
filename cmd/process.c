/* cmd/process.c: finds a process and what it has loaded, and explains why it cannot be read. */
#include "cmd/process.h"
#include "cmd/sections.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MOST_AT_ONCE = 1024, STATUS_BYTES = 4096 };

/* ---- its memory ----------------------------------------------------------------------------- */

/* Marks the pieces that lie in the first `bytes` bytes. Returns how many. */
static size_t mark_read(struct piece pieces[], size_t count, size_t bytes)
{
    size_t done = 0;
    for (; done < count && pieces[done].size <= bytes; done++) {
        bytes -= pieces[done].size;
        pieces[done].was_read = true;
    }
    return done;
}

/* The call ends at the first piece that is not there: the rest follows in another one. */
static int read_some(const struct process *process, struct piece pieces[], size_t count)
{
    struct iovec here[MOST_AT_ONCE], there[MOST_AT_ONCE];
    for (size_t i = 0; i < count; i++) {
        pieces[i].was_read = false;
        here[i] = (struct iovec){pieces[i].bytes, pieces[i].size};
        there[i] = (struct iovec){(void *)(uintptr_t)pieces[i].address, pieces[i].size};
    }
    for (size_t done = 0; done < count; done++) {
        ssize_t bytes = process_vm_readv(process->id, here + done, count - done, there + done,
                                         count - done, 0);
        if (bytes < 0 && errno != EFAULT)
            return -errno;
        done += mark_read(pieces + done, count - done, bytes > 0 ? (size_t)bytes : 0);
    }
    return 0;
}

static int read_process(const struct view *view, struct piece pieces[], size_t count)
{
    const struct process *process = (const void *)((const char *)view -
                                                   offsetof(struct process, view));
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i += MOST_AT_ONCE)
        result = read_some(process, pieces + i,
                           count - i < MOST_AT_ONCE ? count - i : MOST_AT_ONCE);
    return result;
}

/* ---- /proc ---------------------------------------------------------------------------------- */

static FILE *open_file(const struct process *process, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)process->id, name);
    return fopen(path, "re");
}

/* The value of a line of /proc/PID/status, or "". */
static const char *read_status(const struct process *process, const char *name, char *value,
                               size_t size)
{
    char line[256];
    size_t length = strlen(name);
    FILE *file = open_file(process, "status");
    *value = 0;
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, length) == 0 && line[length] == ':') {
            const char *text = line + length + 1 + strspn(line + length + 1, " \t");
            snprintf(value, size, "%.*s", (int)strcspn(text, "\n"), text);
            break;
        }
    if (file != NULL)
        fclose(file);
    return value;
}

static int read_number(const char *path)
{
    int number = -1;
    FILE *file = fopen(path, "re");
    if (file != NULL && fscanf(file, "%d", &number) != 1)
        number = -1;
    if (file != NULL)
        fclose(file);
    return number;
}

/* ---- refusals ------------------------------------------------------------------------------- */

static void refuse(const struct process *process, const char *why)
{
    fprintf(stderr, "asyncio: process %d%s%s%s: %s\n", (int)process->id,
            *process->name != 0 ? " (" : "", process->name, *process->name != 0 ? ")" : "", why);
}

/* The kernel says no more than EPERM. */
static const char *explain_permission(const struct process *process)
{
    char uid[64], path[64];
    struct stat status;
    snprintf(path, sizeof path, "/proc/%d", (int)process->id);
    if (stat(path, &status) < 0)
        return "it has ended";
    if (atoi(read_status(process, "Uid", uid, sizeof uid)) != (int)geteuid())
        return "it belongs to another user; run asyncio as that user or as root";
    if (status.st_uid != geteuid())
        return "it has changed its rights (setuid, capabilities, PR_SET_DUMPABLE), so only root "
               "may read its memory; run asyncio as root";
    int scope = read_number("/proc/sys/kernel/yama/ptrace_scope");
    if (scope == 3)
        return "kernel.yama.ptrace_scope is 3: nobody may read the memory of another process "
               "until the next start of the machine";
    if (scope > 0)
        return "kernel.yama.ptrace_scope forbids it; run asyncio as root, or: sysctl "
               "kernel.yama.ptrace_scope=0";
    return "the kernel forbids it, as in containers with a filter of system calls; give the "
           "container the capability SYS_PTRACE (docker run --cap-add SYS_PTRACE)";
}

static const char *explain(const struct process *process, int error)
{
    switch (error) {
    case -EPERM:
    case -EACCES:
        return explain_permission(process);
    case -ESRCH:
        return "it has ended";
    case -ENOENT:
        return "it does not use libasyncio, or has not loaded it yet";
    case -ENOTSUP:
        return "its libasyncio is of another version; use the command asyncio of that version";
    case -EXDEV:
        return "it is a program of another word size (32 or 64 bits); use a command asyncio of "
               "that size";
    case -EPROTO:
        return "its libasyncio is damaged in memory";
    default:
        return strerror(-error);
    }
}

int process_refuse(const struct process *process, int error)
{
    refuse(process, explain(process, error));
    return error;
}

/* ---- opening -------------------------------------------------------------------------------- */

/* The begin of a loaded file, of a line of /proc/PID/maps; 0: it is none. */
static uint64_t file_start(const char *line)
{
    unsigned long long start, offset, inode;
    char rights[8];
    if (sscanf(line, "%llx-%*x %7s %llx %*s %llu", &start, rights, &offset, &inode) != 4)
        return 0;
    return rights[0] == 'r' && offset == 0 && inode != 0 ? start : 0;
}

/* Some linkers map the begin of a file more than once. */
static void add_library(struct process *process, const struct library *library)
{
    for (size_t i = 0; i < process->library_count; i++)
        if (process->libraries[i].loops == library->loops)
            return;
    if (process->library_count < MAX_LIBRARIES)
        process->libraries[process->library_count++] = *library;
}

static int add_ranges(struct process *process, const struct image *image)
{
    size_t count = process->range_count + image->range_count;
    struct code_range *ranges = realloc(process->ranges, (count + 1) * sizeof *ranges);
    if (ranges == NULL)
        return -ENOMEM;
    memcpy(ranges + process->range_count, image->ranges,
           image->range_count * sizeof *image->ranges);
    process->ranges = ranges;
    process->range_count = count;
    return 0;
}

/* Where the file of a line of /proc/PID/maps can be opened, as the process sees it. */
static void find_path(const struct process *process, const char *line, char *path, size_t size)
{
    char link[64], program[4096];
    const char *name = strchr(line, '/');
    size_t length = name != NULL ? strcspn(name, "\n") : 0;
    snprintf(link, sizeof link, "/proc/%d/exe", (int)process->id);
    ssize_t linked = readlink(link, program, sizeof program);
    if (linked == (ssize_t)length && memcmp(program, name, length) == 0)
        snprintf(path, size, "%s", link); /* also if the file is gone */
    else
        snprintf(path, size, "/proc/%d/root%.*s", (int)process->id, (int)length, name);
}

/* A static program has no index: its table is found by the file. */
static void find_table(const struct process *process, const char *line, struct image *image)
{
    char path[4096 + 64];
    uint64_t address;
    size_t size;
    if (image->range_count == 0 || image->ranges[0].index != 0)
        return;
    find_path(process, line, path, sizeof path);
    if (sections_find_table(path, &address, &size) < 0)
        return;
    for (size_t i = 0; i < image->range_count; i++) {
        image->ranges[i].table = image->bias + address;
        image->ranges[i].table_bytes = size;
    }
}

/* *error: why a file with libasyncio could not be used. */
static int add_image(struct process *process, const char *line, uint64_t start, int *error)
{
    struct image image = {.start = start};
    int result = image_look(&process->view, &image);
    find_table(process, line, &image);
    if (result == -EPERM || result == -ESRCH)
        return result;
    if (result > 0)
        add_library(process, &image.library);
    if (result < 0)
        *error = result;
    return add_ranges(process, &image);
}

static int find_libraries(struct process *process, FILE *maps)
{
    char line[4352]; /* with a path */
    int result = 0, error = -ENXIO;
    while (result == 0 && fgets(line, sizeof line, maps) != NULL) {
        uint64_t start = file_start(line);
        error = error == -ENXIO ? -ENOENT : error;
        if (start != 0)
            result = add_image(process, line, start, &error);
    }
    return result < 0 ? result : process->library_count > 0 ? 0 : error;
}

/* A process without memory: it has ended, or is of the kernel. */
static int refuse_empty(const struct process *process)
{
    char state[64];
    read_status(process, "State", state, sizeof state);
    refuse(process, *state == 'Z' ? "it has ended, and its parent has not waited for it yet"
                                  : "it is a thread of the kernel");
    return -ESRCH;
}

static int read_id(struct process *process, const char *pid)
{
    char *end;
    errno = 0;
    long id = strtol(pid, &end, 10);
    if (*pid == 0 || *end != 0 || errno != 0 || id <= 0 || id > INT32_MAX) {
        fprintf(stderr, "asyncio: '%s' is not the number of a process\n", pid);
        return -EINVAL;
    }
    process->id = (pid_t)id;
    return 0;
}

/* "NSpid: 4711 12": the last one is the innermost. */
static pid_t read_inner_id(const struct process *process)
{
    char numbers[256];
    read_status(process, "NSpid", numbers, sizeof numbers);
    const char *last = strrchr(numbers, '\t');
    int id = atoi(last != NULL ? last : numbers);
    return id > 0 ? id : process->id;
}

int process_open(struct process *process, const char *pid)
{
    *process = (struct process){.view = {.read = read_process}};
    int result = read_id(process, pid);
    if (result < 0)
        return result;
    read_status(process, "Name", process->name, sizeof process->name);
    process->inner_id = read_inner_id(process);
    FILE *maps = open_file(process, "maps");
    if (maps == NULL && errno == ENOENT) {
        refuse(process, "there is no such process");
        return -ESRCH;
    }
    if (maps == NULL)
        return process_refuse(process, -errno);
    result = find_libraries(process, maps);
    fclose(maps);
    if (result == -ENXIO)
        return refuse_empty(process);
    return result < 0 ? process_refuse(process, result) : 0;
}

void process_close(struct process *process)
{
    free(process->ranges);
    process->ranges = NULL;
}
