/*
 * cmd/commands.h: the commands that the first word after `asyncio` names. Each gets the words
 * behind it, and returns the exit status: after WRONG_USAGE it has printed why.
 */
#ifndef CMD_COMMANDS_H
#define CMD_COMMANDS_H

enum { WRONG_USAGE = 2 };

int ps_run(int count, char **arguments);
int tree_run(int count, char **arguments);
int top_run(int count, char **arguments);
int trace_run(int count, char **arguments);

/* Executes gdb: returns only after an error. */
int gdb_run(int count, char **arguments);

#endif
