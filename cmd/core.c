/*
 * cmd/core.c: the core of a process that has crashed, or that gcore has written. A core has what a
 * program has written, and the first page of each loaded file. The rest of a file, such as its
 * unwind tables, is read from the file, if that is still the same.
 */
#include "cmd/subject.h"
#include "sys/image.h"
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/procfs.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COMPARED_BYTES = 4096, MAX_FILES = 8192 };

/* A part of a file that was loaded: NT_FILE. */
struct loaded {
    uint64_t start, end, offset;
    const char *path; /* in the core */
};

struct core {
    const char *bytes;
    size_t size;
    const ElfW(Phdr) * segments;
    size_t segment_count;
    struct loaded *loaded;
    size_t loaded_count;
    uint64_t program; /* an address in the program's own file; 0: unknown */
};

/* ---- memory --------------------------------------------------------------------------------- */

/* Bytes of the core's file; NULL: it does not have them. */
static const void *bytes_at(const struct core *core, uint64_t offset, uint64_t size)
{
    return offset <= core->size && size <= core->size - offset ? core->bytes + offset : NULL;
}

/* Bytes of the process, as far as the core has them; NULL: it does not. */
static const void *find_bytes(const struct core *core, uint64_t address, size_t size)
{
    for (size_t i = 0; i < core->segment_count; i++) {
        const ElfW(Phdr) *segment = &core->segments[i];
        uint64_t offset = address - segment->p_vaddr;
        if (segment->p_type == PT_LOAD && offset < segment->p_filesz &&
            size <= segment->p_filesz - offset)
            return bytes_at(core, segment->p_offset + offset, size);
    }
    return NULL;
}

/* The file may be another one by now: then its begin differs, which has its build id. */
static bool is_same_file(const struct core *core, const struct loaded *loaded, int file)
{
    char found[COMPARED_BYTES];
    uint64_t start = 0;
    for (size_t i = 0; i < core->loaded_count && start == 0; i++)
        if (core->loaded[i].offset == 0 && strcmp(core->loaded[i].path, loaded->path) == 0)
            start = core->loaded[i].start;
    const void *expected = find_bytes(core, start, sizeof found);
    return expected != NULL && pread(file, found, sizeof found, 0) == (ssize_t)sizeof found &&
           memcmp(found, expected, sizeof found) == 0;
}

static bool read_file(const struct core *core, uint64_t address, void *bytes, size_t size)
{
    const struct loaded *loaded = core->loaded, *end = loaded + core->loaded_count;
    while (loaded < end &&
           !(address >= loaded->start && address < loaded->end && size <= loaded->end - address))
        loaded++;
    int file = loaded < end ? asyncp_image_open_regular(loaded->path) : -1;
    if (file < 0)
        return false;
    off_t offset = (off_t)(loaded->offset + (address - loaded->start));
    bool was_read = is_same_file(core, loaded, file) &&
                    pread(file, bytes, size, offset) == (ssize_t)size;
    close(file);
    return was_read;
}

static int read_core(const struct view *view, struct piece pieces[], size_t count)
{
    const struct subject *subject = (const void *)((const char *)view -
                                                   offsetof(struct subject, view));
    for (size_t i = 0; i < count; i++) {
        struct piece *piece = &pieces[i];
        const void *bytes = find_bytes(subject->core, piece->address, piece->size);
        if (bytes != NULL)
            memcpy(piece->bytes, bytes, piece->size);
        piece->was_read = bytes != NULL ||
                          read_file(subject->core, piece->address, piece->bytes, piece->size);
    }
    return 0;
}

/* ---- notes ---------------------------------------------------------------------------------- */

/* The number of files and the size of a page; three numbers for each; then the names. */
static int take_files(struct core *core, const char *bytes, size_t size)
{
    uint64_t count = 0;
    const size_t word = sizeof(long);
    if (size < 2 * word)
        return 0;
    memcpy(&count, bytes, word);
    if (count == 0 || count > MAX_FILES || count * 3 * word > size - 2 * word)
        return 0;
    core->loaded = calloc((size_t)count, sizeof *core->loaded);
    if (core->loaded == NULL)
        return -ENOMEM;
    uint64_t page = 0;
    memcpy(&page, bytes + word, word);
    const char *numbers = bytes + 2 * word, *name = numbers + count * 3 * word, *end = bytes + size;
    for (uint64_t i = 0; i < count; i++, numbers += 3 * word) {
        const char *zero = memchr(name, 0, (size_t)(end - name));
        if (zero == NULL)
            break;
        struct loaded *loaded = &core->loaded[core->loaded_count++];
        memcpy(&loaded->start, numbers, word);
        memcpy(&loaded->end, numbers + word, word);
        memcpy(&loaded->offset, numbers + 2 * word, word);
        loaded->offset *= page;
        loaded->path = name;
        name = zero + 1;
    }
    return 0;
}

static void take_process(struct subject *subject, const char *bytes, size_t size)
{
    struct elf_prpsinfo info;
    if (size < sizeof info)
        return;
    memcpy(&info, bytes, sizeof info);
    subject->id = subject->inner_id = info.pr_pid;
    snprintf(subject->name, sizeof subject->name, "%.*s", (int)sizeof info.pr_fname, info.pr_fname);
}

/* Its program headers are mapped with the program. */
static void take_vector(struct core *core, const char *bytes, size_t size)
{
    ElfW(auxv_t) entry;
    for (; size >= sizeof entry; bytes += sizeof entry, size -= sizeof entry) {
        memcpy(&entry, bytes, sizeof entry);
        if (entry.a_type == AT_PHDR)
            core->program = entry.a_un.a_val;
    }
}

