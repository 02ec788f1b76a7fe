/*
 * inspect/source.h: the line of the source of an instruction, from the line tables of a file
 * (.debug_line, DWARF 2 to 5). Nothing in them is trusted. Compressed tables are not read.
 */
#ifndef INSPECT_SOURCE_H
#define INSPECT_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a section; NULL: the file does not have it. */
struct table_bytes {
    const uint8_t *bytes;
    size_t size;
};

struct line_tables {
    struct table_bytes lines;        /* .debug_line */
    struct table_bytes line_strings; /* .debug_line_str */
    struct table_bytes strings;      /* .debug_str */
};

struct source_line {
    char file[256];   /* as the compiler was given it; a longer one is cut */
    char folder[256]; /* in which the compiler ran; "": unknown, as before version 5 */
    unsigned line;
    uint64_t address; /* of its first instruction */
};

/* Lines of other files around that of an address. `line` 0: none. */
struct source_around {
    struct source_line before; /* the last statement; of an inline function mostly its caller's */
    struct source_line first;  /* of the function */
    struct source_line next;   /* the next statement */
};

/*
 * Finds the line of an address, as it is in the file, and those around it, from `begin` on, the
 * first instruction of the function. false: unknown.
 */
bool asyncp_source_find(const struct line_tables *tables, uint64_t address, uint64_t begin,
                        struct source_line *line, struct source_around *around);

#endif
