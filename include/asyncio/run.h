/*
 * asyncio/run.h: the way in. async_main and async_run make a loop on the calling thread, run one
 * coroutine on it to its end, and take everything down again.
 */
#ifndef ASYNCIO_RUN_H
#define ASYNCIO_RUN_H

#include <asyncio/base.h>
#include <asyncio/task.h>

ASYNC_BEGIN_C

/* How a loop is to be; {0} and NULL mean the defaults. */
typedef struct async_run_options {
    /* report slow callbacks, ignored cancellations, lost results; so does ASYNCIO_DEBUG=1 */
    bool debug;
    /* time starts at 0 and jumps to the next deadline when nothing else is to be done */
    bool virtual_clock;
    /* leave SIGINT alone; otherwise the first one cancels main, the second ends us */
    bool keep_sigint;
    /* "epoll", "uring" or "sim"; NULL: what ASYNCIO_BACKEND says, else epoll */
    const char *backend;
    /* not 0: ready tasks run in an order drawn from this seed; so does ASYNCIO_SHUFFLE */
    uint64_t shuffle_seed;
    size_t stack_size; /* bytes of each task's stack unless its options say otherwise; 0: 64 KiB */
    async_allocator allocator; /* copied; {0}: malloc */
    ASYNCP_RESERVED(6);
} async_run_options;

/*
 * async_run(fn, args…): runs the coroutine to its end on a loop of its own, then cancels the tasks
 * that are left, waits for them, and closes the loop. Returns the coroutine's result. -EINTR: the
 * coroutine ended with -ECANCELED, and SIGINT had come during the run; whether something else had
 * cancelled it too makes no difference. -EBUSY: this thread has a loop already (await the coroutine
 * instead). -ENOMEM, -EMFILE and the like: no loop could be made. -EINVAL: a backend that does not
 * exist. Not for use inside a task. The coroutine begins with the initial task-local values
 * (local.h), also in a second run of one runner.
 *
 * SIGINT is the loop's only on the main thread and if nobody else handles or ignores it (a shell
 * ignores it for jobs that a script starts with &); at the end the handler of before comes back,
 * unless the program has set another.
 *
 * A child of fork() may run loops of its own, anywhere, and release what it has of its parent's
 * (see fork.md in docs/decisions); no task of the parent's runs there. If it returns from the task
 * that forked, the run ends with that task's result. vfork(), _Fork() and clone() are not noticed:
 * such a child may only call exec or _exit.
 */
#define async_run(...) (asyncp_run_begin(NULL), asyncp_run_end(async_create_task(__VA_ARGS__)))

/* async_run_with(&options, fn, args…): async_run with options, which are borrowed. */
#define async_run_with(options, ...)                                                               \
    (asyncp_run_begin((options)), asyncp_run_end(ASYNCP_CREATE_WITH(NULL, __VA_ARGS__)))

/*
 * async_main(fn, args…): async_run for `return` from main(): 0 to 125 is the coroutine's own
 * result, 1 an error (it is reported on standard error), 130 what is -EINTR of async_run.
 */
#define async_main(...) (asyncp_run_begin(NULL), asyncp_main_end(async_create_task(__VA_ARGS__)))

/*
 * The halves of the macros above: the arguments are evaluated between them, with the loop in place.
 */
ASYNC_API void asyncp_run_begin(const async_run_options *options);
ASYNC_API int asyncp_run_end(async_task *main_task);
ASYNC_API int asyncp_main_end(async_task *main_task);

ASYNC_END_C
#endif
