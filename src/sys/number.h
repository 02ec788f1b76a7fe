/*
 * sys/number.h: numbers of system calls. libc does not wrap these calls, and older headers lack the
 * numbers. Since Linux 5.1 a new call has the same number on every architecture, relative to the
 * architecture's first number.
 */
#ifndef SYS_NUMBER_H
#define SYS_NUMBER_H

#include <sys/syscall.h>

#if defined(__mips__)
#include <sgidefs.h>
#endif

#if defined(__alpha__)
#define FIRST_CALL 110
#elif defined(__mips__) && _MIPS_SIM == _MIPS_SIM_ABI32
#define FIRST_CALL 4000
#elif defined(__mips__) && _MIPS_SIM == _MIPS_SIM_ABI64
#define FIRST_CALL 5000
#elif defined(__mips__)
#define FIRST_CALL 6000
#elif defined(__x86_64__) && defined(__ILP32__)
#define FIRST_CALL 0x40000000
#else
#define FIRST_CALL 0
#endif

enum {
    CALL_URING_SETUP = FIRST_CALL + 425,       /* Linux 5.1 */
    CALL_URING_ENTER = FIRST_CALL + 426,       /* Linux 5.1 */
    CALL_PIDFD_SEND_SIGNAL = FIRST_CALL + 424, /* Linux 5.1 */
    CALL_PIDFD_OPEN = FIRST_CALL + 434,        /* Linux 5.3 */
    CALL_CLOSE_RANGE = FIRST_CALL + 436,       /* Linux 5.9 */
    CALL_PROCESS_MADVISE = FIRST_CALL + 440,   /* Linux 5.10 */
    CALL_EPOLL_PWAIT2 = FIRST_CALL + 441,      /* Linux 5.11 */
};

/* futex(2) with a 64-bit timeout; on 32-bit architectures a separate call since Linux 5.1. */
#ifdef SYS_futex_time64
enum { CALL_FUTEX = SYS_futex_time64 };
#elif __SIZEOF_LONG__ == 8 || defined(__x86_64__)
enum { CALL_FUTEX = SYS_futex };
#else
enum { CALL_FUTEX = FIRST_CALL + 422 };
#endif

#undef FIRST_CALL

#endif
