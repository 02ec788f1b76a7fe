/* cmd/gdb.h: `asyncio gdb`, which becomes gdb. */
#ifndef CMD_GDB_H
#define CMD_GDB_H

/*
 * Executes gdb on the process with this number, or on the core in this file, with the commands for
 * tasks. `more` are further arguments for gdb. Returns only after an error, which it has printed.
 */
int gdb_run(char *name, char **more, int more_count);

#endif