static int take_note(void *argument, const struct elf_note *note)
{
    struct subject *subject = argument;
    if (note->type == NT_PRPSINFO)
        take_process(subject, note->content, note->size);
    if (note->type == NT_AUXV)
        take_vector(subject->core, note->content, note->size);
    return note->type == NT_FILE && subject->core->loaded == NULL
               ? take_files(subject->core, note->content, note->size)
               : 0;
}

int core_each_note(const struct core *core,
                   int (*take)(void *argument, const struct elf_note *note), void *argument)
{
    int result = 0;
    for (size_t i = 0; i < core->segment_count && result == 0; i++) {
        const ElfW(Phdr) *segment = &core->segments[i];
        const char *bytes = segment->p_type != PT_NOTE
                                ? NULL
                                : bytes_at(core, segment->p_offset, segment->p_filesz);
        if (bytes != NULL)
            result = notes_each(bytes, (size_t)segment->p_filesz, take, argument);
    }
    return result;
}

uint16_t core_machine(const struct core *core)
{
    const ElfW(Ehdr) *header = (const void *)core->bytes;
    return header->e_machine;
}

/* ---- opening -------------------------------------------------------------------------------- */

static int map_core(struct core *core, const char *path)
{
    struct stat status;
    int file = asyncp_image_open_regular(path);
    if (file < 0)
        return file;
    int result = fstat(file, &status) < 0 ? -errno : 0;
    if (result == 0 && status.st_size < (off_t)sizeof(ElfW(Ehdr)))
        result = -ENOEXEC;
    if (result == 0) {
        core->size = (size_t)status.st_size;
        void *bytes = mmap(NULL, core->size, PROT_READ, MAP_PRIVATE, file, 0);
        core->bytes = bytes != MAP_FAILED ? bytes : NULL;
        result = bytes != MAP_FAILED ? 0 : -errno;
    }
    close(file);
    return result;
}

static int read_header(struct core *core)
{
    const unsigned char own_class = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;
    const ElfW(Ehdr) *header = (const void *)core->bytes;
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
        return -ENOEXEC;
    if (header->e_ident[EI_CLASS] != own_class)
        return -EXDEV;
    if (header->e_type != ET_CORE || header->e_phentsize != sizeof *core->segments)
        return -ENOEXEC;
    core->segment_count = header->e_phnum;
    if (header->e_phnum == PN_XNUM) { /* as many segments do not fit: the first section says it */
        const ElfW(Shdr) *section = header->e_shoff % sizeof(long) == 0
                                        ? bytes_at(core, header->e_shoff, sizeof *section)
                                        : NULL;
        core->segment_count = section != NULL ? section->sh_info : 0;
    }
    if (header->e_phoff % sizeof(long) != 0)
        return -ENOEXEC;
    core->segments = bytes_at(core, header->e_phoff,
                              (uint64_t)core->segment_count * sizeof *core->segments);
    return core->segments != NULL ? 0 : -ENOEXEC;
}

/* Whether the file ends before what its segments have. */
static bool is_cut(const struct core *core)
{
    for (size_t i = 0; i < core->segment_count; i++)
        if (bytes_at(core, core->segments[i].p_offset, core->segments[i].p_filesz) == NULL)
            return true;
    return false;
}

static int add_files(struct subject *subject)
{
    const struct core *core = subject->core;
    int result = 0;
    for (size_t i = 0; i < core->loaded_count && result == 0; i++)
        if (core->loaded[i].offset == 0)
            result = subject_add_file(subject, core->loaded[i].start, core->loaded[i].path);
    result = result < 0 ? result : subject_check(subject);
    return result == -ENOENT && is_cut(core) ? -ENODATA : result;
}

static const char *explain(const struct subject *subject, int error)
{
    (void)subject;
    return error == -ENOEXEC   ? "it is not a core"
           : error == -ENOSYS  ? "it cannot be opened, because /proc is not mounted; mount /proc"
           : error == -ENODATA ? "it is cut off: the limit for cores, or the disk, was too small"
                               : NULL;
}

int core_open(struct subject *subject, const char *path)
{
    *subject = (struct subject){.view = {.read = read_core}, .core_path = path, .explain = explain};
    subject->core = calloc(1, sizeof *subject->core);
    int result = subject->core != NULL ? map_core(subject->core, path) : -ENOMEM;
    if (result == -ENOENT) {
        subject_say(subject, "it is neither the number of a process nor a file");
        return result;
    }
    if (result == 0)
        result = read_header(subject->core);
    if (result == 0)
        result = core_each_note(subject->core, take_note, subject);
    if (result == 0)
        result = add_files(subject);
    return result < 0 ? subject_refuse(subject, result) : 0;
}

/* The kernel writes absolute paths. In a forged core the path may look like an option. */
const char *core_program(const struct core *core)
{
    for (size_t i = 0; i < core->loaded_count; i++)
        if (core->program >= core->loaded[i].start && core->program < core->loaded[i].end)
            return *core->loaded[i].path == '/' ? core->loaded[i].path : NULL;
    return NULL;
}

void core_close(struct core *core)
{
    if (core == NULL)
        return;
    if (core->bytes != NULL)
        munmap((void *)(uintptr_t)core->bytes, core->size);
    free(core->loaded);
    free(core);
}
