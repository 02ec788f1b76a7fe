/*
 * sched/sched.h: everything that a room above uses of tasks and their loop.
 */
#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H

#include "sched/loop.h"
#include "sched/park.h"
#include "sched/record.h"

#endif
