/* cmd/ps.h: prints the loops and tasks of a snapshot as a table, or as JSON. */
#ifndef CMD_PS_H
#define CMD_PS_H

#include "cmd/ending.h"
#include "show/sheet.h"

/* As a table. 0 or -ENOMEM. */
int ps_print(const struct sheet *sheet);

/* As an object of JSON, with edges, without a line break behind it. */
void ps_print_json(const struct sheet *sheet, const struct subject *subject,
                   const struct ending *ending, const struct graph *graph);

#endif
