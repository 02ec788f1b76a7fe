/*
 * asyncio/test.h: tests of programs with tasks, on a clock that the test controls. It is a library
 * of its own: pkg-config asyncio-test.
 *
 *     ASYNC_TEST(sleep_takes_its_time)
 *     {
 *         ASYNC_CHECK_EQ(async_sleep(60), 0);
 *         ASYNC_CHECK(async_time() == 60);
 *         return 0;
 *     }
 *
 *     ASYNC_TEST_MAIN
 *
 * A test is a coroutine on a loop of its own. Time is virtual: when no task is ready and none waits
 * for a socket, a pipe or a thread, the clock jumps to the next timer. A test fails if a check
 * fails, if it does not return 0, if all tasks wait for each other, if a task fails and no other
 * task awaits it, or if it leaves a task, a descriptor or memory of the loop behind.
 *
 * ASYNC_TEST_MAIN runs each test in a process of its own and prints TAP. async_test_run runs a
 * coroutine as a test in the calling process, for programs with a framework of their own.
 *
 * docs/tutorial/testing.md shows how the parts are used.
 */
#ifndef ASYNCIO_TEST_H
#define ASYNCIO_TEST_H

#include <asyncio.h>

ASYNC_BEGIN_C

/* How time passes in a test. */
enum async_test_clock {
    ASYNC_TEST_JUMPS,  /* from 0, to the next timer when no task is ready */
    ASYNC_TEST_STANDS, /* from 0, only by async_test_advance and async_test_next */
    ASYNC_TEST_REAL,   /* the real clock */
};

/* Options of a test; {0} and NULL mean the defaults. */
typedef struct async_test_options {
    enum async_test_clock clock;
    bool deadlocks;    /* it must end in a deadlock, which is reported (ASYNC_TEST_DEADLOCKS) */
    bool leaves_tasks; /* it may leave tasks, handles and streams; the loop's end closes them */
    bool debug;        /* debug mode of the loop */
    bool loses_errors; /* a task that no other task awaits may fail */
    /*
     * seconds of real time, in ASYNC_TEST_MAIN and sweeps: the longer of this and the variable
     * ASYNC_TEST_TIME_LIMIT; neither: 20. A sweep's run in a test gets at most 3/4 of what is left
     */
    double time_limit;
    const char *backend; /* as in async_run_options */
    size_t stack_size;   /* as in async_run_options */
    uint64_t seed; /* of the order of ready tasks; 0: the value of ASYNCIO_SHUFFLE, else FIFO */
    uint32_t depth, turns; /* with a seed: shuffle_depth and shuffle_turns of async_run_options */
    /* ASYNC_TEST_MAIN: texts that the test must print, separated by '|'; NULL: none */
    const char *output;
    ASYNCP_RESERVED(5);
} async_test_options;

/* ---- tests ---------------------------------------------------------------------------------- */

/*
 * ASYNC_TEST(name) { …; return 0; }
 *
 * Defines a test, which ASYNC_TEST_MAIN finds. Its body is a coroutine.
 */
#define ASYNC_TEST(name) ASYNCP_TEST(name, NULL)

/*
 * ASYNC_TEST_WITH(name, .option = value…) { …; return 0; }
 *
 * Defines a test with options: fields of async_test_options. In C++ it needs C++20.
 */
