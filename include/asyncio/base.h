/*
 * asyncio/base.h: results, errors and attributes, which every other header uses.
 *
 *     int size = async_stream_read(stream, buffer, sizeof buffer);
 *     if (size < 0)
 *         return async_fail(size, "read the request: %s", async_strerror(size));
 *
 * These rules hold for every call of the library. The comments of the calls do not repeat them.
 *
 * Results: 0 or more means success, a negative errno value means failure; errno is not set. Byte
 * counts are int and never exceed INT_MAX.
 *
 * Switching: "Switches." means that other tasks may run before the call returns. It returns without
 * switching if it need not wait, but a task with only such calls still yields to the other tasks
 * about every 50 microseconds. "Never switches." means that no other task runs during the call.
 *
 * Cancellation: every call that switches returns -ECANCELED if the calling task is asked to cancel
 * (async_task_cancel), and -ENOMEM if it needs memory and there is no more. Comments mention these
 * two errors only where there is more to say about them.
 *
 * Ownership: "Takes" means that the call owns the argument afterwards, also if it fails, unless its
 * comment says otherwise. "Borrows": the call uses the argument only until it returns, or as long
 * as its comment says. "Copies": the original stays with the caller. Calls that free or close an
 * object ignore NULL.
 *
 * Misuse: a call that needs an object, such as a queue, a lock, a stream or a server, aborts the
 * program with an error message if the object is NULL (see async_set_misuse_handler). A task handle
 * may be NULL (asyncio/task.h). Other pointers must not be NULL unless a comment says so; calls on
 * streams return -EINVAL for a NULL buffer.
 *
 * Time: seconds, in a double. ASYNC_FOREVER means no limit.
 *
 * Threads: a loop and its objects are used by one thread, unless a comment says otherwise.
 */
#ifndef ASYNCIO_BASE_H
#define ASYNCIO_BASE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * ASYNC_VERSION_MAJOR, ASYNC_VERSION_MINOR, ASYNC_VERSION_PATCH
 *
 * The version of these headers. async_version returns the version of the library.
 */
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

/* Calls the library through the GOT, without a PLT stub. */
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
/* The library accesses objects of this type through a struct of its own. */
#define ASYNCP_ALIASES __attribute__((may_alias))

/*
 * ASYNC_CLEANUP(function) TYPE variable = value;
 *
 * Calls function(&variable) when the block of this local variable is left: by return, ASYNC_TRY,
 * break or goto. Give the variable an initial value.
 *
 *     ASYNC_CLEANUP(close_file) FILE *file = NULL;
 *
 * The variables of a block are cleaned up in reverse order of their declarations, after the value
 * of a return statement was computed. exit and longjmp do not call the function. ASYNC_TRY may
 * leave a function anywhere: use ASYNC_CLEANUP for each object owned across an ASYNC_TRY. The
 * async_auto_ types of the library are made with ASYNC_CLEANUP.
 *
 * Compilers do not report the variable as unused.
 */
#define ASYNC_CLEANUP(function) __attribute__((cleanup(function), unused))

/* The end of a struct of options: reserved for future options, must be 0. */
#ifdef __cplusplus
#define ASYNCP_RESERVED(words) uint64_t asyncp_reserved[words] = {}
#else
#define ASYNCP_RESERVED(words) uint64_t asyncp_reserved[words]
#endif

#define ASYNCP_CAT_(a, b) a##b
#define ASYNCP_CAT(a, b)  ASYNCP_CAT_(a, b)
#define ASYNCP_TEXT_(...) #__VA_ARGS__
#define ASYNCP_TEXT(...)  ASYNCP_TEXT_(__VA_ARGS__)
/* A constant string such as "file.c:42". */
#define ASYNCP_HERE __FILE__ ":" ASYNCP_TEXT(__LINE__)

/*
 * double ASYNC_FOREVER
 *
 * Infinity: no limit, as a number of seconds.
 */
#define ASYNC_FOREVER __builtin_inf()

ASYNC_BEGIN_C

