/*
 * top/hooks.h: the functions of higher rooms, called by the loop through pointers.
 */
#ifndef TOP_HOOKS_H
#define TOP_HOOKS_H

#include "sched/sched.h"
#include "thread/executor.h"
#include "top/layout.h"
#include "top/observer.h"
#include "top/refusals.h"
#include "top/standstill.h"

static const struct loop_hooks loop_hooks = {.offload = asyncp_offload,
                                             .dump = async_dump,
                                             .print_tasks = asyncp_print_tasks,
                                             .report_deadlock = asyncp_report_deadlock,
                                             .report_refusals = asyncp_report_refusals,
                                             .observe = asyncp_observe_debug,
                                             .layout = &asyncp_layout};

#endif
