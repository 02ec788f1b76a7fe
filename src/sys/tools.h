/*
 * sys/tools.h: what is told to the tools that watch a program from inside, so that stacks of our
 * own do not confuse them: AddressSanitizer and ThreadSanitizer where we are compiled with them,
 * valgrind where its header was there. A stack is told to them for as long as it is mapped, not for
 * each task. It must not know of tasks; an ordinary run pays a few instructions each time a stack
 * is cut, a slab unmapped, or a ring completes a receive.
 */
#ifndef SYS_TOOLS_H
#define SYS_TOOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__SANITIZE_ADDRESS__)
#define ASYNC_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define ASYNC_TSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASYNC_ASAN 1
#elif __has_feature(thread_sanitizer)
#define ASYNC_TSAN 1
#endif
#endif

#ifndef ASYNC_ASAN
#define ASYNC_ASAN 0
#endif
#ifndef ASYNC_TSAN
#define ASYNC_TSAN 0
#endif

#if ASYNC_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#elif ASYNC_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#if ASYNC_VALGRIND
#include <valgrind/memcheck.h>
#endif

/*
 * The first function of a flow, before context_begin: ThreadSanitizer counts calls and returns by
 * flow, and this one is called in one flow and returns in another.
 */
#if ASYNC_TSAN && defined(__clang__)
#define TOOLS_BLIND __attribute__((disable_sanitizer_instrumentation))
#elif ASYNC_TSAN
#define TOOLS_BLIND __attribute__((no_sanitize_thread))
#else
#define TOOLS_BLIND
#endif

/* A stack as the tools know it. */
struct known_stack {
#if ASYNC_ASAN
    const char *start; /* its lowest byte */
#elif ASYNC_TSAN
    void *fiber; /* takes megabytes, so that one task after the other has it */
#endif
    uint32_t number; /* valgrind's */
};

/* From now on flows may run on [start, end). */
static inline void tools_stack_mapped(struct known_stack *known, const char *start, const char *end)
{
    *known = (struct known_stack){0};
#if ASYNC_ASAN
    known->start = start;
#elif ASYNC_TSAN
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
#if ASYNC_TSAN
    __tsan_destroy_fiber(known->fiber);
#endif
#if ASYNC_VALGRIND
    VALGRIND_STACK_DEREGISTER(known->number);
#endif
    (void)known;
}

/* Whether valgrind runs the program. A few instructions, but no call. */
static inline bool tools_valgrind(void)
{
#if ASYNC_VALGRIND
    return RUNNING_ON_VALGRIND != 0;
#else
    return false;
#endif
}

/* Whether somebody must be told of each stack that is unmapped, of which there may be a million. */
static inline bool tools_count_stacks(void)
{
    return ASYNC_TSAN || tools_valgrind();
}

/* What lies there, below the frames of a stack, may be read and written, and is nothing yet. */
static inline void tools_cleared(char *start, size_t size)
{
#if ASYNC_VALGRIND
    VALGRIND_MAKE_MEM_UNDEFINED(start, size);
#endif
    (void)start;
    (void)size;
}

/* It may be read, whatever valgrind knows of it: it does not see what a ring completes, for one. */
static inline void tools_written(const void *start, size_t size)
{
#if ASYNC_VALGRIND
    VALGRIND_MAKE_MEM_DEFINED(start, size);
#endif
    (void)start;
    (void)size;
}

#endif
