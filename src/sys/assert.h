/*
 * sys/assert.h: assertions. ENSURE checks for misuse by the program and is in every build; its
 * message addresses the programmer. ASSERT checks an invariant of the library and is in builds with
 * checks only. Both abort the process. The messages are written by sys/report.c.
 */
#ifndef SYS_ASSERT_H
#define SYS_ASSERT_H

#define likely(condition)   __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

/* Never inlined, so its callers save no registers for it on their fast path. */
#define OUT_OF_LINE __attribute__((noinline))

/* Inlines all calls made by the function, as far as they are defined in its file. */
#define FLATTEN __attribute__((flatten))

/* Writes "asyncio: " and the message to standard error, calls the misuse handler and aborts. */
_Noreturn void asyncp_misuse(const char *format, ...) __attribute__((format(printf, 1, 2), cold));

/* Writes the failed condition and its place, and aborts. */
_Noreturn void asyncp_broken(const char *condition, const char *where) __attribute__((cold));

#define ENSURE(condition, ...) (likely(condition) ? (void)0 : asyncp_misuse(__VA_ARGS__))

#define ASSERT_TEXT_(line)     #line
#define ASSERT_TEXT(line)      ASSERT_TEXT_(line)
#if ASYNC_CHECKS
#define ASSERT(condition)                                                                          \
    (likely(condition) ? (void)0 : asyncp_broken(#condition, __FILE__ ":" ASSERT_TEXT(__LINE__)))
#else
#define ASSERT(condition) ((void)sizeof(condition))
#endif

/* The struct around the member at `pointer`. */
#define CONTAINER_OF(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* Bytes of a cache line on the common processors. */
enum { CACHE_LINE = 64 };

#endif
