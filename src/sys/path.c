/*
 * sys/path.c: the kernel's calls for names in folders. Knows nothing of what the files are for.
 */
#include "sys/path.h"
#include "sys/fault.h"
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { DO_NOT_REPLACE = 1 }; /* RENAME_NOREPLACE, which not every libc has */

/* The result of a libc call, which is not made if a test says so. */
static int result_of(long result)
{
    return result == -1 ? -errno : (int)result;
}

#define KERNEL(site, call) result_of(fault(site) ? -1 : (long)(call))

int asyncp_sys_open_folder(const char *path)
{
    return KERNEL(SITE_OPEN_FOLDER, open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
}

int asyncp_sys_status(int folder, const char *path, struct stat *status)
{
    return KERNEL(SITE_STATUS, fstatat(folder, path, status, AT_SYMLINK_NOFOLLOW));
}

int asyncp_sys_rename(int folder, const char *from, const char *to)
{
    int result = KERNEL(SITE_RENAME,
                        syscall(SYS_renameat2, folder, from, folder, to, DO_NOT_REPLACE));
    bool cannot_check = result == -EINVAL || result == -ENOSYS;
    return cannot_check ? KERNEL(SITE_RENAME, renameat(folder, from, folder, to)) : result;
}

int asyncp_sys_unlink(int folder, const char *path)
{
    return KERNEL(SITE_UNLINK, unlinkat(folder, path, 0));
}
