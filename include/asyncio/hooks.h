/*
 * asyncio/hooks.h: entry points for libasyncio-test. Programs include asyncio/test.h.
 *
 * Everything here may change with each version, together with libasyncio-test.
 */
#ifndef ASYNCIO_HOOKS_H
#define ASYNCIO_HOOKS_H

#include <asyncio/loop.h>
#include <asyncio/stream.h>

ASYNC_BEGIN_C

/* The highest async_run_options.shuffle_depth. */
enum { ASYNCP_MAX_DEPTH = 8 };

/* ---- the loop ------------------------------------------------------------------------------- */

/* The state of a loop that is about to poll. */
struct asyncp_idle {
    int64_t next_ns;   /* until the next timer; 0: something is ready; negative: no timer is set */
    size_t operations; /* in flight in the kernel, and waits for streams */
    size_t jobs;       /* on other threads */
};

/* Results of the hook besides a time. */
enum {
    ASYNCP_IDLE_AS_USUAL = -2,
    ASYNCP_IDLE_JUMP = -3, /* the virtual clock goes to the next timer, in spite of operations */
};

/*
 * Returns how long the loop waits in nanoseconds of real time, while a virtual clock stands; -1: no
 * limit; or one of the above. It may make something ready, and then the loop does not wait.
 */
typedef int64_t asyncp_idle_function(void *context, const struct asyncp_idle *idle);

/*
 * Sets the hook of the loop. With a virtual clock it is called before each poll, with the real
 * clock only when nothing is ready. It runs on the loop's stack. The loop then polls after each
 * burst, and reports no deadlock.
 */
ASYNC_API void asyncp_loop_set_idle(async_loop *loop, asyncp_idle_function *function,
                                    void *context);

/* Advances a virtual clock. Timers fire in the next iteration. */
ASYNC_API void asyncp_loop_advance(async_loop *loop, int64_t ns);

/*
 * A number that is different after each switch to another task, a callback or the loop; with a hook
 * only.
 */
ASYNC_API uint64_t asyncp_loop_turn(const async_loop *loop);

/*
 * How many turns the loop has put in order, with a seed; for the next run's
 * async_run_options.shuffle_turns.
 */
ASYNC_API uint64_t asyncp_loop_ordered(const async_loop *loop);

/*
 * Sets a function that is called at the end of the loop, for each stream that is open and each task
 * with a handle: the loop releases them. It must not use the loop.
 */
ASYNC_API void asyncp_loop_set_left(async_loop *loop,
                                    void (*function)(void *context, const char *text),
                                    void *context);

/*
 * Reports a deadlock of the loop, which runs no task: its tasks as trees, cycles, and hints, as for
 * a deadlock that the loop finds itself. The caller prints the headline.
 */
ASYNC_API void asyncp_loop_report_deadlock(async_loop *loop);

/*
 * Writes the tasks of all loops as trees to standard error. On another thread, because the stack of
 * the running task may be small; without one, as async_dump.
 */
ASYNC_API void asyncp_report_tasks(void);

/* Whether the process has threads that the library has not started, besides the calling one. */
ASYNC_API bool asyncp_has_foreign_threads(void);

/* ---- a time limit --------------------------------------------------------------------------- */

/*
 * Starts a thread that calls the function after so many seconds. Call it at most once in a process,
 * before the first loop. 0 or -errno; also -EOPNOTSUPP where the tools forbid a thread in a child
 * of fork().
 */
ASYNC_API ASYNC_MUST int asyncp_time_limit_begin(double seconds, void (*function)(void));

/* The process is about to end: the function is not called any more. */
ASYNC_API void asyncp_time_limit_end(void);

/*
 * For that function: writes to standard error the tasks of all loops as trees, and of each loop
 * that is held, since when, and by which calls.
 */
ASYNC_API void asyncp_time_limit_report(void);

/* ---- streams without a descriptor of the kernel's ------------------------------------------- */

/* The calls of a stream. None switches. After -EAGAIN asyncp_stream_ready follows. */
struct asyncp_medium {
    int (*read)(void *state, void *buffer, size_t size); /* bytes; 0: the end; -errno */
    int (*write)(void *state, const void *data, size_t size);
    int (*shut_down)(void *state);           /* the program has written its end */
    void (*close)(void *state, bool is_cut); /* is_cut: output was dropped. Frees the state */
};

/*
 * Makes a stream. fd is a descriptor that stands for it: async_stream_fd returns it, and the stream
 * closes it. Takes fd and state if it succeeds. 0 or -ENOMEM.
 */
ASYNC_API ASYNC_MUST int asyncp_stream_of_medium(async_stream **stream, int fd,
                                                 const struct asyncp_medium *calls, void *state);

/* Another try to read or to write is worthwhile. Not for the stream of an inherited loop. */
ASYNC_API void asyncp_stream_ready(async_stream *stream, bool readable, bool writable);

/* How many of its loop's operations in flight are waits for this stream. */
ASYNC_API size_t asyncp_stream_waits(const async_stream *stream);

ASYNC_END_C
#endif
