/* tty/standard.h: the streams of descriptors 0, 1 and 2. */
#ifndef TTY_STANDARD_H
#define TTY_STANDARD_H

#include <asyncio/terminal.h>

/* The loop's stream of the descriptor, or -errno. */
int asyncp_standard_stream(struct async_loop *loop, int fd, async_stream **stream);

#endif
