/*
 * cmd/lines.h: the source of the calls on a stack. With libdw: functions, inlined ones too, and
 * lines. Without it, or without debug information: the file and the offset in it, for addr2line.
 */
#ifndef CMD_LINES_H
#define CMD_LINES_H

#include "cmd/subject.h"
#include "show/places.h"

struct lines;

/* 0 or -ENOMEM. */
int lines_open(struct lines **lines, const struct subject *subject);
void lines_close(struct lines *lines);

/* How this finds places; valid until lines_close. */
struct places *lines_places(struct lines *lines);

/* Prints each call on the stack of a task on a line, the innermost first, behind `indent`. */
void lines_print(struct places *places, const struct snapshot *snapshot, const struct row *row,
                 const char *indent);

#endif
