/*
 * runner.h: the interface for test files: the ways to write a test, the checks, and requests to the
 * runner.
 *
 * A test registers itself, so a new file in a folder of tests/ is all it takes. Every case runs in
 * its own process, under a time limit, and must leave nothing behind: no open descriptor, no block
 * of the counting allocator, no mapped page, and under the address sanitizer no block of malloc
 * either. A name that begins with selftest_ runs only by a filter that begins so too.
 *
 * A test of a header needs only this and must not know how the library works inside; a test of a
 * structure may include that structure's header as well.
 */
#ifndef TEST_RUNNER_H
#define TEST_RUNNER_H

#include <asyncio.h>
#include <stdlib.h>

/* TEST(name) { … }: the body runs once, with no loop around it. */
#define TEST(name)                                                                                 \
    static void test_body_##name(void);                                                            \
    TEST__REGISTER(name, .body = test_body_##name)                                                 \
    static void test_body_##name(void)

/*
 * TEST_EACH_BACKEND(name) { … }: the same, once for each backend; test_options() and test_backend()
 * say which.
 */
#define TEST_EACH_BACKEND(name)                                                                    \
    static void test_body_##name(void);                                                            \
    TEST__REGISTER(name, .body = test_body_##name, .each_backend = true)                           \
    static void test_body_##name(void)

/*
 * LOOP_TEST(name) { … return 0; }: the body is a coroutine, run on a virtual clock, once for each
 * backend.
 */
#define LOOP_TEST(name) TEST__LOOP(name, false)

/* REAL_LOOP_TEST(name) { … return 0; }: the same on the real clock, for the few that need it. */
#define REAL_LOOP_TEST(name) TEST__LOOP(name, true)

/*
 * DEATH_TEST(name, "pattern") { … }: the body must end the process, by a signal or a status that is
 * not 0, with the pattern somewhere on standard error. "one|other": both must be there. Standard
 * output is thrown away.
 */
#define DEATH_TEST(name, pattern)                                                                  \
    static void test_body_##name(void);                                                            \
    TEST__REGISTER(name, .body = test_body_##name, .last_words = (pattern))                        \
    static void test_body_##name(void)

/*
 * SCRIPT_TEST(name, "tests/scripts/x.py", arguments…); runs the script with python3 from the top of
 * the source. The environment has BUILD_DIR (the build folder), CC (the compiler) and WRAPPER (the
 * command that runs built programs; empty unless an emulator is needed). Status 0 passes, 77 skips;
 * the last line of its output is the reason.
 */
#define SCRIPT_TEST(identifier, ...)                                                               \
    static const char *const test_script_##identifier[] = {"python3", __VA_ARGS__, NULL};          \
    TEST__REGISTER(identifier, .script = test_script_##identifier)                                 \
    struct test__semicolon

/*
 * CHECK(condition): ends the test with a message unless it is true. So do the others, which print
 * the values too.
 */
#define CHECK(...)                                                                                 \
    ((__VA_ARGS__) ? (void)0 : test_fail(__FILE__, __LINE__, "check failed: %s", #__VA_ARGS__))

/* CHECK_EQ(a, b): two integers. The sizeof refuses other types, doubles in particular. */
#define CHECK_EQ(a, b)                                                                             \
    ((void)sizeof((a) | 0), (void)sizeof((b) | 0),                                                 \
     test_check_equal(__FILE__, __LINE__, #a " == " #b, (long long)(a), (long long)(b)))

/* CHECK_STR(a, b): two strings; NULL equals only NULL. */
#define CHECK_STR(a, b) test_check_text(__FILE__, __LINE__, #a " == " #b, (a), (b))

/*
 * Options for a loop that the test runs: the case's backend, the counting allocator, and a virtual
 * clock unless it is a REAL_LOOP_TEST. Copy them to change something.
 */
const async_run_options *test_options(void);

/* The emulator that runs the suite; TEST_WRAPPER in the environment overrides the build. */
static inline const char *test_wrapper(void)
{
    const char *given = getenv("TEST_WRAPPER");
    return given != NULL ? given : TEST_WRAPPER;
}

/* Whether qemu-user runs the suite: then the kernel's version does not tell which calls work. */
static inline bool test_is_emulated(void)
{
    return test_wrapper()[0] == 'q';
}

/* Skips the case where Python is not installed, as on a kernel that tools/vm.py boots. */
void test_needs_python(void);

/* Whether the kernel refuses io_uring. */
bool test_uring_is_refused(void);

/* The backend of this case; NULL: the library's default. */
const char *test_backend(void);

/*
 * Lets the counting allocator give count more blocks and then none, until the next call; negative:
 * no limit. For tests of -ENOMEM.
 */
void test_allow_allocations(long count);

/* Ends the case as skipped. */
_Noreturn void test_skip(const char *reason);

/* Ends the case as a failure, with a message about that line. */
_Noreturn void test_fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Used by the macros above. */

/* One test as its file describes it; the runner makes one case of it, or one for each backend. */
struct test {
    const char *name; /* as given to the macro */
    const char *file; /* where it is written */
    int line;
    bool each_backend;  /* a case for each backend, not one in all */
    bool real_clock;    /* test_options() uses the real clock */
    void (*body)(void); /* the test; NULL for a script */
    const char *
        /* what a death test must have said, parts separated by '|'; NULL: it must live */
        last_words;
    const char *const *script; /* command and arguments up to a NULL; NULL: not a script */
    struct test *next;         /* another registered test */
};

#define TEST__REGISTER(identifier, ...)                                                            \
    static struct test test_case_##identifier = {                                                  \
        .name = #identifier, .file = __FILE__, .line = __LINE__, __VA_ARGS__};                     \
    __attribute__((constructor)) static void test_register_##identifier(void)                      \
    {                                                                                              \
        test_register(&test_case_##identifier);                                                    \
    }

#define TEST__LOOP(name, REAL)                                                                     \
    static int test_coroutine_##name(void);                                                        \
    async_fn(test_coroutine_##name);                                                               \
    static void test_body_##name(void)                                                             \
    {                                                                                              \
        test_check_result(__FILE__, __LINE__,                                                      \
                          async_run_with(test_options(), test_coroutine_##name));                  \
    }                                                                                              \
    TEST__REGISTER(name, .body = test_body_##name, .each_backend = true, .real_clock = (REAL))     \
    static int test_coroutine_##name(void)

void test_register(struct test *test);
void test_check_equal(const char *file, int line, const char *claim, long long a, long long b);
void test_check_text(const char *file, int line, const char *claim, const char *a, const char *b);
void test_check_result(const char *file, int line, int result);

#endif
