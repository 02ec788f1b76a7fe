/*
 * cmd/image.h: the notes of libasyncio in an ELF file as it is loaded: inspect/layout.h. Only its
 * memory is read, so the file may be stripped, or gone.
 */
#ifndef CMD_IMAGE_H
#define CMD_IMAGE_H

#include "inspect/snapshot.h"

/* A copy of libasyncio in a process. */
struct library {
    uint64_t loops; /* the address of its struct loops */
    struct layout layout;
};

/*
 * Looks at the file whose first byte is at an address. 1: it has a copy; 0: it has none; -EXDEV: it
 * is of another word size; -EPROTO, -ENOTSUP: its table is damaged, or of another version; or an
 * error of the view.
 */
int image_find(const struct view *view, uint64_t start, struct library *library);

#endif
