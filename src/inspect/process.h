/*
 * inspect/process.h: the memory of a running process as a view, and that of this one.
 */
#ifndef INSPECT_PROCESS_H
#define INSPECT_PROCESS_H

#include "inspect/unwind.h"

/* For `read` of a view: copies from the process. 0 or -errno. */
int asyncp_process_read(int32_t process, struct piece pieces[], size_t count);

/* This process. */
extern const struct view asyncp_own_view;

/*
 * The code of this process: all files that are loaded. *ranges has *count of them; free() it. 0 or
 * -ENOMEM.
 */
int asyncp_own_code(struct code_range **ranges, size_t *count);

/*
 * For a program that is linked statically, which has no index: sets the unwind table of ranges that
 * have none, from the section headers of the file. `base` is what is added to its addresses.
 */
void asyncp_code_add_table(struct code_range *ranges, size_t count, const char *path,
                           uint64_t base);

#endif
