/* cmd/notes.c: a note is a header, the owner and the content, each padded to words of 4 bytes. */
#include "cmd/notes.h"
#include <link.h>
#include <stdbool.h>
#include <string.h>

static uint64_t padded(uint32_t size)
{
    return ((uint64_t)size + 3) & ~UINT64_C(3);
}

/* The note at the begin of the bytes, and the bytes that it takes. false: there is no whole one. */
static bool read_note(const char *bytes, size_t size, struct elf_note *note, uint64_t *taken)
{
    ElfW(Nhdr) header;
    if (size < sizeof header)
        return false;
    memcpy(&header, bytes, sizeof header);
    uint64_t owner = padded(header.n_namesz), left = size - sizeof header;
    if (owner > left || header.n_descsz > left - owner)
        return false;
    const char *begin = bytes + sizeof header;
    *note = (struct elf_note){header.n_type, begin, header.n_namesz, begin + owner,
                              header.n_descsz};
    *taken = sizeof header + owner + padded(header.n_descsz);
    return true;
}

int notes_each(const char *bytes, size_t size,
               int (*take)(void *argument, const struct elf_note *note), void *argument)
{
    struct elf_note note;
    uint64_t taken;
    int result = 0;
    while (result >= 0 && read_note(bytes, size, &note, &taken)) {
        result = take(argument, &note);
        size_t step = taken < size ? (size_t)taken : size; /* the last one need not be padded */
        bytes += step;
        size -= step;
    }
    return result < 0 ? result : 0;
}
