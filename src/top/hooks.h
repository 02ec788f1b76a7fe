/*
 * top/hooks.h: what loops call in rooms above them. Everything is put together here.
 */
#ifndef TOP_HOOKS_H
#define TOP_HOOKS_H

#include "sched/sched.h"
#include "thread/executor.h"

static const struct loop_hooks loop_hooks = {.offload = asyncp_offload, .dump = async_dump};

#endif
