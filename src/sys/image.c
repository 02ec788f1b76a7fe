/*
 * sys/image.c: ELF files on disk and in this process. (dladdr does not work in static programs.)
 * Another process may name any path. So a path is opened with O_PATH first, which has no effect on
 * a device or a FIFO, and for reading only if it is a regular file.
 *
 * Files of this process are mapped: their tables may be large, and if one of these files becomes
 * shorter, the process cannot go on anyway. Other files are read by pread(2): a mapping follows
 * each change of the file, and raises SIGBUS where the file has become shorter.
 */
#include "sys/image.h"
#include "sys/fault.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A linked file has some tens of sections. */
enum { MAX_SECTIONS = 1024, MAX_SECTION_NAME = 32 };

/* ---- files ---------------------------------------------------------------------------------- */

static bool is_elf(const unsigned char *ident)
{
    return memcmp(ident, ELFMAG, SELFMAG) == 0 &&
           ident[EI_CLASS] == (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32);
}

/* /proc/self/fd/N is the file of the descriptor, whatever its path names now. */
static int open_found(int found)
{
    char path[32];
    struct stat status;
    if (fstat(found, &status) < 0)
        return -errno;
    if (!S_ISREG(status.st_mode))
        return -ENOEXEC;
    snprintf(path, sizeof path, "/proc/self/fd/%d", found);
    int file = fault(SITE_IMAGE) ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    return file >= 0 ? file : errno == ENOENT ? -ENOSYS : -errno;
}

int asyncp_image_open_regular(const char *path)
{
    int found = fault(SITE_IMAGE) ? -1 : open(path, O_PATH | O_CLOEXEC);
    if (found < 0)
        return -errno;
    int file = open_found(found);
    close(found);
    return file;
}

/* Without /proc a name that is known to be that of a regular file is opened. */
static int open_named(const char *path)
{
    int file = asyncp_image_open_regular(path);
    return file == -ENOSYS ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : file;
}

bool asyncp_image_open(struct elf_image *image, const char *path)
{
    struct stat status;
    *image = (struct elf_image){.bytes = NULL};
    int file = open_named(path);
    if (file < 0)
        return false;
    void *bytes = MAP_FAILED;
    if (!fault(SITE_IMAGE) && fstat(file, &status) == 0 &&
        status.st_size > (off_t)sizeof(ElfW(Ehdr)))
        bytes = fault(SITE_IMAGE)
                    ? MAP_FAILED
                    : mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    close(file);
    if (bytes == MAP_FAILED)
        return false;
    *image = (struct elf_image){.bytes = bytes, .size = (size_t)status.st_size};
    if (is_elf(bytes))
        return true;
    asyncp_image_close(image);
    return false;
}

void asyncp_image_close(struct elf_image *image)
{
    if (image->bytes != NULL)
        munmap((void *)(uintptr_t)image->bytes, image->size);
    image->bytes = NULL;
}

const void *asyncp_image_part(const struct elf_image *image, uint64_t offset, uint64_t size)
{
    return offset <= image->size && size <= image->size - offset ? image->bytes + offset : NULL;
}

/* ---- sections ------------------------------------------------------------------------------- */

const ElfW(Shdr) * asyncp_image_sections(const struct elf_image *image, size_t *count)
{
    const ElfW(Ehdr) *header = asyncp_image_part(image, 0, sizeof *header);
    *count = 0;
    if (header == NULL || header->e_shentsize != sizeof(ElfW(Shdr)) ||
        header->e_shoff % _Alignof(ElfW(Shdr)) != 0)
        return NULL;
    const ElfW(Shdr) *sections = asyncp_image_part(image, header->e_shoff,
                                                   (size_t)header->e_shnum * sizeof *sections);
    *count = sections != NULL ? header->e_shnum : 0;
    return sections;
}

/* Whether the text at an offset of the file is this name. */
static bool has_name_at(const struct elf_image *image, uint64_t offset, const char *name)
{
    const size_t size = strlen(name) + 1;
    const char *bytes = asyncp_image_part(image, offset, size);
    return bytes != NULL && memcmp(bytes, name, size) == 0;
}

const ElfW(Shdr) * asyncp_image_section(const struct elf_image *image, const char *name)
{
    size_t count;
    const ElfW(Shdr) *sections = asyncp_image_sections(image, &count);
    const ElfW(Ehdr) *header = asyncp_image_part(image, 0, sizeof *header);
    if (sections == NULL || header->e_shstrndx >= count)
        return NULL;
    const uint64_t names = sections[header->e_shstrndx].sh_offset;
    for (size_t i = 0; i < count; i++)
        if (has_name_at(image, names + sections[i].sh_name, name))
            return &sections[i];
    return NULL;
}

/* ---- sections of a file that may change ----------------------------------------------------- */

static bool read_at(int file, uint64_t offset, void *bytes, size_t size)
{
    return !fault(SITE_IMAGE) && pread(file, bytes, size, (off_t)offset) == (ssize_t)size;
}

static bool reads_name_at(int file, uint64_t offset, const char *name)
{
    char found[MAX_SECTION_NAME];
    const size_t size = strlen(name) + 1;
    return size <= sizeof found && read_at(file, offset, found, size) &&
           memcmp(found, name, size) == 0;
}

static bool read_section_at(int file, const ElfW(Ehdr) * header, size_t index, ElfW(Shdr) * section)
{
    return read_at(file, header->e_shoff + index * sizeof *section, section, sizeof *section);
}

