/*
 * stack/context.h: one flow of control with a stack of its own, and the switch from one to another.
 * What is not running is a stack pointer; everything else lies on its stack, in a frame that
 * asyncp_switch laid down and takes up again. Knows nothing of tasks, and chooses nothing.
 *
 *      top     the first frame: calls entry(argument), which returns the context to go on in;
 *              unwinders stop here
 *       ⋮      the frames of the code that waits
 *      sp      registers that a call preserves, with the floating-point control words
 */
#ifndef STACK_CONTEXT_H
#define STACK_CONTEXT_H

#include "sys/assert.h"
#include "sys/tools.h"

struct context {
    void *sp; /* where it goes on; meaningless while it runs */
#if ASYNC_ASAN
    void *shadow;       /* AddressSanitizer's stack beside ours */
    const void *bottom; /* the stack's lowest byte, for AddressSanitizer */
    size_t size;        /* the stack's size, for AddressSanitizer */
#elif ASYNC_TSAN
    void *fiber; /* ThreadSanitizer's name for a flow that has not begun */
#endif
};

/* Stores the running flow's stack pointer in *save and goes on where load was stored. */
void asyncp_switch(void **save, void *load);

/*
 * A stack pointer for a flow that calls entry(argument) on the stack below top. What entry returns
 * is the stack pointer to go on with, when this flow has ended.
 */
void *asyncp_switch_prepare(void *top, void *(*entry)(void *), void *argument);

/*
 * Makes a context that begins with entry(argument) below top, on that stack; entry is TOOLS_BLIND.
 */
static inline void context_prepare(struct context *context, const struct known_stack *stack,
                                   void *top, void *(*entry)(void *), void *argument)
{
    context->sp = asyncp_switch_prepare(top, entry, argument);
#if ASYNC_ASAN
    context->shadow = NULL;
    context->bottom = stack->start;
    context->size = (size_t)((const char *)top - stack->start);
    ASAN_UNPOISON_MEMORY_REGION(stack->start, context->size);
#elif ASYNC_TSAN
    context->fiber = stack->fiber;
#endif
    (void)stack;
}

/* Goes on in `to`; returns when somebody switches back to `from`. */
static inline void context_switch(struct context *from, struct context *to)
{
#if ASYNC_ASAN
    __sanitizer_start_switch_fiber(&from->shadow, to->bottom, to->size);
#elif ASYNC_TSAN
    void *fiber = __tsan_get_current_fiber();
#endif
    asyncp_switch(&from->sp, to->sp);
#if ASYNC_ASAN
    __sanitizer_finish_switch_fiber(from->shadow, NULL, NULL);
#elif ASYNC_TSAN
    __tsan_switch_to_fiber(fiber, 0);
#endif
}

/*
 * The first thing a new context does; home is the one whose stack nobody told us, if it came from
 * there.
 */
TOOLS_BLIND static inline void context_begin(const struct context *self, struct context *home)
{
#if ASYNC_ASAN
    const void *bottom;
    size_t size;
    __sanitizer_finish_switch_fiber(NULL, &bottom, &size);
    if (home->bottom == NULL) {
        home->bottom = bottom;
        home->size = size;
    }
#elif ASYNC_TSAN
    __tsan_switch_to_fiber(self->fiber, 0);
#endif
    (void)self;
    (void)home;
}

/* The last thing a context does: returns what its entry must return, to go on in `to`. */
static inline void *context_end(const struct context *to)
{
#if ASYNC_ASAN
    __sanitizer_start_switch_fiber(NULL, to->bottom, to->size);
#endif
    return to->sp;
}

#endif
