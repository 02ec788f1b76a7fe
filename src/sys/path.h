/*
 * sys/path.h: the kernel's calls for names in folders, with -errno for errors. A relative path is
 * relative to the folder, an open descriptor; AT_FDCWD is the working directory. Symbolic links at
 * the end of a path are not followed.
 */
#ifndef SYS_PATH_H
#define SYS_PATH_H

#include <fcntl.h>
#include <sys/stat.h>

/*
 * A descriptor of the folder for the calls below, closed by exec; or -errno. Closed by
 * asyncp_sys_close.
 */
int asyncp_sys_open_folder(const char *path);

int asyncp_sys_status(int folder, const char *path, struct stat *status);

/* -EEXIST: there is a file at `to`. File systems that cannot check that replace it. */
int asyncp_sys_rename(int folder, const char *from, const char *to);

int asyncp_sys_unlink(int folder, const char *path);

#endif
