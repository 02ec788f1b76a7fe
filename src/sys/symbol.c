/*
 * sys/symbol.c: looks an address up in the symbol table of the ELF file it was loaded from. Used when a
 * program is about to end and when tasks are shown, so it maps the file anew each time and keeps nothing.
 */
#include "sys/symbol.h"
#include <dlfcn.h>
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
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    void *bytes = MAP_FAILED;
    if (fstat(file, &status) == 0 && status.st_size > (off_t)sizeof(ElfW(Ehdr)))
        bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
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
        if (covers && (symbols[i].st_info & 0xf) == STT_FUNC && symbols[i].st_name < strings->sh_size) {
            *offset = address - symbols[i].st_value;
            return names + symbols[i].st_name;
        }
    }
    return NULL;
}

static const char *find(const struct image *image, uintptr_t base, uintptr_t address, size_t *offset)
{
    const ElfW(Ehdr) *header = part(image, 0, sizeof *header);
    if (header == NULL || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
        return NULL;
    const ElfW(Shdr) *sections = part(image, header->e_shoff, (size_t)header->e_shnum * sizeof *sections);
    if (sections == NULL)
        return NULL;
    uintptr_t linked = header->e_type == ET_DYN ? address - base : address;
    for (int i = 0; i < header->e_shnum; i++)
        if (sections[i].sh_type == SHT_SYMTAB && sections[i].sh_link < header->e_shnum)
            return find_in_table(image, &sections[i], &sections[sections[i].sh_link], linked, offset);
    return NULL;
}

bool async__symbol_known(const void *address)
{
    Dl_info info;
    return dladdr(address, &info) != 0;
}

bool async__symbol(const void *address, char *text, size_t size)
{
    Dl_info info;
    struct image image = {0};
    size_t offset = 0;
    if (dladdr(address, &info) == 0)
        return false;
    const char *name = info.dli_sname;
    if (name != NULL)
        offset = (size_t)((const char *)address - (const char *)info.dli_saddr);
    else if (open_image(info.dli_fname, &image) || open_image("/proc/self/exe", &image))
        name = find(&image, (uintptr_t)info.dli_fbase, (uintptr_t)address, &offset);
    if (name == NULL) {
        const char *slash = strrchr(info.dli_fname, '/');
        name = slash != NULL ? slash + 1 : info.dli_fname;
        offset = (size_t)((const char *)address - (const char *)info.dli_fbase);
    }
    snprintf(text, size, "%s+0x%zx", name, offset);
    if (image.bytes != NULL)
        munmap((void *)(uintptr_t)image.bytes, image.size);
    return true;
}
