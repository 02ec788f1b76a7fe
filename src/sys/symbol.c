/* sys/symbol.c: looks an address up in the symbol table of the ELF file it was loaded from. */
#include "sys/symbol.h"
#include <elf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Whether a zero byte ends the text at an offset of a table. */
static bool is_text(const char *table, size_t offset, size_t size)
{
    return offset < size && memchr(table + offset, 0, size - offset) != NULL;
}

/* The function at the address, or NULL. *offset: of the address in it. */
static const char *find_in_table(const struct elf_image *image, const ElfW(Shdr) * table,
                                 const ElfW(Shdr) * strings, uintptr_t address, size_t *offset)
{
    const ElfW(Sym) *symbols = asyncp_image_part(image, table->sh_offset, table->sh_size);
    const char *names = asyncp_image_part(image, strings->sh_offset, strings->sh_size);
    if (symbols == NULL || names == NULL || table->sh_offset % _Alignof(ElfW(Sym)) != 0)
        return NULL;
    for (size_t i = 0; i < table->sh_size / sizeof *symbols; i++) {
        bool covers = address - symbols[i].st_value < symbols[i].st_size;
        if (covers && (symbols[i].st_info & 0xf) == STT_FUNC &&
            is_text(names, symbols[i].st_name, strings->sh_size)) {
            *offset = address - symbols[i].st_value;
            return names + symbols[i].st_name;
        }
    }
    return NULL;
}

const char *asyncp_symbol_name(const struct elf_image *image, uintptr_t linked, size_t *offset)
{
    size_t count;
    const ElfW(Shdr) *sections = asyncp_image_sections(image, &count);
    const ElfW(Shdr) *table = NULL;
    for (size_t i = 0; i < count; i++)
        if (sections[i].sh_link < count && (sections[i].sh_type == SHT_SYMTAB ||
                                            (sections[i].sh_type == SHT_DYNSYM && table == NULL)))
            table = &sections[i];
    return table == NULL ? NULL
                         : find_in_table(image, table, &sections[table->sh_link], linked, offset);
}

bool asyncp_symbol_known(const void *address)
{
    struct loaded_file file;
    return asyncp_image_find(&file, (uintptr_t)address);
}

/* Resolves /proc/self/exe. */
const char *asyncp_symbol_file(struct loaded_file *file)
{
    char target[sizeof file->path];
    ssize_t length = readlink(file->path, target, sizeof target - 1);
    if (length > 0) {
        target[length] = '\0';
        snprintf(file->path, sizeof file->path, "%s", target);
    }
    const char *slash = strrchr(file->path, '/');
    return slash != NULL ? slash + 1 : file->path;
}
