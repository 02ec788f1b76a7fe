/*
 * sys/fault.c: the fault hook, in builds with checks.
 */
#include "sys/fault.h"

#if ASYNC_CHECKS
fault_hook *asyncp_fault;
#endif
