/*
 * sys/spin.h: adaptive spinning. Before a thread blocks for another thread it polls for up to
 * MAX_SPIN_NS, because a sleep and a wake-up cost more time than they save, above all where the CPU
 * would go idle. It spins only if the other thread was last seen on another CPU; on the same CPU
 * spinning would keep the other from running. After each failure twice as many waits skip the
 * spinning, up to MAX_SPINS_SKIPPED. The caller blocks afterwards as if it had not spun.
 */
#ifndef SYS_SPIN_H
#define SYS_SPIN_H

#include "sys/thread.h"
#include <stdatomic.h>

enum { MAX_SPIN_NS = 30000, MAX_SPINS_SKIPPED = 63 };

/* Used by one thread for one kind of wait. All zeros: the next wait spins. */
struct spinner {
    uint32_t skip_count; /* waits to skip after the last failure */
    uint32_t skips_left;
};

/* 1 + the CPU a thread was last seen on; 0: it was not seen yet. */
typedef _Atomic uint32_t last_cpu;

/* Stores the CPU of the calling thread. */
static inline void last_cpu_store(last_cpu *cpu)
{
    atomic_store_explicit(cpu, asyncp_sys_cpu() + 1, memory_order_relaxed);
}

/* Whether to spin for the thread last seen on the CPU. Counts a skipped wait. */
static inline bool spin_is_worthwhile(struct spinner *spinner, const last_cpu *cpu)
{
    uint32_t other = atomic_load_explicit(cpu, memory_order_relaxed);
    if (other == 0 || other == asyncp_sys_cpu() + 1)
        return false;
    if (spinner->skips_left == 0)
        return true;
    spinner->skips_left--;
    return false;
}

/* Polls until one of the bits is set in *word, or for MAX_SPIN_NS. Adapts to the outcome. */
void asyncp_spin(struct spinner *spinner, const _Atomic uint32_t *word, uint32_t bits);

#endif
