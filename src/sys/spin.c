/*
 * sys/spin.c: the spinning, and how its outcome changes the next waits.
 */
#include "sys/spin.h"
#include "sys/clock.h"

enum { PROBES_PER_CLOCK_READ = 16 };

/* The processor's hint for spin loops. */
static inline void cpu_relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory"); /* "yield" does not delay on most cores */
#endif
}

static bool spin_until_set(const _Atomic uint32_t *word, uint32_t bits)
{
    int64_t deadline_ns = asyncp_sys_clock_now() + MAX_SPIN_NS;
    do
        for (int i = 0; i < PROBES_PER_CLOCK_READ; i++) {
            if ((atomic_load_explicit(word, memory_order_relaxed) & bits) != 0)
                return true;
            cpu_relax();
        }
    while (asyncp_sys_clock_now() < deadline_ns);
    return false;
}

void asyncp_spin(struct spinner *spinner, const _Atomic uint32_t *word, uint32_t bits)
{
    uint32_t more = spinner->skip_count * 2 + 1;
    if (spin_until_set(word, bits))
        spinner->skip_count = 0;
    else
        spinner->skip_count = more < MAX_SPINS_SKIPPED ? more : MAX_SPINS_SKIPPED;
    spinner->skips_left = spinner->skip_count;
}
