/*
 * show/sheet.h: a snapshot as text for people. Tasks that do the same share a line.
 */
#ifndef SHOW_SHEET_H
#define SHOW_SHEET_H

#include "inspect/cycles.h"
#include "inspect/known.h"
#include "show/places.h"
#include <stdio.h>

/* A text to be printed. */
struct sheet {
    FILE *to;
    const struct snapshot *snapshot;
    struct places *places;
    const struct known *known; /* of the snapshot; trees need it */
    uint32_t process;          /* the process's number for itself */
    uint32_t only;             /* number of a loop: other ones are left out; 0: all */
    bool each;                 /* tasks that do the same have a line each */
    bool stacks;               /* below each line the calls of its task */
};

/* A child of fork() has copies of its parent's loops, which never run again. */
bool asyncp_is_copy(const struct sheet *sheet, const struct loop_row *loop);

/* Whether the loop is one of those that are printed. */
bool asyncp_is_shown(const struct sheet *sheet, const struct loop_row *loop);

/* The line about a loop. */
void asyncp_show_loop(const struct sheet *sheet, const struct loop_row *loop);

/* The line in place of those about loops. */
void asyncp_show_no_loop(const struct sheet *sheet);

/* How many lists of the snapshot, and how many others, were not read to their ends, if any. */
void asyncp_show_unreadable(const struct sheet *sheet, size_t others);

/* Cycles, with a line about each task, and hints. */
void asyncp_show_cycles(const struct sheet *sheet, const struct cycles *cycles);

/* As trees: below each task those that it awaits; then the cycles. 0 or -ENOMEM. */
int asyncp_show_tree(const struct sheet *sheet, const struct graph *graph,
                     const struct cycles *cycles);

#endif
