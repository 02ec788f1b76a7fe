/* cmd/files.h: opening files that are named by the process that is looked at. */
#ifndef CMD_FILES_H
#define CMD_FILES_H

/*
 * Opens a regular file for reading, close-on-exec. A FIFO is refused: opening it would wait for a
 * writer. The descriptor, or -errno; -ENOEXEC if the file is of another kind.
 */
int files_open_regular(const char *path);

#endif
