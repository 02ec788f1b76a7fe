/*
 * asyncio/base.h: the words that every other header uses: how errors travel, and the attributes.
 *
 * A call of this library returns 0 or more when it worked and -errno when it did not; errno says
 * nothing. Each comment says whether the call may let other tasks run ("Switches.") or never does
 * ("Never switches."), and who owns what afterwards: "takes" (yours no longer), "borrows" (only for
 * the call), "copies".
 *
 * A call that switches returns at once when it need not wait. A task that makes nothing but such
 * calls gives way to other tasks about every 50 microseconds.
 */
#ifndef ASYNCIO_BASE_H
#define ASYNCIO_BASE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The version of these headers; async_version gives the library's. */
#define ASYNC_VERSION_MAJOR 0
#define ASYNC_VERSION_MINOR 1
#define ASYNC_VERSION_PATCH 0

#ifdef __cplusplus
#define ASYNC_BEGIN_C        extern "C" {
#define ASYNC_END_C          }
#define ASYNCP_STATIC_ASSERT static_assert
#else
#define ASYNC_BEGIN_C
#define ASYNC_END_C
#define ASYNCP_STATIC_ASSERT _Static_assert
#endif

/*
 * A call reads its address itself where the compiler can, instead of going by a stub that does: one
 * jump less.
 */
#ifdef __has_attribute
#if __has_attribute(noplt)
#define ASYNCP_DIRECT __attribute__((noplt))
#endif
#endif
#ifndef ASYNCP_DIRECT
#define ASYNCP_DIRECT
#endif

#define ASYNC_API                __attribute__((visibility("default"))) ASYNCP_DIRECT
#define ASYNC_MUST               __attribute__((warn_unused_result))
#define ASYNC_UNUSED             __attribute__((unused))
#define ASYNCP_PRINTF(text, arg) __attribute__((format(printf, text, arg)))
/* The library accesses the object as another struct. */
#define ASYNCP_ALIASES __attribute__((may_alias))

/*
 * ASYNC_CLEANUP(function) type variable = value: function(&variable) is called when the block of
 * this local variable is left, by return, by ASYNC_TRY, by break or goto. The variables of a block
 * are cleaned up in reverse order of their declaration; give each an initial value. The value of a
 * return is computed before. ASYNC_TRY may leave a function anywhere, so what a function owns
 * across one is declared so: ASYNC_CLEANUP(close_file) FILE *file = NULL. The library's async_auto_
 * types are made with it. Not called by exit, nor by longjmp. A variable that is only cleaned up is
 * no unused variable, for clang either.
 */
#define ASYNC_CLEANUP(function) __attribute__((cleanup(function), unused))

/* The end of a struct of options: room for those to come. Programs leave it 0. */
#ifdef __cplusplus
#define ASYNCP_RESERVED(words) uint64_t asyncp_reserved[words] = {}
#else
#define ASYNCP_RESERVED(words) uint64_t asyncp_reserved[words]
#endif

#define ASYNCP_CAT_(a, b) a##b
#define ASYNCP_CAT(a, b)  ASYNCP_CAT_(a, b)
#define ASYNCP_TEXT_(...) #__VA_ARGS__
#define ASYNCP_TEXT(...)  ASYNCP_TEXT_(__VA_ARGS__)
/* "file.c:42", a constant string. */
#define ASYNCP_HERE __FILE__ ":" ASYNCP_TEXT(__LINE__)

/* No limit, wherever seconds are asked for: infinity. */
#define ASYNC_FOREVER __builtin_inf()

ASYNC_BEGIN_C

/*
 * ASYNC_TRY(call): go on if the call gave 0 or more, else return its error from this function, like
 * an exception that is not caught. ASYNC_TRY(n = call) keeps the value. Not for functions that must
 * clean up first: test those results with `if`.
 */
#define ASYNC_TRY(...)                                                                             \
    do {                                                                                           \
        ASYNCP_STATIC_ASSERT((__typeof__((__VA_ARGS__)))-1 < 1,                                    \
                             "ASYNC_TRY: an unsigned value cannot hold the error");                \
        long asyncp_tried = (long)(__VA_ARGS__);                                                   \
        if (asyncp_tried < 0)                                                                      \
            return (int)asyncp_tried;                                                              \
    } while (0)

