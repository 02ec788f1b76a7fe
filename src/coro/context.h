/*
 * coro/context.h: one flow of control with a stack of its own, and the switch from one to another. What is
 * not running is a stack pointer; everything else lies on its stack, in a frame that async__switch laid
 * down and takes up again. Knows nothing of tasks, and chooses nothing.
 *
 *      top     the first frame calls entry(argument), which returns where to go on; unwinders stop there
 *       ⋮      the frames of whoever waits
 *      sp      registers that a call preserves, with the floating-point control words
 */
#ifndef CORO_CONTEXT_H
#define CORO_CONTEXT_H

#include "base/assert.h"
#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define CORO_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CORO_ASAN 1
#endif
#endif

#if CORO_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

struct context {
    void *sp; /* where it goes on; meaningless while it runs */
#if CORO_ASAN
    void *shadow;       /* AddressSanitizer's stack beside ours */
    const void *bottom; /* the stack's lowest byte, for AddressSanitizer */
    size_t size;        /* the stack's size, for AddressSanitizer */
#endif
};

/* Stores the running flow's stack pointer in *save and goes on where load was stored. */
void async__switch(void **save, void *load);

/*
 * A stack pointer for a flow that calls entry(argument) on the stack below top. What entry returns is the stack
 * pointer to go on with, when this flow has ended.
 */
void *async__switch_prepare(void *top, void *(*entry)(void *), void *argument);

/* Makes a context that begins with entry(argument) below top, on the stack from bottom up. */
static inline void context_prepare(struct context *context, void *bottom, void *top, void *(*entry)(void *),
                                   void *argument)
{
    context->sp = async__switch_prepare(top, entry, argument);
#if CORO_ASAN
    context->shadow = NULL;
    context->bottom = bottom;
    context->size = (size_t)((char *)top - (char *)bottom);
    ASAN_UNPOISON_MEMORY_REGION(bottom, context->size);
#else
    (void)bottom;
#endif
}

/* Goes on in `to`; returns when somebody switches back to `from`. */
static inline void context_switch(struct context *from, struct context *to)
{
#if CORO_ASAN
    __sanitizer_start_switch_fiber(&from->shadow, to->bottom, to->size);
#endif
    async__switch(&from->sp, to->sp);
#if CORO_ASAN
    __sanitizer_finish_switch_fiber(from->shadow, NULL, NULL);
#endif
}

/* The first thing a new context does; home is the one whose stack nobody told us, if it came from there. */
static inline void context_begin(struct context *home)
{
#if CORO_ASAN
    const void *bottom;
    size_t size;
    __sanitizer_finish_switch_fiber(NULL, &bottom, &size);
    if (home->bottom == NULL) {
        home->bottom = bottom;
        home->size = size;
    }
#else
    (void)home;
#endif
}

/* The last thing a context does: returns what its entry must return, to go on in `to`. */
static inline void *context_end(const struct context *to)
{
#if CORO_ASAN
    __sanitizer_start_switch_fiber(NULL, to->bottom, to->size);
#endif
    return to->sp;
}

#endif