/*
 * ASYNC_TRY(call);
 *
 * Returns the call's error from the calling function if the call fails, as an uncaught exception
 * does. ASYNC_TRY(n = call) also stores the result.
 *
 * It does not clean up: use ASYNC_CLEANUP, or ASYNC_TRY_GOTO, where something must be released.
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
 * ASYNC_TRY_GOTO(result, label, call);
 *
 * Stores the value of the call in result, an int variable, and goes to the label if it is negative.
 * It is for functions with cleanup code at a label.
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

/*
 * Ignores a result without a compiler warning; a cast to void does not silence gcc.
 * Never switches.
 */
static inline void async_ignore(long result)
{
    (void)result;
}

/*
 * Returns the version of the running library, such as "0.1.0".
 * Never switches.
 */
ASYNC_API const char *async_version(void);

/*
 * Returns code and attaches an error message to it. The message is passed with the error to the
 * awaiting task.
 *
 * code is a negative errno value. async_strerror returns the message. The message is cut off after
 * 255 bytes and is stored as async_printable shows it. Outside a task it is discarded.
 *
 * Copies the text.
 * Returns code.
 * Never switches.
 */
ASYNC_API int async_fail(int code, const char *format, ...) ASYNCP_PRINTF(2, 3);

/*
 * Returns code and attaches an error message ending with the system's text for the code.
 *
 * async_fail_errno(-errno, "open %s", path) gives "-ENOENT: open x: No such file or directory". If
 * the message is too long, the text before the system's text is cut off. If code is 0 or more, no
 * message is attached.
 *
 * Copies the text.
 * Returns code.
 * Never switches.
 */
ASYNC_API int async_fail_errno(int code, const char *format, ...) ASYNCP_PRINTF(2, 3);

/*
 * Returns the text of an error: the message attached to it by async_fail in the calling task, else
 * the system's text.
 *
 * For example "-ECONNREFUSED: connect to 10.0.0.1:80: Connection refused". A task keeps one
 * message, its last. It is also the text of a later error with the same code to which no message
 * was attached, unless the error comes from an awaited task. If code is 0 or more, the text is "0:
 * no error".
 *
 * The text is valid as long as the loop. A loop keeps at most 1 MiB of such texts, and then returns
 * only the system's text: a server that logs errors for a long time uses async_strerror_copy.
 *
 * Never switches.
 */
ASYNC_API const char *async_strerror(int code);

/*
 * Copies the text of an error, as async_strerror returns it, to text[0..size).
 *
 * The copy always ends with a zero byte, unless size is 0.
 *
 * Returns the length of the whole text, as snprintf does.
 * Never switches.
 */
ASYNC_API int async_strerror_copy(int code, char *text, size_t size);

/*
 * Copies bytes from an untrusted source to text[0..size) as one line of UTF-8, safe to print.
 *
 * Each control character, each character that ends a line or changes the direction of text, and
 * each byte of invalid UTF-8 is copied as \xNN, two upper-case hexadecimal digits. A backslash is
 * copied unchanged, so printable text does not change. The copy ends with a zero byte; no character
 * and no \xNN is cut in half.
 *
 * Returns the length of the whole text, as snprintf does.
 * Never switches.
 */
ASYNC_API size_t async_printable(char *text, size_t size, const void *bytes, size_t length);

/*
 * The source of the memory of a loop and of its objects. {0} means malloc.
 *
 * The memory must be aligned as malloc's is. Stacks are mapped from the kernel and do not come from
 * the allocator.
 */
typedef struct async_allocator {
    /*
     * Works as realloc does. block NULL allocates. new_size 0 frees and returns NULL. Otherwise
     * NULL means out of memory, and the block is unchanged. NULL: realloc and free are used.
     */
    void *(*reallocate)(void *context, void *block, size_t old_size, size_t new_size);
    void *context; /* passed to reallocate */
} async_allocator;

/*
 * Sets a function to be called before the library aborts the process, because of misuse or because
 * of a bug in the library.
 *
 * handler(message, context) gets one line of text without its newline. The message is also written
 * to standard error, and abort() is called when the handler has returned. The handler may run on
 * any thread and in a signal handler. If it leaves by longjmp or an exception, the loop is
 * unusable. There is one handler for the process; NULL removes it.
 *
 * Never switches.
 */
ASYNC_API void async_set_misuse_handler(void (*handler)(const char *message, void *context),
                                        void *context);

ASYNC_END_C

/* A pointer to an object that exists until the end of the full expression (in C: the block). */
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
