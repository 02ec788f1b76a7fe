/*
 * sys/image.c: files are mapped for reading. (dladdr does not work in static programs.) Another
 * process may name any path. So a path is opened with O_PATH first, which has no effect on a device
 * or a FIFO, and for reading only if it is a regular file.
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

/* ---- files ---------------------------------------------------------------------------------- */

static bool is_elf(const struct elf_image *image)
{
    const unsigned char *ident = asyncp_image_part(image, 0, sizeof(ElfW(Ehdr)));
    return ident != NULL && memcmp(ident, ELFMAG, SELFMAG) == 0 &&
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

bool asyncp_image_open(struct elf_image *image, const char *path)
{
    struct stat status;
    *image = (struct elf_image){.bytes = NULL};
    int file = asyncp_image_open_regular(path);
    if (file == -ENOSYS) /* it is a regular one */
        file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
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
    if (is_elf(image))
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

/* ---- loaded files --------------------------------------------------------------------------- */

/* musl gives the program a name, too. */
const char *asyncp_image_path(const struct dl_phdr_info *file)
{
    const bool is_program = (uintptr_t)file->dlpi_phdr == getauxval(AT_PHDR);
    return is_program || *file->dlpi_name == '\0' ? PROGRAM_FILE : file->dlpi_name;
}

struct code_search {
    uintptr_t address;
    struct loaded_file *file; /* the result */
};

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
