/*
 * sys/image.h: ELF files on disk, and the loaded file at an address. Nothing is cached: this is for
 * reports, and for a process that is about to end.
 */
#ifndef SYS_IMAGE_H
#define SYS_IMAGE_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A file as it is on disk, mapped whole for reading. It is one of this process: of files that
 * another process names, only sections are looked for, by asyncp_image_read_section.
 */
struct elf_image {
    const char *bytes; /* NULL: not mapped */
    size_t size;
};

/*
 * Opens a regular file for reading, close-on-exec. A file of another kind is not opened, so a FIFO
 * is not waited for, and a device does nothing.
 *
 * Returns the descriptor, or -errno: -ENOEXEC if the file is of another kind, -ENOSYS without
 * /proc.
 */
int asyncp_image_open_regular(const char *path);

/* false: it cannot be opened, is no regular file, or is no ELF file of this size of pointers. */
bool asyncp_image_open(struct elf_image *image, const char *path);
void asyncp_image_close(struct elf_image *image);

/* NULL if the file does not have those bytes. */
const void *asyncp_image_part(const struct elf_image *image, uint64_t offset, uint64_t size);

/* The section headers; *count of them. NULL if it has none. */
const ElfW(Shdr) * asyncp_image_sections(const struct elf_image *image, size_t *count);

/* The section of this name; NULL: the file has none. */
const ElfW(Shdr) * asyncp_image_section(const struct elf_image *image, const char *name);

/*
 * Reads the header of the section of this name from a file that may change meanwhile. false: the
 * file has none, it has more than 1024 sections, or it is one that asyncp_image_open refuses.
 */
bool asyncp_image_read_section(const char *path, const char *name, ElfW(Shdr) * section);

/* The path of the program itself, also if the file was deleted. */
#define PROGRAM_FILE "/proc/self/exe"

/* The path of a file that dl_iterate_phdr(3) names. */
const char *asyncp_image_path(const struct dl_phdr_info *file);

/* A loaded file. */
struct loaded_file {
    uintptr_t base; /* what must be added to its addresses */
    char path[256]; /* a longer path is cut off, and then cannot be opened */
};

/* Finds the file whose executable segment an address is in. Without it: false. */
bool asyncp_image_find(struct loaded_file *file, uintptr_t address);

/*
 * Opens that file. false: none has the address, or it cannot be opened; or its name is that of
 * another file by now, as after an update.
 */
bool asyncp_image_open_loaded(struct elf_image *image, uintptr_t address);

#endif
