/*
 * coro/tools.h: what is told to the tools that watch a program from inside, so that stacks of our own do not confuse
 * them: AddressSanitizer and ThreadSanitizer where we are compiled with them, valgrind where its header was there.
 * A stack is told to them for as long as it is mapped, not for each task. It must not know of tasks, and costs an
 * ordinary run a few instructions each time a stack is cut or a slab unmapped.
 */
#ifndef CORO_TOOLS_H
#define CORO_TOOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__SANITIZE_ADDRESS__)
#define CORO_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define CORO_TSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CORO_ASAN 1
#elif __has_feature(thread_sanitizer)
#define CORO_TSAN 1
#endif
#endif

#ifndef CORO_ASAN
#define CORO_ASAN 0
#endif
#ifndef CORO_TSAN
#define CORO_TSAN 0
#endif

#if CORO_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#elif CORO_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#if ASYNC_VALGRIND
#include <valgrind/memcheck.h>
#endif

/*
 * The first function of a flow, before context_begin: ThreadSanitizer counts calls and returns by flow, and this one
 * is called in one flow and returns in another.
 */
#if CORO_TSAN && defined(__clang__)
#define TOOLS_BLIND __attribute__((disable_sanitizer_instrumentation))
#elif CORO_TSAN
#define TOOLS_BLIND __attribute__((no_sanitize_thread))
#else
#define TOOLS_BLIND
#endif

/* A stack as the tools know it. */
struct known_stack {
#if CORO_ASAN
    const char *start; /* its lowest byte */
#elif CORO_TSAN
    void *fiber; /* takes megabytes, so that one task after the other has it */
#endif
    uint32_t number; /* valgrind's */
};

/* From now on flows may run on [start, end). */
static inline void tools_stack_mapped(struct known_stack *known, const char *start, const char *end)
{
    *known = (struct known_stack){0};
#if CORO_ASAN
    known->start = start;
#elif CORO_TSAN
    known->fiber = __tsan_create_fiber(0);
    __tsan_set_fiber_name(known->fiber, "a task");
#endif
#if ASYNC_VALGRIND
    known->number = VALGRIND_STACK_REGISTER(start, end);
#endif
    (void)start;
    (void)end;
}

/* No flow runs there any more. */
static inline void tools_stack_unmapped(const struct known_stack *known)
{
#if CORO_TSAN
    __tsan_destroy_fiber(known->fiber);
#endif
#if ASYNC_VALGRIND
    VALGRIND_STACK_DEREGISTER(known->number);
#endif
    (void)known;
}

/* Whether tools_stack_unmapped must be called for each: else there may be a million, and nobody to tell. */
static inline bool tools_watch(void)
{
#if CORO_TSAN
    return true;
#elif ASYNC_VALGRIND
    return RUNNING_ON_VALGRIND != 0;
#else
    return false;
#endif
}

#endif
