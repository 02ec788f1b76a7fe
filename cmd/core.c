/*
 * cmd/core.c: the core of a process that has crashed, or that gcore has written. A core has what a
 * program has written, and the first page of each loaded file. The rest of a file, such as its
 * unwind tables, is read from the file, if that is still the same.
 *
 * A core may be larger than the memory, and may change or become shorter while it is read. So its
 * program headers and notes are copied once, and the memory of the process is read from the file as
 * it is needed. The core is never mapped: a mapping would follow each change.
 */
#include "cmd/subject.h"
#include "sys/image.h"
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COMPARED_BYTES = 4096, MAX_FILES = 8192 };

/* The kernel writes a segment for each mapping, and some KiB of notes for each thread. */
enum { MAX_SEGMENTS = 1 << 21, MAX_NOTES_BYTES = 1 << 27 };

/* A part of a file that was loaded: NT_FILE. */
struct loaded {
    uint64_t start, end, offset;
    const char *path; /* in the copy of the notes */
};

/* A copy of a segment of notes. */
struct core_notes {
    struct core_notes *next;
    size_t size;
    char bytes[];
};

struct core {
    int file;      /* negative: not open */
    uint64_t size; /* of the file when it was opened */
    uint16_t machine;
    ElfW(Phdr) * segments;
    size_t segment_count;
    struct core_notes *notes;
    struct loaded *loaded;
    size_t loaded_count;
    uint64_t program; /* an address in the program's own file; 0: unknown */
};

/* ---- memory --------------------------------------------------------------------------------- */

/* Reads bytes of the core's file. Whether it has them. */
static bool read_at(const struct core *core, uint64_t offset, void *bytes, size_t size)
{
    return offset <= core->size && size <= core->size - offset &&
           pread(core->file, bytes, size, (off_t)offset) == (ssize_t)size;
}

/* The segment that has memory of the process; NULL: the core was written without it. */
static const ElfW(Phdr) * find_segment(const struct core *core, uint64_t address, size_t size)
{
    for (size_t i = 0; i < core->segment_count; i++) {
        const ElfW(Phdr) *segment = &core->segments[i];
        uint64_t offset = address - segment->p_vaddr;
        if (segment->p_type == PT_LOAD && offset < segment->p_filesz &&
            size <= segment->p_filesz - offset)
            return segment;
    }
    return NULL;
}

/* Whether the memory was read. */
static bool read_segment(const struct core *core, uint64_t address, void *bytes, size_t size)
{
    const ElfW(Phdr) *segment = find_segment(core, address, size);
    return segment != NULL &&
           read_at(core, segment->p_offset + (address - segment->p_vaddr), bytes, size);
}

