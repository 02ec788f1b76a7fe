/*
 * sys/clock.c: reads the monotonic clock through the vDSO.
 */
#include "sys/clock.h"
#include <stdbool.h>
#include <time.h>

int64_t asyncp_sys_clock_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

void asyncp_sys_sleep(int64_t ns)
{
    const struct timespec time = asyncp_sys_timespec(ns);
    nanosleep(&time, NULL);
}

struct timespec asyncp_sys_timespec(int64_t ns)
{
    int64_t seconds = ns / NS_PER_SECOND;
    bool fits = sizeof(time_t) > sizeof(int32_t) || seconds <= INT32_MAX;
    return (struct timespec){.tv_sec = (time_t)(fits ? seconds : INT32_MAX),
                             .tv_nsec = (long)(ns % NS_PER_SECOND)};
}
