/*
 * sys/assert.h: saying what is believed. ENSURE guards against misuse by the program and is always
 * there; its sentence is written for the person who made the mistake. ASSERT states an invariant of
 * the library and is compiled into builds with checks. Both end the program. The words are written
 * by sys/report.c.
 */
#ifndef SYS_ASSERT_H
#define SYS_ASSERT_H

#define likely(condition)   __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

/*
 * A function kept out of its callers, so that they save no registers for it on the path that does
 * not call it.
 */
#define OUT_OF_LINE __attribute__((noinline))

/*
 * A function that is called often enough to have what it calls, if it is in the same file, inside
 * itself.
 */
#define FLATTEN __attribute__((flatten))

/* Writes "asyncio: " and the sentence to standard error and aborts. */
_Noreturn void asyncp_misuse(const char *format, ...) __attribute__((format(printf, 1, 2), cold));

/* Writes what was believed and where, and aborts. */
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

/* The struct that a member is part of. */
#define CONTAINER_OF(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
