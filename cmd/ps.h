/* cmd/ps.h: prints the loops and tasks of a snapshot. */
#ifndef CMD_PS_H
#define CMD_PS_H

#include "cmd/process.h"

/* As a table. each: tasks that do the same have a line each. 0 or -ENOMEM. */
int ps_print(const struct process *process, const struct snapshot *snapshot, bool each);

/* As an object of JSON, without a line break behind it. */
void ps_print_json(const struct process *process, const struct snapshot *snapshot);

#endif
