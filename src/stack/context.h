/*
 * stack/context.h: a context is a flow of control with its own stack. While it is suspended it is
 * just a stack pointer: asyncp_switch has pushed everything else onto its stack.
 *
 *      top     the first frame: calls entry(argument), which returns the context to continue with;
 *              unwinders stop here
 *       ⋮      the frames of the suspended code
 *      sp      callee-saved registers, floating-point control words
 */
#ifndef STACK_CONTEXT_H
#define STACK_CONTEXT_H

#include "sys/assert.h"
#include "sys/tools.h"

struct context {
    void *sp; /* valid while the context is suspended */
#if ASYNC_ASAN
    void *shadow;       /* AddressSanitizer's fake stack */
    const void *bottom; /* the stack's lowest byte; NULL: not known yet */
    size_t size;
#elif ASYNC_TSAN
    void *fiber; /* ThreadSanitizer's fiber of a context not yet started */
#endif
};

/* Stores the stack pointer in *save and continues where `load` was saved. */
void asyncp_switch(void **save, void *load);

/*
 * Where a suspended context goes on: unwinding it begins there. NULL: it cannot be unwound, because
 * libc has its registers.
 */
extern const void *const asyncp_switch_resume __attribute__((visibility("hidden")));

/*
 * Returns the stack pointer of a context that will call entry(argument) on the stack below top.
 * When entry returns, execution continues at the returned stack pointer.
 */
void *asyncp_switch_prepare(void *top, void *(*entry)(void *), void *argument);

/*
 * Called when no frame of the running context catches a C++ exception, before std::terminate; with
 * `ends_thread` when the thread ends here, by pthread_exit or pthread_cancel. NULL: no function is
 * called.
 */
typedef void asyncp_uncaught_function(bool ends_thread);
extern _Atomic(asyncp_uncaught_function *) asyncp_uncaught_hook;

/* Makes a context whose first call is entry(argument). entry is TOOLS_NO_TSAN. */
static inline void context_prepare(struct context *context, const struct tool_stack *stack,
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

/* Suspends `from` and continues `to`. Returns when another context switches back to `from`. */
static inline void context_switch(struct context *from, struct context *to)
{
#if ASYNC_ASAN
    __sanitizer_start_switch_fiber(&from->shadow, to->bottom, to->size);
#elif ASYNC_TSAN
    void *fiber = __tsan_get_current_fiber();
#endif
    asyncp_tools_signals_hold();
    asyncp_switch(&from->sp, to->sp);
#if ASYNC_ASAN
    __sanitizer_finish_switch_fiber(from->shadow, NULL, NULL);
#elif ASYNC_TSAN
    __tsan_switch_to_fiber(fiber, 0);
#endif
    asyncp_tools_signals_release();
}

/*
 * The first call of a new context. `home` is the context of the thread's own stack; its bounds are
 * learnt here if the new context was started from it.
 */
TOOLS_NO_TSAN static inline void context_begin(const struct context *self, struct context *home)
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
    asyncp_tools_signals_release();
    (void)self;
    (void)home;
}

/* The last call of a context. Its entry must return the result, to continue with `to`. */
static inline void *context_end(const struct context *to)
{
#if ASYNC_ASAN
    __sanitizer_start_switch_fiber(NULL, to->bottom, to->size);
#endif
    asyncp_tools_signals_hold();
    return to->sp;
}

#endif
