/* cmd/live.c: a running process: its memory, what it has loaded, and why it cannot be read. */
#include "cmd/subject.h"
#include "inspect/process.h"
#include "sys/clock.h"
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAUSE_AFTER_PIECES = 32, PAUSE_NS = 500000, MAX_AUXV_ENTRIES = 64 };

/* ---- its threads ---------------------------------------------------------------------------- */

static FILE *open_file(const struct subject *subject, const char *name)
{
    char path[96];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)subject->id, name);
    return fopen(path, "re");
}

/* Memory, and the files that have to do with it, are lost with the end of a thread. */
static FILE *open_file_of_thread(const struct subject *subject, pid_t thread, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "task/%d/%s", (int)thread, name);
    return open_file(subject, path);
}

/* The first thread of the process for which `is_it` says so; 0: no thread. */
static pid_t search_threads(const struct subject *subject,
                            bool (*is_it)(const struct subject *subject, pid_t thread,
                                          uint32_t argument),
                            uint32_t argument)
{
    char path[64];
    pid_t found = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)subject->id);
    DIR *threads = opendir(path);
    for (struct dirent *entry;
         threads != NULL && found == 0 && (entry = readdir(threads)) != NULL;) {
        pid_t number = atoi(entry->d_name);
        if (number > 0 && is_it(subject, number, argument))
            found = number;
    }
    if (threads != NULL)
        closedir(threads);
    return found;
}

static bool has_memory(const struct subject *subject, pid_t thread, uint32_t argument)
{
    (void)argument;
    FILE *maps = open_file_of_thread(subject, thread, "maps");
    bool has_any = maps != NULL && fgetc(maps) != EOF;
    if (maps != NULL)
        fclose(maps);
    return has_any;
}

/*
 * 0: the process has no memory. After pthread_exit in main the process goes on without its first
 * thread. A process that ends has lost its memory before its number.
 */
static pid_t find_living_thread(const struct subject *subject)
{
    return search_threads(subject, has_memory, 0);
}

/* ---- its memory ----------------------------------------------------------------------------- */

/* The thread by which memory is read may end: then another one is used. */
static int read_by_threads(const struct subject *subject, struct piece pieces[], size_t count)
{
    int result = asyncp_process_read(subject->living, pieces, count);
    pid_t other = result == -ESRCH ? find_living_thread(subject) : 0;
    return other != 0 ? asyncp_process_read(other, pieces, count) : result;
}

/*
 * Pauses after each chunk of tasks. Without pauses, on busy processors, requests to the process
 * wait until the whole snapshot is taken: 20 ms for 10,000 tasks.
 */
static int read_process(const struct view *view, struct piece pieces[], size_t count)
{
    const struct subject *subject = (const void *)((const char *)view -
                                                   offsetof(struct subject, view));
    int result = read_by_threads(subject, pieces, count);
    if (count > PAUSE_AFTER_PIECES)
        asyncp_sys_sleep(PAUSE_NS);
    return result;
}

/* ---- its program ---------------------------------------------------------------------------- */

/* Addresses may be the same in two programs, the random bytes are not. */
static void read_exec_image(const struct subject *subject, struct exec_image *image)
{
    ElfW(auxv_t) entries[MAX_AUXV_ENTRIES];
    pid_t thread = find_living_thread(subject);
    FILE *file = thread != 0 ? open_file_of_thread(subject, thread, "auxv") : NULL;
    size_t count = file != NULL ? fread(entries, sizeof *entries, MAX_AUXV_ENTRIES, file) : 0;
    if (file != NULL)
        fclose(file);
    *image = (struct exec_image){.is_known = count > 0};
    for (size_t i = 0; i < count; i++)
        if (entries[i].a_type == AT_RANDOM)
            image->address = entries[i].a_un.a_val;
    struct piece piece = {
        .address = image->address, .bytes = image->random, .size = sizeof image->random};
    if (image->address != 0)
        asyncp_process_read(thread, &piece, 1);
}

bool live_has_changed(const struct subject *subject)
{
    const struct exec_image *first = &subject->first;
    struct exec_image now;
    read_exec_image(subject, &now);
    return first->is_known && now.is_known &&
           (first->address != now.address ||
            memcmp(first->random, now.random, sizeof now.random) != 0);
}

/* ---- /proc ---------------------------------------------------------------------------------- */

