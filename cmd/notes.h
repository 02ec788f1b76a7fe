/* cmd/notes.h: ELF notes, which stand one behind the other. They may be damaged. */
#ifndef CMD_NOTES_H
#define CMD_NOTES_H

#include <stddef.h>
#include <stdint.h>

struct elf_note {
    uint32_t type;
    const char *owner; /* owner_bytes of them, with a zero byte */
    size_t owner_bytes;
    const char *content;
    size_t size; /* of the content */
};

/*
 * Calls a function with each note of a segment, until one call returns a negative number, which is
 * returned; else 0. What follows a damaged note is left out.
 */
int notes_each(const char *bytes, size_t size,
               int (*take)(void *argument, const struct elf_note *note), void *argument);

#endif
