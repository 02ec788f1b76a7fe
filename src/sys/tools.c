/*
 * sys/tools.c: signals at a change of ThreadSanitizer's fibers.
 */
#include "sys/tools.h"
#include "sys/assert.h"

#if ASYNC_TSAN
#include <sanitizer/tsan_interface_atomic.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MASK_BYTES = _NSIG / 8 }; /* of the kernel's sets */

static _Thread_local sigset_t mask_before;
static _Thread_local bool are_held;

/* All but those of faults, which cannot wait. No call of libc: these are intercepted. */
void asyncp_tools_signals_hold(void)
{
    static const int of_faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT};
    static const volatile __tsan_atomic8 any;
    sigset_t held;
    ASSERT(!are_held);
    are_held = true;
    sigfillset(&held);
    for (size_t i = 0; i < sizeof of_faults / sizeof of_faults[0]; i++)
        sigdelset(&held, of_faults[i]);
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, &held, &mask_before, MASK_BYTES);
    (void)__tsan_atomic8_load(&any, __tsan_memory_order_relaxed); /* takes those that came */
}

void asyncp_tools_signals_release(void)
{
    ASSERT(are_held);
    are_held = false;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask_before, NULL, MASK_BYTES);
}
#endif
