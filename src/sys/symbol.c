/*
 * sys/symbol.c: looks an address up in the symbol table of the ELF file it was loaded from. Used
 * when a program is about to end and when tasks are shown, so it maps the file anew each time and
 * keeps nothing.
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

struct image {
    const char *bytes; /* the whole file */
    size_t size;       /* of it */
};

static bool open_image(const char *path, struct image *image)
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
    *image = (struct image){.bytes = bytes, .size = (size_t)status.st_size};
    return true;
}

static const void *part(const struct image *image, size_t offset, size_t size)
{
    return offset <= image->size && size <= image->size - offset ? image->bytes + offset : NULL;
}

/* The name of the function that covers address, looked up in one table of symbols. */
static const char *find_in_table(const struct image *image, const ElfW(Shdr) * table,
                                 const ElfW(Shdr) * strings, uintptr_t address, size_t *offset)
{
    const ElfW(Sym) *symbols = part(image, table->sh_offset, table->sh_size);
    const char *names = part(image, strings->sh_offset, strings->sh_size);
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

/*
 * In the table of all symbols, or where that was stripped, in the one of those that are exported.
 */
static const char *find(const struct image *image, uintptr_t linked, size_t *offset)
{
    const ElfW(Ehdr) *header = part(image, 0, sizeof *header);
    if (header == NULL || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
        return NULL;
    const ElfW(Shdr) *sections = part(image, header->e_shoff,
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

/* Where code was loaded from, found by the address of some of it. */
struct place {
    uintptr_t address; /* that is looked for */
    uintptr_t base;    /* what the file's own addresses were moved by */
    char path[256];    /* of the file; a longer one is cut off, and will not be found */
};

/*
 * For each loaded file: not 0 when it has the code. dladdr would be simpler, and knows nothing in
 * static programs.
 */
static int look_into(struct dl_phdr_info *file, size_t size, void *argument)
{
    (void)size;
    struct place *place = argument;
    for (int i = 0; i < file->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &file->dlpi_phdr[i];
        bool is_code = segment->p_type == PT_LOAD &&
                       (segment->p_flags & (PF_R | PF_X)) == (PF_R | PF_X);
        if (is_code && place->address - file->dlpi_addr - segment->p_vaddr < segment->p_memsz) {
            const char *path = file->dlpi_name;
            snprintf(place->path, sizeof place->path, "%s",
                     *path != '\0' ? path : "/proc/self/exe");
            place->base = file->dlpi_addr;
            return 1;
        }
    }
    return 0;
}

bool asyncp_symbol_known(const void *address)
{
    struct place place = {.address = (uintptr_t)address};
    return dl_iterate_phdr(look_into, &place) != 0;
}

/* The name of a file without its folders; of the program itself too. */
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
    struct place place = {.address = (uintptr_t)address};
    struct image image = {0};
    const char *name = NULL;
    if (dl_iterate_phdr(look_into, &place) == 0)
        return false;
    size_t offset = place.address - place.base;
    if (open_image(place.path, &image))
        name = find(&image, offset, &offset);
    if (name == NULL)
        name = file_name(place.path, sizeof place.path);
    snprintf(text, size, "%s+0x%zx", name, offset);
    if (image.bytes != NULL)
        munmap((void *)(uintptr_t)image.bytes, image.size);
    return true;
}
