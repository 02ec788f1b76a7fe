/*
 * sys/file.h: system calls for files, pipes and paths, with -errno for errors. Where there is a
 * `directory`, an open descriptor or AT_FDCWD, a relative path is relative to it, and a symbolic
 * link at the end of the path is not followed.
 */
#ifndef SYS_FILE_H
#define SYS_FILE_H

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* read(2) and write(2). Not repeated when interrupted. */
ssize_t asyncp_sys_read(int fd, void *buffer, size_t size);
ssize_t asyncp_sys_write(int fd, const void *buffer, size_t size);

/* write(2) until all is written. 0 or -errno. */
int asyncp_sys_write_all(int fd, const void *bytes, size_t size);

/* pread(2). -EINVAL for pipes and directories. */
ssize_t asyncp_sys_pread(int fd, void *buffer, size_t size, int64_t offset);

void asyncp_sys_close(int fd);
bool asyncp_sys_is_open(int fd);

/* Both ends are close-on-exec, and have the flags, such as O_NONBLOCK. */
int asyncp_sys_pipe(int ends[2], int flags);

/* The size of the buffer in the kernel, which rounds it up. 0 or -errno. */
int asyncp_sys_set_pipe_size(int fd, int bytes);

/* /dev/null for reading and writing, close-on-exec. The descriptor or -errno. */
int asyncp_sys_open_null(void);

/*
 * A regular file to append to, empty if `anew`; close-on-exec. Symbolic links are followed. Never
 * blocks. The descriptor; -EOPNOTSUPP: there is a FIFO, device or socket with this name; -errno.
 */
int asyncp_sys_create(const char *path, bool anew);

/* ftruncate(2). */
int asyncp_sys_truncate(int fd, int64_t size);

int asyncp_sys_set_nonblocking(int fd);

/* The flags of the open file description (F_GETFL), or -errno. */
int asyncp_sys_fd_flags(int fd);

/* fstat(2). */
int asyncp_sys_fd_status(int fd, struct stat *status);

/*
 * Opens what the descriptor is, with flags, once more: a description of its own for pipes and
 * terminals. The new descriptor, close-on-exec; or -errno: there is no /proc, or no permission.
 */
int asyncp_sys_reopen(int fd, int flags);

/* Another descriptor of the description, close-on-exec and not 0, 1 or 2. */
int asyncp_sys_dup(int fd);

/* A new descriptor (or an error) that is not 0, 1 or 2, which the program may have closed. */
int asyncp_sys_above_standard(int fd);

/* Opens a directory, close-on-exec, to pass to the calls below. The descriptor or -errno. */
int asyncp_sys_open_directory(const char *path);

int asyncp_sys_stat(int directory, const char *path, struct stat *status);

/*
 * -EEXIST if `to` exists. File systems without RENAME_NOREPLACE replace it.
 */
int asyncp_sys_rename(int directory, const char *from, const char *to);

int asyncp_sys_unlink(int directory, const char *path);

#endif
