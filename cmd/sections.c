/* cmd/sections.c: the section headers of an ELF file. */
#include "cmd/files.h"
#include "cmd/sections.h"
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_SECTIONS = 4096, NAME_BYTES = 16 };

static bool read_at(FILE *file, uint64_t offset, void *bytes, size_t size)
{
    return offset <= INT64_MAX && fseeko(file, (off_t)offset, SEEK_SET) == 0 &&
           fread(bytes, 1, size, file) == size;
}

/* A shorter name ends with the file. */
static bool has_name(FILE *file, const ElfW(Shdr) * names, const ElfW(Shdr) * section,
                     const char *name)
{
    char bytes[NAME_BYTES] = "";
    return read_at(file, names->sh_offset + section->sh_name, bytes, strlen(name) + 1) &&
           strcmp(bytes, name) == 0;
}

static int find_section(FILE *file, const ElfW(Ehdr) * header, const ElfW(Shdr) * sections,
                        uint64_t *address, size_t *size)
{
    for (size_t i = 0; i < header->e_shnum; i++)
        if (sections[i].sh_addr != 0 &&
            has_name(file, &sections[header->e_shstrndx], &sections[i], ".eh_frame")) {
            *address = sections[i].sh_addr;
            *size = (size_t)sections[i].sh_size;
            return 0;
        }
    return -ENOENT;
}

static int read_sections(FILE *file, uint64_t *address, size_t *size)
{
    ElfW(Ehdr) header;
    if (!read_at(file, 0, &header, sizeof header) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_shentsize != sizeof(ElfW(Shdr)) || header.e_shnum > MAX_SECTIONS ||
        header.e_shstrndx >= header.e_shnum)
        return -ENOEXEC;
    ElfW(Shdr) *sections = calloc(header.e_shnum, sizeof *sections);
    if (sections == NULL)
        return -ENOMEM;
    int result = read_at(file, header.e_shoff, sections, header.e_shnum * sizeof *sections)
                     ? find_section(file, &header, sections, address, size)
                     : -ENOEXEC;
    free(sections);
    return result;
}

int sections_find_table(const char *path, uint64_t *address, size_t *size)
{
    int fd = files_open_regular(path);
    if (fd < 0)
        return fd;
    FILE *file = fdopen(fd, "r");
    if (file == NULL) {
        close(fd);
        return -ENOMEM;
    }
    int result = read_sections(file, address, size);
    fclose(file);
    return result;
}
