/*
 * sys/patience.c: the look itself, and what is learnt from it. Knows nothing of who looks, and for
 * what.
 */
#include "sys/patience.h"

enum { LOOKS_BETWEEN_CLOCKS = 16 };

/* Tells the processor that nothing is done here but looking. */
static inline void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory"); /* "yield" takes no time there */
#endif
}

static bool look(const _Atomic uint32_t *word, uint32_t bits)
{
    int64_t until_ns = asyncp_clock_now() + PATIENCE_NS;
    do
        for (int i = 0; i < LOOKS_BETWEEN_CLOCKS; i++) {
            if ((atomic_load_explicit(word, memory_order_relaxed) & bits) != 0)
                return true;
            pause_briefly();
        }
    while (asyncp_clock_now() < until_ns);
    return false;
}

void asyncp_patience_look(struct patience *patience, const _Atomic uint32_t *word, uint32_t bits)
{
    uint32_t more = patience->skipped * 2 + 1;
    patience->skipped = look(word, bits) ? 0 : more < MOST_SKIPPED ? more : MOST_SKIPPED;
    patience->to_skip = patience->skipped;
}
