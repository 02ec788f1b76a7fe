/* sys/ticks.c: asks the processor for its invariant counter, which CPUID tells of. */
#include "sys/ticks.h"
#if defined __x86_64__
#include <cpuid.h>
#endif

bool asyncp_sys_has_ticks(void)
{
#if defined __x86_64__
    enum { INVARIANT_COUNTER = 1 << 8 };
    static const unsigned power_leaf = 0x80000007;
    unsigned a, b, c, d = 0;
    return __get_cpuid(power_leaf, &a, &b, &c, &d) && (d & INVARIANT_COUNTER) != 0;
#else
    return false;
#endif
}
