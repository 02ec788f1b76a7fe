/* sched/sched.h: the interface of tasks and their loop for higher folders. */
#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H

#include "sched/loop.h"
#include "sched/park.h"
#include "sched/record.h"

#endif
