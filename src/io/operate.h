/*
 * io/operate.h: an operation of the kernel as a call that waits.
 */
#ifndef IO_OPERATE_H
#define IO_OPERATE_H

#include "sched/pace.h"

/*
 * Submits the operation and waits for its completion. A request to cancel is passed on to the
 * kernel, and its answer is waited for: the buffer, which may be on the caller's stack, is free
 * again when this returns.
 */
int asyncp_operate(struct async_loop *loop, struct operation operation, const char *call);

#endif
