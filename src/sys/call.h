/*
 * sys/call.h: for the files of src/sys: calls of libc. They return the result of the kernel, and a
 * test can make them fail.
 */
#ifndef SYS_CALL_H
#define SYS_CALL_H

#include "sys/fault.h"
#include <sys/syscall.h>
#include <unistd.h>

/* The result of a libc call, or -errno. */
static inline long sys_result(long result)
{
    return result == -1 ? -(long)errno : result;
}

/* ioctl(2). The second parameter of musl's wrapper is an int, too small for some requests. */
static inline long sys_ioctl(int fd, unsigned long request, void *argument)
{
    return syscall(SYS_ioctl, fd, request, argument);
}

/* Makes the call unless the fault hook fails it. The result, or -errno. */
#define SYS_CALL(site, call) sys_result(fault(site) ? -1 : (long)(call))

/* The same for a call that moves at most *size bytes; the fault hook may reduce *size. */
#define SYS_MOVE(site, size, call) sys_result(fault_or_less(site, size) ? -1 : (long)(call))

#endif
