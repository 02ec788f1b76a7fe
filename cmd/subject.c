/* cmd/subject.c: what a running process and a core have in common: their files, and refusals. */
#include "cmd/subject.h"
#include "inspect/process.h"
#include <asyncio/base.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A file may be mapped without being loaded: then its list of loops is not there. */
static bool has_list(const struct subject *subject, const struct library *library)
{
    uint64_t magic = 0;
    struct layout_entry entry = library->layout.entries[LAYOUT_loops_magic];
    return entry.size == sizeof magic &&
           asyncp_view_read(&subject->view, library->loops + entry.offset, &magic, sizeof magic) ==
               0 &&
           magic == LAYOUT_MAGIC;
}

/* Some linkers map the begin of a file more than once. */
static void add_library(struct subject *subject, const struct library *library)
{
    for (size_t i = 0; i < subject->copy_count; i++)
        if (subject->copies[i].loops == library->loops)
            return;
    if (subject->copy_count < MAX_COPIES)
        subject->copies[subject->copy_count++] = *library;
}

static int add_ranges(struct subject *subject, const struct image *image)
{
    size_t count = subject->range_count + image->range_count;
    struct code_range *ranges = realloc(subject->ranges, (count + 1) * sizeof *ranges);
    if (ranges == NULL)
        return -ENOMEM;
    memcpy(ranges + subject->range_count, image->ranges,
           image->range_count * sizeof *image->ranges);
    subject->ranges = ranges;
    subject->range_count = count;
    return 0;
}

int subject_add_file(struct subject *subject, uint64_t start, const char *path)
{
    struct image image = {.start = start};
    int result = image_look(&subject->view, &image);
    if (result == -EPERM || result == -ESRCH)
        return result;
    asyncp_code_add_table(image.ranges, image.range_count, path, image.bias);
    if (result > 0 && has_list(subject, &image.copy))
        add_library(subject, &image.copy);
    if (result < 0)
        subject->unusable = result;
    return add_ranges(subject, &image);
}

int subject_check(const struct subject *subject)
{
    if (subject->copy_count > 0)
        return 0;
    return subject->unusable < 0 ? subject->unusable : -ENOENT;
}

/* ---- refusals ------------------------------------------------------------------------------- */

/* Names are the program's own, and may hold anything. */
void subject_say(const struct subject *subject, const char *why)
{
    const char *name = subject->core_path != NULL ? subject->core_path : subject->name;
    char shown[1024];
    async_printable(shown, sizeof shown, name, strlen(name));
    if (subject->core_path != NULL)
        fprintf(stderr, "asyncio: %s: %s\n", shown, why);
    else if (*shown != 0)
        fprintf(stderr, "asyncio: process %d (%s): %s\n", (int)subject->id, shown, why);
    else
        fprintf(stderr, "asyncio: process %d: %s\n", (int)subject->id, why);
}

/* systemd-coredump writes compressed cores. */
const char *explain_compressed(const char *begin, size_t size)
{
    static const struct {
        const char *begin;
        size_t size;
        const char *why;
    } forms[] = {{"\x1f\x8b", 2, "it is compressed; decompress it first (gzip -d)"},
                 {"\x28\xb5\x2f\xfd", 4, "it is compressed; decompress it first (zstd -d)"},
                 {"\xfd\x37\x7a\x58", 4, "it is compressed; decompress it first (xz -d)"},
                 {"\x04\x22\x4d\x18", 4, "it is compressed; decompress it first (lz4 -d)"}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (size >= forms[i].size && memcmp(begin, forms[i].begin, forms[i].size) == 0)
            return forms[i].why;
    return NULL;
}

static const char *explain(int error)
{
    switch (error) {
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

int subject_refuse(const struct subject *subject, int error)
{
    const char *why = subject->explain != NULL ? subject->explain(subject, error) : NULL;
    subject_say(subject, why != NULL ? why : explain(error));
    return error;
}

/* ---- opening -------------------------------------------------------------------------------- */

bool subject_is_process(const char *name)
{
    return *name != 0 && name[strspn(name, "0123456789")] == 0;
}

int subject_open(struct subject *subject, const char *name)
{
    return subject_is_process(name) ? live_open(subject, name) : core_open(subject, name);
}

bool subject_has_changed(const struct subject *subject)
{
    return subject->core == NULL && live_has_changed(subject);
}

void subject_close(struct subject *subject)
{
    free(subject->ranges);
    subject->ranges = NULL;
    core_close(subject->core);
    subject->core = NULL;
}
