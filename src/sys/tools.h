/*
 * sys/tools.h: annotations for tools that instrument a program: AddressSanitizer and
 * ThreadSanitizer if the library is compiled with them, valgrind if its header was found. They must
 * know of stacks other than the threads'. A stack is registered for as long as it is mapped, not
 * for each task. An ordinary run executes a few instructions when a stack is cut, a slab is
 * unmapped, or io_uring completes a receive.
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
 * For functions called before context_begin. ThreadSanitizer keeps a call stack for each fiber, and
 * such a function is entered in one fiber and returns in another.
 */
#if ASYNC_TSAN && defined(__clang__)
#define TOOLS_NO_TSAN __attribute__((disable_sanitizer_instrumentation))
#elif ASYNC_TSAN
#define TOOLS_NO_TSAN __attribute__((no_sanitize_thread))
#else
#define TOOLS_NO_TSAN
#endif

/* For functions on a stack that the tools do not know, in a child that shares our memory. */
#if ASYNC_ASAN
#define TOOLS_NO_CHECKS __attribute__((no_sanitize_address))
#else
#define TOOLS_NO_CHECKS TOOLS_NO_TSAN
#endif

/* The tools' data about a stack. */
struct tool_stack {
#if ASYNC_ASAN
    const char *start; /* its lowest byte */
#elif ASYNC_TSAN
    void *fiber; /* takes megabytes, so it is reused for all tasks of the stack */
#endif
    uint32_t valgrind_id;
};

/* Registers the stack [start, end). */
static inline void tools_stack_mapped(struct tool_stack *stack, const char *start, const char *end)
{
    *stack = (struct tool_stack){0};
#if ASYNC_ASAN
    stack->start = start;
#elif ASYNC_TSAN
    stack->fiber = __tsan_create_fiber(0);
    __tsan_set_fiber_name(stack->fiber, "task");
#endif
#if ASYNC_VALGRIND
    stack->valgrind_id = VALGRIND_STACK_REGISTER(start, end);
#endif
    (void)start;
    (void)end;
}

/* Unregisters it. */
static inline void tools_stack_unmapped(const struct tool_stack *stack)
{
#if ASYNC_TSAN
    __tsan_destroy_fiber(stack->fiber);
#endif
#if ASYNC_VALGRIND
    VALGRIND_STACK_DEREGISTER(stack->valgrind_id);
#endif
    (void)stack;
}

/*
 * Around a change of fibers. ThreadSanitizer keeps a signal until the fiber that it has interrupted
 * makes an atomic operation or an intercepted call, and a fiber that has been left may never do so.
 * `hold` lets the fiber take the signals that came; later ones wait in the kernel until `release`.
 */
#if ASYNC_TSAN
void asyncp_tools_signals_hold(void);
void asyncp_tools_signals_release(void);
#else
static inline void asyncp_tools_signals_hold(void) {}
static inline void asyncp_tools_signals_release(void) {}
#endif

/* Whether the program runs under valgrind. A few instructions, no call. */
static inline bool tools_under_valgrind(void)
{
#if ASYNC_VALGRIND
    return RUNNING_ON_VALGRIND != 0;
#else
    return false;
#endif
}

/*
 * Whether a loop must wait in a call that the tool knows. In others, valgrind runs no other thread
 * and no signal handler; ThreadSanitizer keeps a signal that comes just before until after them.
 */
static inline bool tools_want_known_waits(void)
{
    return ASYNC_TSAN || tools_under_valgrind();
}

/* Whether stacks must be unregistered one by one when a slab is unmapped. */
static inline bool tools_track_stacks(void)
{
    return ASYNC_TSAN || tools_under_valgrind();
}

/* Marks unused stack memory addressable but undefined, for memcheck. */
static inline void tools_mark_undefined(char *start, size_t size)
{
#if ASYNC_VALGRIND
    VALGRIND_MAKE_MEM_UNDEFINED(start, size);
#endif
    (void)start;
    (void)size;
}

/* valgrind reports no errors of this thread between the two. */
static inline void tools_checks_pause(void)
{
#if ASYNC_VALGRIND
    VALGRIND_DISABLE_ERROR_REPORTING;
#endif
}

static inline void tools_checks_resume(void)
{
#if ASYNC_VALGRIND
    VALGRIND_ENABLE_ERROR_REPORTING;
#endif
}

/*
 * Marks memory as defined if valgrind does not see the writes, such as the buffer of an io_uring
 * receive.
 */
static inline void tools_mark_defined(const void *start, size_t size)
{
#if ASYNC_VALGRIND
    VALGRIND_MAKE_MEM_DEFINED(start, size);
#endif
    (void)start;
    (void)size;
}

#endif