static bool find_section(int file, const char *name, ElfW(Shdr) * section)
{
    ElfW(Ehdr) header;
    ElfW(Shdr) names;
    if (!read_at(file, 0, &header, sizeof header) || !is_elf(header.e_ident) ||
        header.e_shentsize != sizeof *section || header.e_shstrndx >= header.e_shnum ||
        header.e_shnum > MAX_SECTIONS || !read_section_at(file, &header, header.e_shstrndx, &names))
        return false;
    for (size_t i = 0; i < header.e_shnum && read_section_at(file, &header, i, section); i++)
        if (reads_name_at(file, names.sh_offset + section->sh_name, name))
            return true;
    return false;
}

bool asyncp_image_read_section(const char *path, const char *name, ElfW(Shdr) * section)
{
    int file = open_named(path);
    if (file < 0)
        return false;
    bool was_found = find_section(file, name, section);
    close(file);
    return was_found;
}

/* ---- loaded files --------------------------------------------------------------------------- */

/* musl gives the program a name, too. */
const char *asyncp_image_path(const struct dl_phdr_info *file)
{
    const bool is_program = (uintptr_t)file->dlpi_phdr == getauxval(AT_PHDR);
    return is_program || *file->dlpi_name == '\0' ? PROGRAM_FILE : file->dlpi_name;
}

/* ---- whether a file is the one that was loaded ---------------------------------------------- */

/* What is compared with memory that was mapped from a file, and must be the same. */
struct comparison {
    const struct elf_image *image;
    const struct dl_phdr_info *loaded;
    bool has_id;   /* the notes have a build id */
    bool is_equal; /* so far */
};

/* Compares a part of the file, if that was mapped for reading. NULL: it was not. */
static const void *compare_part(struct comparison *comparison, uint64_t offset, uint64_t size)
{
    const struct dl_phdr_info *loaded = comparison->loaded;
    for (int i = 0; i < loaded->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &loaded->dlpi_phdr[i];
        const uint64_t distance = offset - segment->p_offset;
        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_R) == 0 ||
            distance > segment->p_filesz || size > segment->p_filesz - distance)
            continue;
        const void *memory = (const void *)(uintptr_t)(loaded->dlpi_addr + segment->p_vaddr +
                                                       distance);
        const void *bytes = asyncp_image_part(comparison->image, offset, size);
        comparison->is_equal &= bytes != NULL && memcmp(bytes, memory, (size_t)size) == 0;
        return memory;
    }
    return NULL;
}

static void compare_notes(struct comparison *comparison)
{
    static const struct {
        uint32_t type;
        char owner[4];
    } build_id = {NT_GNU_BUILD_ID, "GNU"};
    const struct dl_phdr_info *loaded = comparison->loaded;
    for (int i = 0; i < loaded->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &loaded->dlpi_phdr[i];
        if (segment->p_type != PT_NOTE)
            continue;
        const void *notes = compare_part(comparison, segment->p_offset, segment->p_filesz);
        comparison->has_id |= notes != NULL &&
                              memmem(notes, segment->p_filesz, &build_id, sizeof build_id) != NULL;
    }
}

/*
 * The program headers and the notes are compared. Without a build id in the notes the file header
 * is, too; with one it may differ, as in a file that was stripped later.
 */
static bool is_file_of(const struct elf_image *image, const struct dl_phdr_info *loaded)
{
    struct comparison comparison = {.image = image, .loaded = loaded, .is_equal = true};
    const ElfW(Ehdr) *header = (const void *)image->bytes;
    const size_t size = loaded->dlpi_phnum * sizeof *loaded->dlpi_phdr;
    const void *segments = asyncp_image_part(image, header->e_phoff, size);
    if (header->e_phnum != loaded->dlpi_phnum || segments == NULL ||
        memcmp(segments, loaded->dlpi_phdr, size) != 0)
        return false;
    compare_notes(&comparison);
    if (!comparison.has_id)
        compare_part(&comparison, 0, sizeof *header);
    return comparison.is_equal;
}

/* ---- the file at an address ----------------------------------------------------------------- */

struct code_search {
    uintptr_t address;
    struct loaded_file *file; /* the result */
    struct elf_image *image;  /* the file, if it is the same; NULL: it is not opened */
};

/* In the callback of dl_iterate_phdr, which keeps the file loaded. */
static void open_loaded(struct elf_image *image, const struct dl_phdr_info *file)
{
    if (asyncp_image_open(image, asyncp_image_path(file)) && !is_file_of(image, file))
        asyncp_image_close(image);
}

/* Called for each loaded file; returns 1 to stop. */
static int search_file(struct dl_phdr_info *file, size_t size, void *argument)
{
    (void)size;
    struct code_search *search = argument;
    for (int i = 0; i < file->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &file->dlpi_phdr[i];
        bool is_code = segment->p_type == PT_LOAD &&
                       (segment->p_flags & (PF_R | PF_X)) == (PF_R | PF_X);
        if (is_code && search->address - file->dlpi_addr - segment->p_vaddr < segment->p_memsz) {
            snprintf(search->file->path, sizeof search->file->path, "%s", asyncp_image_path(file));
            search->file->base = file->dlpi_addr;
            if (search->image != NULL)
                open_loaded(search->image, file);
            return 1;
        }
    }
    return 0;
}

bool asyncp_image_find(struct loaded_file *file, uintptr_t address)
{
    struct code_search search = {.address = address, .file = file};
    return dl_iterate_phdr(search_file, &search) != 0;
}

bool asyncp_image_open_loaded(struct elf_image *image, uintptr_t address)
{
    struct loaded_file file;
    struct code_search search = {.address = address, .file = &file, .image = image};
    *image = (struct elf_image){.bytes = NULL};
    dl_iterate_phdr(search_file, &search);
    return image->bytes != NULL;
}
