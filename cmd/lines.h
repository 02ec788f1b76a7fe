/*
 * cmd/lines.h: the source of the calls on a stack. With libdw: functions, inlined ones too, and
 * lines. Without it, or without debug information: the file and the offset in it, for addr2line.
 */
#ifndef CMD_LINES_H
#define CMD_LINES_H

#include "cmd/subject.h"
#include <stdio.h>

/* A call that has not returned. */
struct code_place {
    char function[128]; /* "": unknown */
    char file[256];     /* of the source; of the program, if `line` is 0; "": unknown */
    unsigned line;
    uint64_t offset; /* in the program's file, if `line` is 0 */
    bool is_entry;   /* the function that async_fn has made, which calls it */
};

struct lines;

/* 0 or -ENOMEM. */
int lines_open(struct lines **lines, const struct subject *subject);
void lines_close(struct lines *lines);

/*
 * The innermost call on the stack of a task that is not the library's own. It is empty if all are,
 * as in a task that ends with a call. Remembered for each trace of the snapshot.
 */
const struct code_place *lines_find(struct lines *lines, const struct snapshot *snapshot,
                                    const struct row *row);

/* Prints each call on the stack of a task on a line, the innermost first, behind `indent`. */
void lines_print(struct lines *lines, const struct snapshot *snapshot, const struct row *row,
                 const char *indent);

/* "flush server.c:88" */
void lines_show(char *shown, size_t size, const struct code_place *place);

/* The place of lines_find, as lines_show shows it; "" if it is empty. */
void lines_show_first(char *shown, size_t size, struct lines *lines,
                      const struct snapshot *snapshot, const struct row *row);

#endif
