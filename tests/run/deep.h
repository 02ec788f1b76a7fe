/*
 * deep.h: for tests of overflows: a function that uses up any stack.
 */
#ifndef TEST_DEEP_H
#define TEST_DEEP_H

#include <asyncio.h>

/* The compiler must assume that all of the memory is used. */
#define USE(memory) __asm__ volatile("" : : "r"(memory) : "memory")

/* Ends when the depth is negative, which only the compiler does not know to be never. */
__attribute__((noinline)) static int recurse_for_ever(volatile int *depth)
{
    char frame[500];
    USE(frame);
    frame[0] = (char)++*depth;
    int below = *depth < 0 ? 0 : recurse_for_ever(depth);
    return below + frame[0];
}

/* A coroutine that overflows its stack. */
__attribute__((unused)) static int dig(void)
{
    volatile int depth = 0;
    return recurse_for_ever(&depth);
}
async_fn(dig);

#endif