#define ASYNC_TEST_WITH(name, ...)                                                                 \
    static const async_test_options asyncp_test_options_##name = {__VA_ARGS__};                    \
    ASYNCP_TEST(name, &asyncp_test_options_##name)

/*
 * ASYNC_TEST_DEADLOCKS(name) { …; return 0; }
 *
 * Defines a test that passes only if its tasks wait for each other and nothing can wake them.
 */
#define ASYNC_TEST_DEADLOCKS(name)                                                                 \
    static const async_test_options asyncp_test_options_##name = ASYNCP_TEST_DEADLOCKING;          \
    ASYNCP_TEST(name, &asyncp_test_options_##name)

/*
 * ASYNC_TEST_MAIN
 *
 * Defines main, which runs the tests of the program, each in a process of its own.
 *
 * The arguments are names, or parts of names, of the tests to run. --help prints the options,
 * --list the names, -v also the output of tests that pass. --seeds N, or ASYNC_TEST_SEEDS=N in the
 * environment, runs each test N times with ready tasks in a random order. With --depth D, or
 * ASYNC_TEST_DEPTH=D, tasks have random priorities in these runs, which change D - 1 times
 * (async_run_options). A failure prints the ASYNCIO_SHUFFLE or ASYNC_TEST_SWEEP that runs it again.
 *
 * The exit status is 0 if all tests passed, 1 if one failed, 2 if the arguments are wrong.
 */
#define ASYNC_TEST_MAIN                                                                            \
    int main(int argc, char *argv[])                                                               \
    {                                                                                              \
        return asyncp_test_main(argc, argv);                                                       \
    }

/*
 * int async_test_run(const async_test_options *options, fn, args…)
 *
 * Runs the coroutine on a new loop as a test, in the calling process. Messages about failures go to
 * standard error. There is no time limit, and a failed check does not end the process. A deadlock
 * cancels the test; if its tasks then wait for each other again, the process ends.
 *
 * Borrows the options.
 * Returns the coroutine's result.
 * -EPROTO if a check failed or something was left behind.
 * -EDEADLK after a deadlock; with the option deadlocks, 0 after a deadlock and -EPROTO without.
 * -EINVAL if an option is out of range; an error of async_run.
 * Never switches.
 */
#define async_test_run(options, ...)                                                               \
    (asyncp_test_begin((options)), asyncp_test_end(ASYNCP_CREATE_WITH(NULL, __VA_ARGS__)))

/*
 * Ends the test as skipped, for a reason printed in the TAP line. In a coroutine of async_test_run
 * it reports the reason and ends the process with status 77.
 *
 * Never switches.
 */
ASYNC_API __attribute__((noreturn)) void async_test_skip(const char *format, ...)
    ASYNCP_PRINTF(1, 2);

/* ---- checks --------------------------------------------------------------------------------- */

/*
 * bool ASYNC_CHECK(condition)
 *
 * Checks that the condition is true.
 *
 * If it is not, the message has the task, the file and line, and all tasks with their waits.
 * Under ASYNC_TEST_MAIN the process of the test ends then. In async_test_run the test is cancelled,
 * and the value is false: return if the rest makes no sense.
 */
#define ASYNC_CHECK(...)                                                                           \
    asyncp_test_check((__VA_ARGS__) ? true : false, #__VA_ARGS__, __FILE__, __LINE__)

/*
 * bool ASYNC_CHECK_EQ(a, b)
 *
 * Checks that two integers are equal, as ASYNC_CHECK does; the message has both.
 */
#define ASYNC_CHECK_EQ(a, b)                                                                       \
    ((void)sizeof((a) | 0), (void)sizeof((b) | 0),                                                 \
     asyncp_test_equal((long long)(a), (long long)(b), #a " == " #b, __FILE__, __LINE__))

/*
 * bool ASYNC_CHECK_STR(a, b)
 *
 * Checks that two strings are equal, as ASYNC_CHECK does; the message has both. NULL equals only
 * NULL.
 */
#define ASYNC_CHECK_STR(a, b) asyncp_test_text((a), (b), #a " == " #b, __FILE__, __LINE__)

/*
 * int ASYNC_MUST_SWITCH(call)
 *
 * Evaluates the call, and checks that other tasks, or the loop, could run meanwhile.
 *
 * Returns the value of the call.
 */
#define ASYNC_MUST_SWITCH(...) ASYNCP_TEST_MUST(true, __VA_ARGS__)

/*
 * int ASYNC_MUST_NOT_SWITCH(call)
 *
 * Evaluates the call, and checks that nothing else ran meanwhile.
 *
 * Returns the value of the call.
 */
#define ASYNC_MUST_NOT_SWITCH(...) ASYNCP_TEST_MUST(false, __VA_ARGS__)

/* ---- time ----------------------------------------------------------------------------------- */

/*
 * Waits until no other task is ready and no job is on another thread.
 *
 * The clock does not jump meanwhile. The kernel is asked, without waiting, until it has no event;
 * on the real clock once.
 *
 * Returns the number of operations in flight in the kernel, of sockets for example; 0: only timers,
 * other tasks and the test itself can wake a task. -EINVAL outside a test.
 * Switches.
 */
ASYNC_API int async_test_settle(void);

/*
 * Advances the virtual clock by a number of seconds, timer by timer, and settles after each.
 *
 * Returns 0; -EINVAL if seconds is negative or not a number, on a real clock, and outside a test.
 * Switches.
 */
ASYNC_API int async_test_advance(double seconds);

/*
 * Advances the virtual clock to the next timer, and settles.
 *
 * Returns the new time; -ENOENT if no timer is set; -EINVAL on a real clock and outside a test.
 * Switches.
 */
ASYNC_API double async_test_next(void);

/*
 * Returns the seed of the test's order of ready tasks; 0: FIFO. A test that draws random numbers
 * derives them from it, and they are repeated with the order.
 *
 * Never switches.
 */
ASYNC_API uint64_t async_test_seed(void);

/* ---- streams in memory ---------------------------------------------------------------------- */

/* How the bytes of one direction travel in a pair of streams. */
typedef struct async_test_link {
    /* most bytes that one read gets; with a seed each read draws its own number; 0: see below */
    size_t max_chunk;
    size_t capacity;    /* bytes under way and unread before the writer has to wait; 0: 64 KiB */
    double delay;       /* seconds from a write until its bytes arrive */
    size_t end_after;   /* the reader finds the end after so many bytes; 0: no such end */
    size_t reset_after; /* both sides get -ECONNRESET after so many bytes; 0: no reset */
} async_test_link;

/*
 * Options of async_test_pipe; {0} and NULL mean the defaults. Without max_chunk a read gets all
 * that has arrived, or, if there is a seed, a part of a random size.
 */
typedef struct async_test_pipe_options {
    async_test_link a_to_b, b_to_a;
    uint64_t seed; /* of the sizes of chunks; 0: async_test_seed() */
    ASYNCP_RESERVED(2);
} async_test_pipe_options;

/*
 * Creates two connected streams in the memory of the process: bytes written to *a are read from
 * *b, and the other way round. No call reaches the kernel, so virtual time passes at once while
 * tasks read.
 *
 * async_stream_write_eof and async_stream_close of one end are the end of the data for the other
 * one. The other end is reset if unread bytes are left at a close, or if async_stream_abort drops
 * output.
 *
 * Copies the options. The caller closes both streams.
 * Returns 0; -EINVAL if an option is out of range or there is no loop; -EMFILE; -ENOMEM.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_test_pipe(async_stream **a, async_stream **b,
                                         const async_test_pipe_options *options);

/* ---- sweeps --------------------------------------------------------------------------------- */

/*
 * int async_test_cancel_everywhere(const async_test_options *options, fn, args…)
 *
 * Runs the coroutine once for each of its stops, each time in a child process and on a loop of its
 * own, and cancels it at that stop.
 *
 * A stop is an iteration of the loop in which the coroutine has not ended: before its first step,
 * and while it waits or is about to continue. Each run must end, with a result of 0 or more or with
 * -ECANCELED, and must leave nothing behind. The clock is virtual. A sweep may be called in a test
 * and outside a loop; in a run of another sweep it is a failed check.
 *
 * Borrows the options.
 * Returns the number of stops. An error is reported and counts as a failed check.
 * -EPROTO if a run failed; -EINVAL if an option is out of range; -EMFILE without free descriptors;
 * an error of fork(2).
 * Never switches.
 */
#define async_test_cancel_everywhere(options, ...)                                                 \
    ASYNCP_TEST_SWEEP(ASYNCP_SWEEP_CANCEL, (options), __VA_ARGS__)

/*
 * int async_test_fail_allocations(const async_test_options *options, fn, args…)
 *
 * Runs the coroutine as async_test_cancel_everywhere does, and lets an allocation of the library
 * fail: once for each allocation only that one, and once it and all later ones.
 *
 * Each run must end with a result of 0 or more or with -ENOMEM. It concerns the memory of the loop
 * and its objects; malloc in the program does not fail.
 *
 * Borrows the options.
 * Returns the number of allocations; errors as those of async_test_cancel_everywhere.
 * Never switches.
 */
#define async_test_fail_allocations(options, ...)                                                  \
    ASYNCP_TEST_SWEEP(ASYNCP_SWEEP_ALLOCATIONS, (options), __VA_ARGS__)

/*
 * int async_test_fail_system_calls(const async_test_options *options, fn, args…)
 *
 * Runs the coroutine as async_test_cancel_everywhere does, and lets a system call of its thread
 * fail: once for each call and each error that this call can have, such as EMFILE where a
 * descriptor is made, or EPIPE where a socket is written to. docs/tutorial/testing.md has the list.
 *
 * Each run must end with a result of 0 or more, or with any error; after EINTR with 0 or more. It
 * concerns calls of the library, of libc and of the program, not those of other threads and
 * processes. The operations of a ring (backend "uring") are no system calls.
 *
 * In a process that the coroutine leaves running these calls fail with ENOSYS later on. Without
 * support (it needs seccomp's user notification, Linux 5.5; not in valgrind) the test is skipped.
 *
 * Borrows the options.
 * Returns the number of calls; errors as those of async_test_cancel_everywhere.
 * -EOPNOTSUPP where it is not supported, in async_test_run and outside of tests; no failed check.
 * Never switches.
 */
#define async_test_fail_system_calls(options, ...)                                                 \
    ASYNCP_TEST_SWEEP(ASYNCP_SWEEP_SYSTEM_CALLS, (options), __VA_ARGS__)

/* ---- used by the macros --------------------------------------------------------------------- */

struct asyncp_test {
    const char *name, *file;
    int line;
    const async_test_options *options; /* NULL: the defaults */
    async_task *(*create)(void);
    struct asyncp_test *next;
};

/* A call that is checked for switches. */
typedef struct asyncp_test_call {
    uint64_t turn; /* of the loop, before the call */
    const async_task *task;
    struct asyncp_test_call *outer;
} asyncp_test_call;

enum asyncp_sweep {
    ASYNCP_SWEEP_CANCEL,
    ASYNCP_SWEEP_ALLOCATIONS,
    ASYNCP_SWEEP_SYSTEM_CALLS,
};

ASYNC_API void asyncp_test_register(struct asyncp_test *test);
ASYNC_API int asyncp_test_main(int argc, char *argv[]);
ASYNC_API void asyncp_test_begin(const async_test_options *options);
ASYNC_API int asyncp_test_end(async_task *task);
ASYNC_API bool asyncp_test_check(bool passed, const char *claim, const char *file, int line);
ASYNC_API bool asyncp_test_equal(long long a, long long b, const char *claim, const char *file,
                                 int line);
ASYNC_API bool asyncp_test_text(const char *a, const char *b, const char *claim, const char *file,
                                int line);
ASYNC_API void asyncp_test_call_begin(struct asyncp_test_call *call);
ASYNC_API int asyncp_test_call_end(int result, bool must_switch, const char *claim,
                                   const char *file, int line);

/* True: the caller is the child process of one run, which asyncp_test_sweep_run ends. */
ASYNC_API bool asyncp_test_sweep(enum asyncp_sweep kind, const async_test_options *options,
                                 const char *what, const char *file, int line);
ASYNC_API int asyncp_test_sweep_run(async_task *task);
ASYNC_API int asyncp_test_sweep_result(void);

/* The options of ASYNC_TEST_DEADLOCKS. */
#ifdef __cplusplus
static inline async_test_options asyncp_test_deadlocking()
{
    async_test_options options = {};
    options.deadlocks = true;
    return options;
}
#define ASYNCP_TEST_DEADLOCKING asyncp_test_deadlocking()
#else
#define ASYNCP_TEST_DEADLOCKING                                                                    \
    {                                                                                              \
        .deadlocks = true                                                                          \
    }
#endif

/* Reports and debuggers show the name of the body. */
#define ASYNCP_TEST(name, options)                                                                 \
    static int ASYNC_TEST_BODY_##name(void);                                                       \
    async_fn(ASYNC_TEST_BODY_##name);                                                              \
    static async_task *asyncp_test_create_##name(void)                                             \
    {                                                                                              \
        return async_create_task(ASYNC_TEST_BODY_##name);                                          \
    }                                                                                              \
    static struct asyncp_test asyncp_test_##name = {                                               \
        #name, __FILE__, __LINE__, options, asyncp_test_create_##name, NULL};                      \
    __attribute__((constructor)) static void asyncp_test_register_##name(void)                     \
    {                                                                                              \
        asyncp_test_register(&asyncp_test_##name);                                                 \
    }                                                                                              \
    static int ASYNC_TEST_BODY_##name(void)

#define ASYNCP_TEST_MUST(must, ...)                                                                \
    (asyncp_test_call_begin(ASYNCP_TEMPORARY(asyncp_test_call, {0, NULL, NULL})),                  \
     asyncp_test_call_end((__VA_ARGS__), must, #__VA_ARGS__, __FILE__, __LINE__))

#define ASYNCP_TEST_SWEEP(kind, options, ...)                                                      \
    (asyncp_test_sweep(kind, options, ASYNCP_TEXT(__VA_ARGS__), __FILE__, __LINE__)                \
         ? asyncp_test_sweep_run(ASYNCP_CREATE_WITH(NULL, __VA_ARGS__))                            \
         : asyncp_test_sweep_result())

ASYNC_END_C
#endif
