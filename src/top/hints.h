/*
 * top/hints.h: advice for a program that is in a deadlock, by the calls in which its tasks wait.
 */
#ifndef TOP_HINTS_H
#define TOP_HINTS_H

struct async_loop;

/* Writes a line for each pattern that is found, each once. */
void asyncp_write_hints(int fd, struct async_loop *loop);

#endif