/* The value of a line of a status file below /proc/PID, or "". */
static const char *read_status_of(const struct subject *subject, const char *status,
                                  const char *name, char *value, size_t size)
{
    char line[256];
    size_t length = strlen(name);
    FILE *file = open_file(subject, status);
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

static const char *read_status(const struct subject *subject, const char *name, char *value,
                               size_t size)
{
    return read_status_of(subject, "status", name, value, size);
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

/* "NSpid: 4711 12": the last one is the innermost. 0: unknown. */
static pid_t read_inner_number(const struct subject *subject, const char *status)
{
    char numbers[256];
    read_status_of(subject, status, "NSpid", numbers, sizeof numbers);
    const char *last = strrchr(numbers, '\t');
    return atoi(last != NULL ? last : numbers);
}

static bool has_inner_number(const struct subject *subject, pid_t thread, uint32_t inner)
{
    char status[64];
    snprintf(status, sizeof status, "task/%d/status", (int)thread);
    return read_inner_number(subject, status) == (pid_t)inner;
}

pid_t live_find_thread(const struct subject *subject, uint32_t thread)
{
    return subject->inner_id == subject->id ? (pid_t)thread
                                            : search_threads(subject, has_inner_number, thread);
}

bool live_read_times(const struct subject *subject, pid_t thread, int64_t *processor_ns,
                     int64_t *delay_ns)
{
    FILE *file = thread > 0 ? open_file_of_thread(subject, thread, "schedstat") : NULL;
    bool was_read = file != NULL &&
                    fscanf(file, "%" SCNd64 " %" SCNd64, processor_ns, delay_ns) == 2;
    if (file != NULL)
        fclose(file);
    return was_read;
}

/* ---- refusals ------------------------------------------------------------------------------- */

#define WITH_CAPABILITY "with the capability SYS_PTRACE (docker run --cap-add SYS_PTRACE)"

/* Root in a container mostly lacks the capability. */
static const char *explain_to_root(bool is_of_other, bool has_other_rights)
{
    if (is_of_other)
        return "it belongs to another user; run asyncio as that user, or " WITH_CAPABILITY;
    if (has_other_rights)
        return "it has changed its rights (setuid, capabilities, PR_SET_DUMPABLE); run "
               "asyncio " WITH_CAPABILITY;
    return "the kernel forbids it; run asyncio " WITH_CAPABILITY;
}

/* The kernel says no more than EPERM. */
static const char *explain_permission(const struct subject *subject)
{
    char uid[64], path[64];
    struct stat status;
    snprintf(path, sizeof path, "/proc/%d", (int)subject->id);
    if (stat(path, &status) < 0)
        return "it has ended";
    bool is_of_other = atoi(read_status(subject, "Uid", uid, sizeof uid)) != (int)geteuid();
    bool has_other_rights = status.st_uid != geteuid();
    int scope = read_number("/proc/sys/kernel/yama/ptrace_scope");
    if (scope == 3)
        return "kernel.yama.ptrace_scope is 3: no process may read the memory of another one "
               "until the next start of the machine";
    if (geteuid() == 0)
        return explain_to_root(is_of_other, has_other_rights);
    if (is_of_other)
        return "it belongs to another user; run asyncio as that user or as root";
    if (has_other_rights)
        return "it has changed its rights (setuid, capabilities, PR_SET_DUMPABLE), so only root "
               "may read its memory; run asyncio as root";
    if (scope > 0)
        return "kernel.yama.ptrace_scope forbids it; run asyncio as root, or: sysctl "
               "kernel.yama.ptrace_scope=0";
    return "the kernel forbids it, as in containers with a filter of system calls; give the "
           "container the capability SYS_PTRACE (docker run --cap-add SYS_PTRACE)";
}

static const char *explain(const struct subject *subject, int error)
{
    if (error == -EPERM || error == -EACCES)
        return explain_permission(subject);
    if (error == -ESTALE || (error != -ENOMEM && live_has_changed(subject)))
        return "it has loaded another program";
    bool has_ended = error == -ESRCH || (error == -EPROTO && find_living_thread(subject) == 0);
    return has_ended ? "it has ended" : NULL;
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

void live_find_path(const struct subject *subject, const char *name, char *path, size_t size)
{
    char link[64], program[4096];
    size_t length = strcspn(name, "\n");
    snprintf(link, sizeof link, "/proc/%d/task/%d/exe", (int)subject->id, (int)subject->living);
    ssize_t linked = readlink(link, program, sizeof program);
    if (linked == (ssize_t)length && memcmp(program, name, length) == 0)
        snprintf(path, size, "%s", link); /* also if the file is gone */
    else
        snprintf(path, size, "/proc/%d/task/%d/root%.*s", (int)subject->id, (int)subject->living,
                 (int)length, name);
}

/* -ENXIO: it has no memory. */
static int find_libraries(struct subject *subject, FILE *maps)
{
    char line[4352], path[4096 + 64]; /* with a path */
    int result = 0;
    bool any = false;
    while (result == 0 && fgets(line, sizeof line, maps) != NULL) {
        uint64_t start = file_start(line);
        any = true;
        if (start == 0)
            continue;
        const char *name = strchr(line, '/');
        live_find_path(subject, name != NULL ? name : "", path, sizeof path);
        result = subject_add_file(subject, start, path);
    }
    return result < 0 ? result : any ? subject_check(subject) : -ENXIO;
}

/* A process without memory: it has ended, or is of the kernel. */
static int refuse_empty(const struct subject *subject)
{
    char state[64];
    read_status(subject, "State", state, sizeof state);
    subject_say(subject, *state == 'Z' ? "it has ended, and its parent has not waited for it yet"
                                       : "it is a thread of the kernel");
    return -ESRCH;
}

/* /proc may show fewer processes than there are. */
static int refuse_absent(const struct subject *subject)
{
    bool is_absent = kill(subject->id, 0) < 0 && errno == ESRCH;
    subject_say(subject, is_absent
                             ? "there is no such process"
                             : "/proc does not show it; mount /proc, or run asyncio as root if "
                               "/proc is mounted with hidepid");
    return -ESRCH;
}

static int read_id(struct subject *subject, const char *pid)
{
    char *end;
    errno = 0;
    long id = strtol(pid, &end, 10);
    if (*pid == 0 || *end != 0 || errno != 0 || id <= 0 || id > INT32_MAX) {
        fprintf(stderr, "asyncio: '%s' is not the number of a process\n", pid);
        return -EINVAL;
    }
    subject->id = (pid_t)id;
    return 0;
}

/* /proc/TID is there for each thread, too. */
static int refuse_thread(const struct subject *subject)
{
    char number[64], why[128];
    int process = atoi(read_status(subject, "Tgid", number, sizeof number));
    if (process <= 0 || process == subject->id)
        return 0;
    snprintf(why, sizeof why, "it is a thread of process %d; give that number", process);
    subject_say(subject, why);
    return -EINVAL;
}

/* -ENODEV: /proc does not show it; -ENXIO: it has no memory. */
static int open_program(struct subject *subject)
{
    pid_t living = find_living_thread(subject);
    subject->living = living != 0 ? living : subject->id;
    read_exec_image(subject, &subject->first);
    FILE *maps = open_file_of_thread(subject, subject->living, "maps");
    if (maps == NULL)
        return errno == ENOENT ? -ENODEV : -errno;
    int result = find_libraries(subject, maps);
    fclose(maps);
    return result;
}

/* Once more, if the process has executed another program meanwhile. */
static int open_same_program(struct subject *subject)
{
    int result = open_program(subject);
    if (result == 0 || !live_has_changed(subject))
        return result;
    free(subject->ranges);
    subject->ranges = NULL;
    subject->range_count = subject->copy_count = 0;
    subject->unusable = 0;
    return open_program(subject);
}

int live_open(struct subject *subject, const char *pid)
{
    *subject = (struct subject){.view = {.read = read_process}, .explain = explain};
    int result = read_id(subject, pid);
    if (result < 0)
        return result;
    read_status(subject, "Name", subject->name, sizeof subject->name);
    result = refuse_thread(subject);
    if (result < 0)
        return result;
    pid_t inner_id = read_inner_number(subject, "status");
    subject->inner_id = inner_id > 0 ? inner_id : subject->id;
    result = open_same_program(subject);
    if (result == -ENODEV)
        return refuse_absent(subject);
    if (result == -ENXIO)
        return refuse_empty(subject);
    return result < 0 ? subject_refuse(subject, result) : 0;
}