/* The file may be another one by now: then its begin differs, which has its build id. */
static bool is_same_file(const struct core *core, const struct loaded *loaded, int file)
{
    char found[COMPARED_BYTES], expected[COMPARED_BYTES];
    uint64_t start = 0;
    for (size_t i = 0; i < core->loaded_count && start == 0; i++)
        if (core->loaded[i].offset == 0 && strcmp(core->loaded[i].path, loaded->path) == 0)
            start = core->loaded[i].start;
    return read_segment(core, start, expected, sizeof expected) &&
           pread(file, found, sizeof found, 0) == (ssize_t)sizeof found &&
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

/* What is behind the end of a core that is cut off may differ from the file that was loaded. */
static bool read_memory(const struct core *core, uint64_t address, void *bytes, size_t size)
{
    return find_segment(core, address, size) != NULL ? read_segment(core, address, bytes, size)
                                                     : read_file(core, address, bytes, size);
}

static int read_core(const struct view *view, struct piece pieces[], size_t count)
{
    const struct subject *subject = (const void *)((const char *)view -
                                                   offsetof(struct subject, view));
    for (size_t i = 0; i < count; i++) {
        struct piece *piece = &pieces[i];
        piece->was_read = read_memory(subject->core, piece->address, piece->bytes, piece->size);
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
    for (const struct core_notes *notes = core->notes; notes != NULL && result == 0;
         notes = notes->next)
        result = notes_each(notes->bytes, notes->size, take, argument);
    return result;
}

uint16_t core_machine(const struct core *core)
{
    return core->machine;
}

int core_file(const struct core *core)
{
    return core->file;
}

/* ---- opening -------------------------------------------------------------------------------- */

static int open_core(struct core *core, const char *path)
{
    struct stat status;
    core->file = asyncp_image_open_regular(path);
    if (core->file < 0)
        return core->file;
    if (fstat(core->file, &status) < 0)
        return -errno;
    core->size = (uint64_t)status.st_size;
    return 0;
}

/*
 * As many segments do not fit into the header if it has this number: the first section has it,
 * which the kernel writes at the end of the core.
 */
static bool count_segments(const struct core *core, const ElfW(Ehdr) * header, uint64_t *count)
{
    ElfW(Shdr) section = {.sh_info = header->e_phnum};
    bool is_known = header->e_phnum != PN_XNUM ||
                    read_at(core, header->e_shoff, &section, sizeof section);
    *count = section.sh_info;
    return is_known;
}

static int copy_segments(struct core *core, const ElfW(Ehdr) * header)
{
    uint64_t count;
    if (!count_segments(core, header, &count))
        return -ENODATA;
    const uint64_t size = count * sizeof *core->segments;
    if (header->e_phoff > core->size || size > core->size - header->e_phoff)
        return -ENODATA;
    if (count > MAX_SEGMENTS)
        return -EFBIG;
    core->segments = malloc((size_t)size + 1);
    if (core->segments == NULL)
        return -ENOMEM;
    if (!read_at(core, header->e_phoff, core->segments, (size_t)size))
        return -ENODATA;
    core->segment_count = (size_t)count;
    return 0;
}

static int read_header(struct core *core)
{
    const unsigned char own_class = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;
    ElfW(Ehdr) header;
    if (!read_at(core, 0, &header, sizeof header) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
        return -ENOEXEC;
    if (header.e_ident[EI_CLASS] != own_class)
        return -EXDEV;
    if (header.e_type != ET_CORE || header.e_phentsize != sizeof *core->segments)
        return -ENOEXEC;
    core->machine = header.e_machine;
    return copy_segments(core, &header);
}

/* Whether a segment ends behind the end of the file. */
static bool is_behind_end(const struct core *core, const ElfW(Phdr) * segment)
{
    return segment->p_offset > core->size || segment->p_filesz > core->size - segment->p_offset;
}

/* Segments of notes behind the end of the file are left out. */
static int copy_notes(struct core *core)
{
    struct core_notes **end = &core->notes;
    size_t left = MAX_NOTES_BYTES;
    for (size_t i = 0; i < core->segment_count; i++) {
        const ElfW(Phdr) *segment = &core->segments[i];
        if (segment->p_type != PT_NOTE || segment->p_filesz == 0 || is_behind_end(core, segment))
            continue;
        if (segment->p_filesz > left)
            return -EFBIG;
        const size_t size = (size_t)segment->p_filesz;
        struct core_notes *notes = malloc(sizeof *notes + size);
        if (notes == NULL)
            return -ENOMEM;
        *notes = (struct core_notes){.size = size};
        *end = notes;
        end = &notes->next;
        left -= size;
        if (!read_at(core, segment->p_offset, notes->bytes, size))
            return -ENODATA;
    }
    return 0;
}

bool core_is_cut(const struct core *core)
{
    for (size_t i = 0; i < core->segment_count; i++)
        if (is_behind_end(core, &core->segments[i]))
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
    return result == -ENOENT && core_is_cut(core) ? -ENODATA : result;
}

static bool has_become_shorter(const struct core *core)
{
    struct stat status;
    return core != NULL && core->file >= 0 && fstat(core->file, &status) == 0 &&
           (uint64_t)status.st_size < core->size;
}

static const char cut_off[] = "it is cut off: the limit for cores, or the disk, was too small";

static const char *explain_no_core(const struct subject *subject)
{
    char begin[COMPRESSED_BYTES];
    struct stat status;
    if (stat(subject->core_path, &status) == 0 && S_ISDIR(status.st_mode))
        return "it is a directory";
    const struct core *core = subject->core;
    const char *why = core->file >= 0 && read_at(core, 0, begin, sizeof begin)
                          ? explain_compressed(begin, sizeof begin)
                          : NULL;
    return why != NULL ? why : "it is not a core";
}

static const char *explain(const struct subject *subject, int error)
{
    if (error != -ENOMEM && has_become_shorter(subject->core))
        return "it has become shorter while it was read";
    return error == -ENOEXEC   ? explain_no_core(subject)
           : error == -ENOSYS  ? "it cannot be opened, because /proc is not mounted; mount /proc"
           : error == -ENODATA ? cut_off
           : error == -EFBIG   ? "it has more segments or notes than any process"
                               : NULL;
}

static int read_all(struct subject *subject)
{
    int result = read_header(subject->core);
    if (result == 0)
        result = copy_notes(subject->core);
    if (result == 0)
        result = core_each_note(subject->core, take_note, subject);
    return result == 0 ? add_files(subject) : result;
}

int core_open(struct subject *subject, const char *path)
{
    *subject = (struct subject){.view = {.read = read_core}, .core_path = path, .explain = explain};
    subject->core = calloc(1, sizeof *subject->core);
    int result = subject->core != NULL ? open_core(subject->core, path) : -ENOMEM;
    if (result == -ENOENT) {
        subject_say(subject, "it is neither the number of a process nor a file");
        return result;
    }
    if (result == 0)
        result = read_all(subject);
    if (result == 0 && core_is_cut(subject->core))
        subject_say(subject, cut_off);
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
    for (struct core_notes *next, *notes = core->notes; notes != NULL; notes = next) {
        next = notes->next;
        free(notes);
    }
    if (core->file >= 0)
        close(core->file);
    free(core->segments);
    free(core->loaded);
    free(core);
}
