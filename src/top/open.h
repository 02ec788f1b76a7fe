/* top/open.h: opens a loop with all that is above it. */
#ifndef TOP_OPEN_H
#define TOP_OPEN_H

#include "loop/loop.h"

/* As asyncp_loop_open; the loop is observed if the options, or the environment, say so. */
int asyncp_open(struct async_loop **out, const async_run_options *options, bool hosted);

#endif
