/*
 * net/path.h: the path of a Unix server: a socket that was left there is replaced, and what is
 * removed in the end is the server's own socket, not another file that has taken its place. It must
 * not know of servers.
 *
 * A start goes through claim, vacate, bind, and ends with settle or withdraw; a stop is release.
 * Until settle the socket that stood there before still exists under another name in the same
 * folder, so a start that fails puts it back.
 */
#ifndef NET_PATH_H
#define NET_PATH_H

#include "sched/sched.h"
#include <sys/socket.h>

struct socket_path;

/* Allocates what the calls below need; the file system is not changed. 0 or -errno. */
int asyncp_path_claim(struct async_loop *loop, const char *text, struct socket_path **path);

/*
 * Moves a socket that is there out of the way. 0 also if nothing is there; -EADDRINUSE: a file that
 * is not a socket.
 */
int asyncp_path_vacate(struct socket_path *path);

/* Binds the socket there and remembers its file. */
int asyncp_path_bind(struct socket_path *path, int fd, const struct sockaddr *address,
                     socklen_t size);

/* The start has succeeded: the socket that was moved is removed. */
void asyncp_path_settle(const struct async_loop *loop, struct socket_path *path);

/* The start has failed: removes ours, puts back what was there before, and frees the path. */
void asyncp_path_withdraw(struct async_loop *loop, struct socket_path *path);

/*
 * Removes ours, unless it is to be kept, and frees the path. Called while the socket is still open:
 * it holds its inode, so no other file can have its number.
 */
void asyncp_path_release(struct async_loop *loop, struct socket_path *path, bool keep);

#endif
