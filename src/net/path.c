/*
 * net/path.c: taking over the path of a Unix server, and removing it.
 *
 * bind(2) fails if the path exists. So the old socket is renamed, the new one is bound, and the old
 * one is removed by its new name. Between the rename and listen(2), some microseconds, a client
 * finds no server. (Binding another name and renaming it to the path would leave no such gap, but
 * getsockname(2) would return the other name for ever.) If two processes take over at once, the
 * second one to bind gets -EADDRINUSE.
 */
#include "net/path.h"
#include "net/report.h"
#include "sys/socket.h"
#include "sys/clock.h"
#include "sys/file.h"
#include <stdio.h>

enum { MAX_SUFFIX = 32 };

struct socket_path {
    int folder;        /* the working directory, which may change; AT_FDCWD: of an absolute path */
    bool is_bound;     /* the new socket exists */
    bool old_is_moved; /* there was a socket, which has been renamed */
    dev_t device;      /* of the new socket's file; and its inode number, 0: not known */
    ino_t inode;
    size_t size;          /* of this block */
    const char *old_name; /* for the old socket; in the block */
    char text[];          /* the path, and the other name */
};

int asyncp_path_claim(struct async_loop *loop, const char *text, struct socket_path **out)
{
    size_t length = strlen(text) + 1, size = sizeof(struct socket_path) + 2 * length + MAX_SUFFIX;
    struct socket_path *path = memory_new(&loop->memory, size);
    if (path == NULL)
        return -ENOMEM;
    path->size = size;
    memcpy(path->text, text, length);
    path->old_name = path->text + length;
    snprintf(path->text + length, length + MAX_SUFFIX, "%s.old-%llx", text,
             (unsigned long long)asyncp_sys_clock_now());
    path->folder = text[0] != '/' ? asyncp_sys_open_directory(".") : AT_FDCWD;
    if (path->folder >= 0 || path->folder == AT_FDCWD) {
        *out = path;
        return 0;
    }
    int result = async_fail_errno(path->folder, "listen at %s: open the working directory", text);
    memory_free(&loop->memory, path, size);
    return result;
}

int asyncp_path_vacate(struct socket_path *path)
{
    struct stat status;
    int result = asyncp_sys_stat(path->folder, path->text, &status);
    if (result == -ENOENT)
        return 0;
    if (result < 0)
        return async_fail_errno(result, "listen at %s", path->text);
    if (!S_ISSOCK(status.st_mode))
        return async_fail(-EADDRINUSE, "listen at %s: there is a file that is not a socket",
                          path->text);
    result = asyncp_sys_rename(path->folder, path->text, path->old_name);
    path->old_is_moved = result == 0;
    if (result == -ENOENT) /* its server has removed it meanwhile */
        return 0;
    return result < 0
               ? async_fail_errno(result, "listen at %s: rename the socket there", path->text)
               : 0;
}

static int note_file_number(struct socket_path *path)
{
    struct stat status;
    int result = asyncp_sys_stat(path->folder, path->text, &status);
    if (result < 0)
        return result;
    path->device = status.st_dev;
    path->inode = status.st_ino;
    return 0;
}

int asyncp_path_bind(struct socket_path *path, int fd, const struct sockaddr *address,
                     socklen_t size)
{
    int result = asyncp_sys_bind(fd, address, size);
    path->is_bound = result == 0;
    return result < 0 ? result : note_file_number(path);
}

static void free_path(struct async_loop *loop, struct socket_path *path)
{
    if (path->folder != AT_FDCWD)
        asyncp_sys_close(path->folder);
    memory_free(&loop->memory, path, path->size);
}

/* ENOENT: another process was faster. */
static void remove_socket(const struct async_loop *loop, int folder, const char *name)
{
    int result = asyncp_sys_unlink(folder, name);
    if (result != -ENOENT)
        report_failure(loop, result, "the removal of a Unix server's socket");
}

void asyncp_path_settle(const struct async_loop *loop, struct socket_path *path)
{
    if (path->old_is_moved)
        remove_socket(loop, path->folder, path->old_name);
    path->old_is_moved = false;
}

static bool path_is_ours(const struct socket_path *path)
{
    struct stat status;
    return asyncp_sys_stat(path->folder, path->text, &status) == 0 &&
           status.st_dev == path->device && status.st_ino == path->inode;
}

void asyncp_path_withdraw(struct async_loop *loop, struct socket_path *path)
{
    bool is_known = path->inode != 0;
    if (path->is_bound && (!is_known || path_is_ours(path)))
        remove_socket(loop, path->folder, path->text);
    if (path->old_is_moved &&
        asyncp_sys_rename(path->folder, path->old_name, path->text) == -EEXIST)
        asyncp_path_settle(loop, path); /* another server has taken the path meanwhile */
    free_path(loop, path);
}

void asyncp_path_release(struct async_loop *loop, struct socket_path *path, bool keep)
{
    if (!keep && path_is_ours(path))
        remove_socket(loop, path->folder, path->text);
    free_path(loop, path);
}