/*
 * ASYNC_TRY_GOTO(result, label, call): ASYNC_TRY for functions that clean up at a label.
 *
 * Assigns the value of the call to result, an int variable; if it is negative, goes to the label.
 *
 *     int result = 0;
 *     FILE *file = fopen(path, "w");
 *     ASYNC_TRY_GOTO(result, out, async_stream_read(stream, buffer, sizeof buffer));
 *     …
 * out:
 *     fclose(file);
 *     return result;
 */
#define ASYNC_TRY_GOTO(result, label, ...)                                                         \
    do {                                                                                           \
        ASYNCP_STATIC_ASSERT((__typeof__(result))-1 < 1,                                           \
                             "ASYNC_TRY_GOTO: an unsigned variable cannot hold the error");        \
        if (((result) = (__VA_ARGS__)) < 0)                                                        \
            goto label;                                                                            \
    } while (0)

/* Says that a result is not wanted; a cast to void does not silence gcc. Never switches. */
static inline void async_ignore(long result)
{
    (void)result;
}

/* Returns the version of the library that runs: "0.1.0", a constant. Never switches. */
ASYNC_API const char *async_version(void);

/*
 * Returns code, a negative errno, and leaves a sentence about it in the running task: it travels
 * with the error to whoever awaits. Outside a task only the code is returned. Copies the text, at
 * most 255 bytes of it, as async_printable shows it. Never switches.
 */
ASYNC_API int async_fail(int code, const char *format, ...) ASYNCP_PRINTF(2, 3);

/*
 * The same with the system's text for the code after the sentence: async_fail_errno(-errno, "open
 * %s", path) says "-ENOENT: open x: No such file or directory". A sentence that is too long is cut
 * off, not the system's text. A code of 0 or more is returned, and nothing is left. Copies the
 * text. Never switches.
 */
ASYNC_API int async_fail_errno(int code, const char *format, ...) ASYNCP_PRINTF(2, 3);

/*
 * What a result of this library means: "-ECONNREFUSED: connect to 10.0.0.1:80" if the running task
 * holds a sentence for that code, else "-ECONNREFUSED: Connection refused". The text lives as long
 * as the loop (one loop keeps at most 1 MiB of such sentences; past that you get the plain meaning,
 * so a server that logs for months uses async_strerror_copy). Borrowed. Never switches.
 */
ASYNC_API const char *async_strerror(int code);

/*
 * The same text, copied into text[0..size) and always ended by a zero byte; returns its whole
 * length, as snprintf does. Never switches.
 */
ASYNC_API int async_strerror_copy(int code, char *text, size_t size);

/*
 * Copies bytes from a peer or a file into text[0..size) as text that is safe to print: one line of
 * UTF-8. Each control character, each character that ends a line or changes the direction of text,
 * and each byte that is not UTF-8 becomes \xNN, as two upper-case hexadecimal digits. A backslash
 * stays one, so printable text is copied unchanged. The copy ends with a zero byte, and no
 * character or \xNN in it is cut. Returns the length of the whole text, as snprintf does. Never
 * switches.
 */
ASYNC_API size_t async_printable(char *text, size_t size, const void *bytes, size_t length);

/*
 * Where a loop and what belongs to it gets its memory. reallocate(context, block, old_size,
 * new_size) does what realloc does: block NULL allocates, new_size 0 frees and returns NULL, and
 * NULL otherwise means out of memory with the block unchanged. Memory must be aligned as malloc's
 * is. Stacks are mapped from the kernel and do not pass through here.
 */
typedef struct async_allocator {
    void *(*reallocate)(void *context, void *block, size_t old_size,
                        size_t new_size); /* NULL: realloc and free */
    void *context;                        /* handed to each call */
} async_allocator;

/*
 * Has handler(message, context) called before the library ends the program because of misuse or a
 * fault of its own.
 *
 * The message is one line without its end. It is written to standard error in any case, and abort()
 * is called when the handler has returned. The handler may run on any thread and in a signal
 * handler; a handler that leaves by longjmp or throws leaves the loop unusable. One handler for the
 * process; NULL removes it.
 *
 * Never switches.
 */
ASYNC_API void async_set_misuse_handler(void (*handler)(const char *message, void *context),
                                        void *context);

ASYNC_END_C

/* A pointer to an object that lives until the end of the full expression (in C: of the block). */
#ifdef __cplusplus
template <typename Type> Type *asyncp_temporary(Type &&object)
{
    return &object;
}
#define ASYNCP_TEMPORARY(type, ...) asyncp_temporary(type __VA_ARGS__)
#else
#define ASYNCP_TEMPORARY(type, ...) (&(type)__VA_ARGS__)
#endif
#endif
