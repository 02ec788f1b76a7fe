/* cmd/ps.h: prints the loops and tasks of a snapshot. */
#ifndef CMD_PS_H
#define CMD_PS_H

#include "cmd/lines.h"
#include "cmd/subject.h"
#include "inspect/cycles.h"

/* What is printed: a snapshot of a process. */
struct ps_view {
    const struct subject *subject;
    const struct snapshot *snapshot;
    struct lines *lines;
    bool each;   /* tasks that do the same have a line each */
    bool stacks; /* below each line the calls of its task */
};

/* A child of fork() has copies of its parent's loops, which never run again. */
bool ps_is_of_parent(const struct ps_view *ps, const struct loop_row *loop);

/* The line about a loop. */
void ps_print_loop(const struct ps_view *ps, const struct loop_row *loop);

/* As a table. 0 or -ENOMEM. */
int ps_print(const struct ps_view *ps);

/* As trees: below each task those that it awaits; then the cycles. 0 or -ENOMEM. */
int ps_print_tree(const struct ps_view *ps, const struct graph *graph, const struct cycles *cycles);

/* As an object of JSON, without a line break behind it. */
void ps_print_json(const struct ps_view *ps);

#endif
