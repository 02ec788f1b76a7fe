/* cmd/ps.h: prints the loops and tasks of a snapshot. */
#ifndef CMD_PS_H
#define CMD_PS_H

#include "cmd/lines.h"
#include "cmd/process.h"

/* What is printed: a snapshot of a process. */
struct ps_view {
    const struct process *process;
    const struct snapshot *snapshot;
    struct lines *lines;
    bool each;   /* tasks that do the same have a line each */
    bool stacks; /* below each line the calls of its task */
};

/* As a table. 0 or -ENOMEM. */
int ps_print(const struct ps_view *ps);

/* As an object of JSON, without a line break behind it. */
void ps_print_json(const struct ps_view *ps);

#endif
