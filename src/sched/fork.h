/*
 * sched/fork.h: the former name of sched/current.h.
 */
#ifndef SCHED_FORK_H
#define SCHED_FORK_H

#include "sched/current.h"

#endif
