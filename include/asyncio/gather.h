/*
 * asyncio/gather.h: waiting for several tasks.
 *
 *     async_task *first = async_create_task(fetch, "a"), *second = async_create_task(fetch, "b");
 *     return async_gather(first, second);
 *
 * async_gather, async_wait_for and async_shield take their handles, also if they fail. async_wait
 * and async_as_completed borrow them. A NULL handle counts as a task that has failed with -ENOMEM.
 */
#ifndef ASYNCIO_GATHER_H
#define ASYNCIO_GATHER_H

#include <asyncio/task.h>

ASYNC_BEGIN_C

/* How async_gather_n handles errors. */
typedef enum async_gather_mode {
    ASYNC_FIRST_ERROR,      /* it returns the first error */
    ASYNC_RETURN_EXCEPTIONS /* errors of tasks are only in results[] */
} async_gather_mode;

/*
 * int async_gather(async_task *task, …)
 *
 * Waits until all the tasks have ended.
 *
 * If the calling task is cancelled, the tasks are cancelled too and still waited for; their results
 * then decide the result of the call. async_create_task calls among the arguments are evaluated in
 * no particular order.
 *
 * Takes the handles.
 * Returns 0 if all tasks succeeded, else the error of the first task to fail; -EDEADLK if the
 * calling task is one of them.
 * Switches.
 */
#define async_gather(...) ASYNCP_GATHER(__VA_ARGS__)

/*
 * Waits until all of tasks[0..count) have ended and stores their results in results[0..count),
 * unless results is NULL; otherwise like async_gather.
 *
 * With ASYNC_RETURN_EXCEPTIONS it returns 0 also if tasks failed, but -ECANCELED if it was
 * cancelled itself. If a handle occurs twice, it is taken once and gives its result twice. count
 * may be 0.
 *
 * Takes the handles.
 * Returns 0 or the error of the first task to fail; -EINVAL if tasks is NULL and count is not 0.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_gather_n(async_task *const tasks[], size_t count, int results[],
                                        async_gather_mode mode);

/* When async_wait returns, if the time does not expire before. */
typedef enum async_return_when {
    ASYNC_ALL_COMPLETED,   /* all tasks have ended */
    ASYNC_FIRST_COMPLETED, /* one task has ended */
    ASYNC_FIRST_EXCEPTION  /* one task has failed, other than by -ECANCELED, or all have ended */
} async_return_when;

/*
 * Waits until some or all of tasks[0..count) have ended, or a number of seconds have passed.
 * Cancels nothing.
 *
 * return_when says which tasks must end. If the time expires, this is not an error: async_task_done
 * tells which tasks have ended.
 *
 * Borrows the handles.
 * Returns the number of ended tasks; a task that occurs twice counts once.
 * -EINVAL if count is 0, return_when is not a value of its type, or seconds is not a number.
 * -EDEADLK if the calling task is one of the tasks.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_wait(async_task *const tasks[], size_t count,
                                    async_return_when return_when, double seconds);

/*
 * Waits until the task has ended, and cancels it after a number of seconds; like
 * async_timeout(seconds, async_await(task)).
 *
 * If the time expires or the calling task is cancelled, the task is cancelled and still waited for.
 * If it succeeds nevertheless, its result is returned.
 *
 * Takes the handle.
 * Returns the task's result, also if the calling task was cancelled; -ETIMEDOUT if the time
 * expired, the task failed, and the calling task was not cancelled.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_wait_for(async_task *task, double seconds);

/*
 * Waits until the task has ended and returns its result, but does not cancel it if the calling task
 * is cancelled.
 *
 * After -ECANCELED the task continues on its own: it must not use the frame of the calling
 * function, and if it fails later, the loop reports its error.
 *
 * Takes the handle.
 * Returns the task's result; -ECANCELED if the calling task was cancelled; -EDEADLK if the task
 * awaits itself.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_shield(async_task *task);

/*
 * An iterator over tasks in the order in which they end. {0} iterates over no tasks. It must not be
 * copied.
 */
typedef struct ASYNCP_ALIASES async_completion {
    uint64_t asyncp_private[18];
} async_completion;

/*
 * Starts to iterate over tasks[0..count) in the order in which they end.
 *
 * seconds limits the time for all of them together, from now on. The iterator must be ended with
 * async_completion_end, also before it is started again.
 *
 *     async_auto_completion it = {0};
 *     ASYNC_TRY(async_as_completed(&it, tasks, count, 10));
 *     for (int i; (i = async_completion_next(&it)) >= 0;)
 *         printf("%d: %d\n", i, async_await(tasks[i]));
 *
 * Borrows each handle until async_completion_next has returned it or the iterator is ended.
 * Returns 0; -ENOMEM; -EDEADLK if the calling task is one of the tasks; -EINVAL if tasks is NULL
 * and count is not 0, or seconds is not a number.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_as_completed(async_completion *completion, async_task *const tasks[],
                                            size_t count, double seconds);

/*
 * Waits for the next task to end.
 *
 * If several tasks wait here, each end is returned to one of them, in FIFO order.
 *
 * Returns the index of the task in tasks, the lowest one if it occurs twice.
 * -ENODATA if all tasks were returned.
 * -ETIMEDOUT if the time has expired and no other task has ended.
 * -ECANCELED also if the iterator was ended meanwhile.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_completion_next(async_completion *completion);

/*
 * Ends the iterator. The tasks continue. A waiting async_completion_next returns -ECANCELED. An
 * iterator that was ended or is {0} may be ended again.
 *
 * Never switches.
 */
ASYNC_API void async_completion_end(async_completion *completion);

/*
 * async_auto_completion it = {0};
 *
 * Declares an iterator and ends it when the block is left.
 */
#define async_auto_completion ASYNC_CLEANUP(async_completion_end) async_completion

/*
 * Runs attempt(0, context), attempt(1, context), … as tasks until one of them succeeds.
 *
 * Each attempt starts delay_seconds after the previous one, or as soon as the previous one has
 * failed (ASYNC_FOREVER: only then). When one succeeds, the others are cancelled and waited for. An
 * attempt that succeeds after another one must undo its effects. If the calling task is cancelled,
 * the attempts are cancelled and waited for.
 *
 * Returns the index of the successful attempt; if all fail, the error of the first one.
 * -EINVAL if attempt is NULL, count is 0 or above INT_MAX, or delay_seconds is not a number.
 * -ECANCELED if the calling task was cancelled and no attempt has succeeded.
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
