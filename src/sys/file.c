/*
 * sys/file.c: system calls for files, pipes and paths.
 */
#include "sys/file.h"
#include "sys/call.h"
#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NO_REPLACE = 1 }; /* RENAME_NOREPLACE, which not every libc defines */

ssize_t asyncp_sys_read(int fd, void *buffer, size_t size)
{
    return SYS_MOVE(SITE_READ, &size, read(fd, buffer, size));
}

ssize_t asyncp_sys_write(int fd, const void *buffer, size_t size)
{
    return SYS_MOVE(SITE_WRITE, &size, write(fd, buffer, size));
}

int asyncp_sys_write_all(int fd, const void *bytes, size_t size)
{
    const char *rest = bytes;
    while (size > 0) {
        ssize_t written = asyncp_sys_write(fd, rest, size);
        if (written <= 0 && written != -EINTR)
            return written < 0 ? (int)written : -EIO;
        rest += written > 0 ? written : 0;
        size -= written > 0 ? (size_t)written : 0;
    }
    return 0;
}

ssize_t asyncp_sys_pread(int fd, void *buffer, size_t size, int64_t offset)
{
    long result;
    do
        result = SYS_MOVE(SITE_READ, &size, pread(fd, buffer, size, offset));
    while (result == -EINTR);
    return result == -ESPIPE || result == -EISDIR ? -EINVAL : result;
}

void asyncp_sys_close(int fd)
{
    close(fd); /* Linux closes the descriptor also when it returns an error */
}

bool asyncp_sys_is_open(int fd)
{
    return SYS_CALL(SITE_IS_OPEN, fcntl(fd, F_GETFD)) >= 0;
}

int asyncp_sys_pipe(int ends[2], int flags)
{
    return (int)SYS_CALL(SITE_PIPE, pipe2(ends, O_CLOEXEC | flags));
}

int asyncp_sys_fd_flags(int fd)
{
    return (int)SYS_CALL(SITE_FD_FLAGS, fcntl(fd, F_GETFL));
}

int asyncp_sys_fd_status(int fd, struct stat *status)
{
    return (int)SYS_CALL(SITE_STAT, fstat(fd, status));
}

int asyncp_sys_reopen(int fd, int flags)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return (int)SYS_CALL(SITE_REOPEN, open(path, flags | O_CLOEXEC | O_NOCTTY));
}

int asyncp_sys_dup(int fd)
{
    return (int)SYS_CALL(SITE_DUP, fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
}

int asyncp_sys_above_standard(int fd)
{
    if (likely(fd > STDERR_FILENO || fd < 0))
        return fd;
    int above = asyncp_sys_dup(fd);
    close(fd);
    return above;
}

int asyncp_sys_set_pipe_size(int fd, int bytes)
{
    long result = SYS_CALL(SITE_PIPE_SIZE, fcntl(fd, F_SETPIPE_SZ, bytes));
    return result < 0 ? (int)result : 0;
}

int asyncp_sys_open_null(void)
{
    return (int)SYS_CALL(SITE_OPEN_NULL, open("/dev/null", O_RDWR | O_CLOEXEC));
}

int asyncp_sys_truncate(int fd, int64_t size)
{
    return (int)SYS_CALL(SITE_TRUNCATE, ftruncate(fd, size));
}

int asyncp_sys_create(const char *path, bool anew)
{
    enum { MODE = 0666 }; /* less what umask takes away */
    const int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    struct stat status;
    int fd = (int)SYS_CALL(SITE_CREATE, open(path, flags, MODE));
    if (fd < 0)
        return fd == -ENXIO ? -EOPNOTSUPP : fd; /* a FIFO that is not open for reading */
    int result = asyncp_sys_fd_status(fd, &status);
    if (result == 0 && !S_ISREG(status.st_mode))
        result = -EOPNOTSUPP;
    if (result == 0 && anew)
        result = asyncp_sys_truncate(fd, 0);
    if (result == 0)
        return fd;
    asyncp_sys_close(fd);
    return result;
}

int asyncp_sys_set_nonblocking(int fd)
{
    int flags = (int)SYS_CALL(SITE_NONBLOCKING, fcntl(fd, F_GETFL));
    if (flags < 0)
        return flags;
    if ((flags & O_NONBLOCK) != 0)
        return 0;
    return (int)SYS_CALL(SITE_NONBLOCKING, fcntl(fd, F_SETFL, flags | O_NONBLOCK));
}

int asyncp_sys_open_directory(const char *path)
{
    return (int)SYS_CALL(SITE_OPEN_DIRECTORY, open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
}

int asyncp_sys_stat(int directory, const char *path, struct stat *status)
{
    return (int)SYS_CALL(SITE_STAT, fstatat(directory, path, status, AT_SYMLINK_NOFOLLOW));
}

int asyncp_sys_rename(int directory, const char *from, const char *to)
{
    long result = SYS_CALL(SITE_RENAME,
                           syscall(SYS_renameat2, directory, from, directory, to, NO_REPLACE));
    if (result == -EINVAL || result == -ENOSYS)
        result = SYS_CALL(SITE_RENAME, renameat(directory, from, directory, to));
    return (int)result;
}

int asyncp_sys_unlink(int directory, const char *path)
{
    return (int)SYS_CALL(SITE_UNLINK, unlinkat(directory, path, 0));
}
