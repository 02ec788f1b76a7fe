/*
 * net/path.h: the path of a Unix server. An old socket at the path is replaced; in the end only the
 * server's own socket is removed, not a file in its place. It does not know servers.
 *
 * A start calls claim, vacate, bind, and then settle or withdraw; a stop calls release. Until
 * settle the old socket exists by another name in the same folder: a start that fails puts it back.
 */
#ifndef NET_PATH_H
#define NET_PATH_H

#include "sched/sched.h"
#include <sys/socket.h>

struct socket_path;

/* Allocates memory; the file system is not changed. 0 or -errno. */
int asyncp_path_claim(struct async_loop *loop, const char *text, struct socket_path **path);

/* Renames a socket at the path. 0, also if there is nothing; -EADDRINUSE: there is another file. */
int asyncp_path_vacate(struct socket_path *path);

/* Binds the socket, whose file is recognized by its number later. 0 or -errno. */
int asyncp_path_bind(struct socket_path *path, int fd, const struct sockaddr *address,
                     socklen_t size);

/* The start has succeeded: removes the old socket. */
void asyncp_path_settle(const struct async_loop *loop, struct socket_path *path);

/* The start has failed: removes the new socket, puts the old one back, and frees the path. */
void asyncp_path_withdraw(struct async_loop *loop, struct socket_path *path);

/*
 * Removes the socket, unless it is kept, and frees the path. The socket must still be open: until
 * then no other file can have its inode number.
 */
void asyncp_path_release(struct async_loop *loop, struct socket_path *path, bool keep);

#endif
