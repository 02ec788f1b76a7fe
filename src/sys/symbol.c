/*
 * sys/symbol.c: looks an address up in the symbol table of the ELF file it was loaded from. It
 * is used when the process is about to end and in dumps of tasks, so it maps the file for each call
 * and caches nothing.
 */
#include "sys/symbol.h"
#include "sys/fault.h"
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* An ELF file, mapped whole. */
struct elf_image {
    const char *bytes; /* NULL: not mapped */
    size_t size;
};

static bool map_image(const char *path, struct elf_image *image)
{
    struct stat status;
    int file = fault(SITE_IMAGE) ? -1 : open(path, O_RDONLY | O_CLOEXEC);
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
    return true;
}

/* NULL if the file does not have those bytes. */
static const void *image_part(const struct elf_image *image, size_t offset, size_t size)
{
    return offset <= image->size && size <= image->size - offset ? image->bytes + offset : NULL;
}

/* The function at the address, or NULL. *offset: of the address in it. */
static const char *find_in_table(const struct elf_image *image, const ElfW(Shdr) * table,
                                 const ElfW(Shdr) * strings, uintptr_t address, size_t *offset)
{
    const ElfW(Sym) *symbols = image_part(image, table->sh_offset, table->sh_size);
    const char *names = image_part(image, strings->sh_offset, strings->sh_size);
    if (symbols == NULL || names == NULL)
        return NULL;
    for (size_t i = 0; i < table->sh_size / sizeof *symbols; i++) {
        bool covers = address - symbols[i].st_value < symbols[i].st_size;
        if (covers && (symbols[i].st_info & 0xf) == STT_FUNC &&
            symbols[i].st_name < strings->sh_size) {
            *offset = address - symbols[i].st_value;
            return names + symbols[i].st_name;
        }
    }
    return NULL;
}

/* Uses the table of all symbols, or of the exported ones if the file is stripped. */
static const char *find_symbol(const struct elf_image *image, uintptr_t linked, size_t *offset)
{
    const ElfW(Ehdr) *header = image_part(image, 0, sizeof *header);
    if (header == NULL || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
        return NULL;
    const ElfW(Shdr) *sections = image_part(image, header->e_shoff,
                                            (size_t)header->e_shnum * sizeof *sections);
    const ElfW(Shdr) *table = NULL;
    for (int i = 0; sections != NULL && i < header->e_shnum; i++)
        if (sections[i].sh_link < header->e_shnum &&
            (sections[i].sh_type == SHT_SYMTAB ||
             (sections[i].sh_type == SHT_DYNSYM && table == NULL)))
            table = &sections[i];
    return table == NULL ? NULL
                         : find_in_table(image, table, &sections[table->sh_link], linked, offset);
}

/* A search for the loaded file at an address. */
struct code_search {
    uintptr_t address;
    uintptr_t base; /* result: the file's load address */
    char path[256]; /* result: a longer path is cut off, and then cannot be opened */
};

/* Called for each loaded file; returns 1 to stop. (dladdr does not work in static programs.) */
static int search_file(struct dl_phdr_info *file, size_t size, void *argument)
{
    (void)size;
    struct code_search *search = argument;
    for (int i = 0; i < file->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &file->dlpi_phdr[i];
        bool is_code = segment->p_type == PT_LOAD &&
                       (segment->p_flags & (PF_R | PF_X)) == (PF_R | PF_X);
        if (is_code && search->address - file->dlpi_addr - segment->p_vaddr < segment->p_memsz) {
            const char *path = file->dlpi_name;
            snprintf(search->path, sizeof search->path, "%s",
                     *path != '\0' ? path : "/proc/self/exe");
            search->base = file->dlpi_addr;
            return 1;
        }
    }
    return 0;
}

bool asyncp_symbol_known(const void *address)
{
    struct code_search search = {.address = (uintptr_t)address};
    return dl_iterate_phdr(search_file, &search) != 0;
}

/* The file's name without directories. Resolves /proc/self/exe. */
static const char *file_name(char *path, size_t size)
{
    char target[256];
    ssize_t length = readlink(path, target, sizeof target - 1);
    if (length > 0) {
        target[length] = '\0';
        snprintf(path, size, "%s", target);
    }
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

bool asyncp_symbol(const void *address, char *text, size_t size)
{
    struct code_search search = {.address = (uintptr_t)address};
    struct elf_image image = {0};
    const char *name = NULL;
    if (dl_iterate_phdr(search_file, &search) == 0)
        return false;
    size_t offset = search.address - search.base;
    if (map_image(search.path, &image))
        name = find_symbol(&image, offset, &offset);
    if (name == NULL)
        name = file_name(search.path, sizeof search.path);
    snprintf(text, size, "%s+0x%zx", name, offset);
    if (image.bytes != NULL)
        munmap((void *)(uintptr_t)image.bytes, image.size);
    return true;
}
