/*
 * sys/clock.h: the monotonic clock, and conversions of nanoseconds for system calls.
 */
#ifndef SYS_CLOCK_H
#define SYS_CLOCK_H

#include <stdint.h>

struct timespec;

enum { NS_PER_SECOND = 1000000000, NS_PER_MILLISECOND = 1000000 };

/* The monotonic clock in nanoseconds. Never fails. */
int64_t asyncp_sys_clock_now(void);

/* Blocks the thread; a signal ends it early. */
void asyncp_sys_sleep(int64_t ns);

/* Saturates where time_t has 32 bits. */
struct timespec asyncp_sys_timespec(int64_t ns);

/* The 64-bit timespec of direct system calls; libc's differs on 32-bit processors. */
struct kernel_timespec {
    int64_t seconds;
    int64_t nanoseconds;
};

static inline struct kernel_timespec kernel_timespec_of(int64_t ns)
{
    return (struct kernel_timespec){.seconds = ns / NS_PER_SECOND,
                                    .nanoseconds = ns % NS_PER_SECOND};
}

#endif
