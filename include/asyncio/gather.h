/*
 * asyncio/gather.h: waiting for several tasks at once.
 */
#ifndef ASYNCIO_GATHER_H
#define ASYNCIO_GATHER_H

#include <asyncio/task.h>

ASYNC_BEGIN_C

/* What async_gather_n does with errors. */
typedef enum async_gather_mode {
    ASYNC_FIRST_ERROR,      /* returns the first error */
    ASYNC_RETURN_EXCEPTIONS /* returns 0; errors are in results[], as with return_exceptions=True */
} async_gather_mode;

/*
 * async_gather(task, …): waits until all of them have ended; takes every handle. 0 if all
 * succeeded, else the error of the one that failed first. If this task is cancelled, before or
 * during, all of them are cancelled and still waited for; what they return then decides. A NULL
 * among them failed with -ENOMEM, and this task itself with -EDEADLK. Tasks that are created among
 * the arguments are created in no particular order. Switches.
 */
#define async_gather(...) ASYNCP_GATHER(__VA_ARGS__)

/*
 * The same for tasks[0..count), with their results in results[] unless that is NULL. A handle that
 * occurs twice is taken once and gives its result twice. With ASYNC_RETURN_EXCEPTIONS it returns 0
 * whatever the results are. None at all is 0 at once. -EINVAL: tasks is NULL though count is not 0.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_gather_n(async_task *const tasks[], size_t count, int results[],
                                        async_gather_mode mode);

/* What async_wait waits for. */
typedef enum async_return_when {
    ASYNC_ALL_COMPLETED,   /* the end of all of them */
    ASYNC_FIRST_COMPLETED, /* the end of one */
    ASYNC_FIRST_EXCEPTION  /* one that fails, not by being cancelled; or the end of all */
} async_return_when;

/*
 * Waits for what return_when says of tasks[0..count), at most that many seconds (ASYNC_FOREVER: no
 * limit). Returns how many of them have ended, which async_task_done tells apart; one that occurs
 * twice counts once. That time ran out is no error. Borrows, cancels nothing, and may return early.
 * -EINVAL: there are none, or return_when or seconds is nothing of the kind. -EDEADLK: this task
 * itself is among them. -ECANCELED, -ENOMEM. Switches.
 */
ASYNC_API ASYNC_MUST int async_wait(async_task *const tasks[], size_t count,
                                    async_return_when return_when, double seconds);

/*
 * Waits for the task at most that many seconds; takes the handle, also on errors. As
 * async_timeout(seconds, async_await(task)): when time has run out, or this task is cancelled, the
 * other one is cancelled and still waited for, and -ETIMEDOUT or -ECANCELED comes only if it
 * failed. A task that has ended already gives its result. Switches.
 */
ASYNC_API ASYNC_MUST int async_wait_for(async_task *task, double seconds);

/*
 * Waits for the task and returns its result, but does not pass on a request to cancel: then it
 * returns -ECANCELED and the task goes on by itself (it must not point into this frame), and if it
 * fails later, that is reported. Takes the handle. -EDEADLK: a task that waits for itself.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_shield(async_task *task);

/*
 * Several tasks, given in the order in which they end. A variable that must not be copied; {0} is
 * one of no tasks. Its fields are the library's.
 */
typedef struct async_completion {
    uint64_t asyncp_private[16]; /* see struct completion in the source */
} async_completion;

/*
 * Makes *completion one of tasks[0..count), for at most that many seconds from now (ASYNC_FOREVER:
 * no limit). Borrows the handles until each was given or async_completion_end was called, which
 * must be in any case, also before the variable is made one of others. -EINVAL: tasks is NULL
 * though count is not 0, or seconds is not a number. -EDEADLK: this task itself is among them.
 * -ENOMEM. Never switches.
 *
 *     async_auto_completion it = {0};
 *     ASYNC_TRY(async_as_completed(&it, tasks, count, 10));
 *     for (int i; (i = async_completion_next(&it)) >= 0;)
 *         printf("%d: %d\n", i, async_await(tasks[i]));
 */
ASYNC_API ASYNC_MUST int async_as_completed(async_completion *completion, async_task *const tasks[],
                                            size_t count, double seconds);

/*
 * Waits for the next task that ends; returns its index in tasks, the first one if it occurs twice.
 * If several tasks wait here, each end is given to one of them, in the order in which they came.
 * -ENODATA: all were given. -ETIMEDOUT: time has run out, and none has ended that was not given.
 * -ECANCELED: also if the completion was ended meanwhile. -ENOMEM. Switches.
 */
ASYNC_API ASYNC_MUST int async_completion_next(async_completion *completion);

/*
 * Ends it; the tasks go on, and what waits in async_completion_next gets -ECANCELED. Once more, or
 * of {0}, is nothing. Never switches.
 */
ASYNC_API void async_completion_end(async_completion *completion);

/* async_auto_completion it = {0}: ended when the block is left. */
#define async_auto_completion ASYNC_CLEANUP(async_completion_end) async_completion

/*
 * Has attempt(0, context), attempt(1, context), … run as tasks, each delay_seconds after the one
 * before it or as soon as that has failed (ASYNC_FOREVER: only then), until one succeeds. Returns
 * its index; the others are cancelled and waited for. If none of `count` succeeds, the error of the
 * first. -EINVAL: attempt is NULL, count is 0 or beyond INT_MAX, or delay_seconds is not a number.
 * If this task is cancelled, the attempts are, and are waited for: -ECANCELED, unless one has
 * succeeded all the same. What an attempt made that comes too late is its own to undo. -ENOMEM.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_staggered_race(int (*attempt)(size_t index, void *context),
                                              void *context, size_t count, double delay_seconds);

ASYNC_END_C

#ifdef __cplusplus
#include <initializer_list>
static inline int asyncp_gather(std::initializer_list<async_task *> tasks)
{
    return async_gather_n(tasks.begin(), tasks.size(), NULL, ASYNC_FIRST_ERROR);
}
#define ASYNCP_GATHER(...) asyncp_gather({__VA_ARGS__})
#else
#define ASYNCP_TASKS(...) ((async_task *const[]){__VA_ARGS__})
#define ASYNCP_GATHER(...)                                                                         \
    async_gather_n(ASYNCP_TASKS(__VA_ARGS__),                                                      \
                   sizeof ASYNCP_TASKS(__VA_ARGS__) / sizeof(async_task *), NULL, 0)
#endif
#endif
