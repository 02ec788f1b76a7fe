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

enum { MAX_RANGES = 8 };

/* A loaded file. */
struct image {
    uint64_t start;                       /* of its first byte */
    uint64_t bias;                        /* from addresses in the file to those in memory */
    struct library copy;                  /* of libasyncio, if it has one */
    struct code_range ranges[MAX_RANGES]; /* its code */
    size_t range_count;
};

/*
 * Looks at the file that is loaded at image->start. 1: it has a copy of libasyncio; 0: it has none;
 * -EXDEV: it is of another word size; -EPROTO, -ENOTSUP: its table is damaged, or of another
 * version; or an error of the view.
 */
int image_look(const struct view *view, struct image *image);

#endif
