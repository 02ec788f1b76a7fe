/*
 * top/own_tree.h: the tasks of this process as trees, as `asyncio tree` prints them.
 */
#ifndef TOP_OWN_TREE_H
#define TOP_OWN_TREE_H

struct async_loop;

/*
 * Writes the trees and cycles of a loop, which is not running a task: so its cycles are certain.
 * NULL: of all loops of the process; a cycle is written only if it is still there 10 ms later. 0 or
 * -errno.
 */
int asyncp_own_tree(int fd, struct async_loop *loop);

#endif
