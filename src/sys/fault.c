/*
 * sys/fault.c: the fault hook, in builds with checks.
 */
#include "sys/fault.h"

#if ASYNC_CHECKS
int (*asyncp_fault)(enum fault_site site);
#endif
