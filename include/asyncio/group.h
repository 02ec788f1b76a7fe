/*
 * asyncio/group.h: task groups. Their tasks end before the block of the group is left.
 *
 *     ASYNC_TASK_GROUP(group);
 *     for (size_t i = 0; i < count; i++)
 *         async_group_create_task(&group, fetch, &pages[i]);
 *     return async_group_wait(&group);
 *
 * If a child fails, the other children are cancelled, and the calls of the task that declared the
 * group return -ECANCELED until it waits for the group. A child that ends with -ECANCELED has not
 * failed.
 *
 * If the block is left without async_group_wait, by a `return` in the middle for example, the
 * children are cancelled and waited for.
 */
#ifndef ASYNCIO_GROUP_H
#define ASYNCIO_GROUP_H

#include <asyncio/task.h>
#include <asyncio/time.h>

ASYNC_BEGIN_C

/* Options of a group; {0} means the defaults. */
typedef struct async_group_options {
    /* how many children run at once; others start in FIFO order when one has ended; 0: no limit */
    size_t limit;
    /* a child's handle becomes invalid when the child ends, so a long-lived group does not grow */
    bool discard;
    ASYNCP_RESERVED(3);
} async_group_options;

/* A task group, declared by ASYNC_TASK_GROUP. */
typedef struct ASYNCP_ALIASES async_task_group {
    uint64_t asyncp_private[30];
} async_task_group;

/*
 * ASYNC_TASK_GROUP(name);
 *
 * Declares a group of the running task as a variable of the block.
 *
 * The groups of a block must be waited for in the reverse order of their declarations; otherwise
 * the program is aborted with an error message.
 */
#define ASYNC_TASK_GROUP(name) ASYNCP_GROUP(name, NULL)

/*
 * ASYNC_TASK_GROUP_WITH(name, .limit = 10, .discard = true);
 *
 * Declares a group as ASYNC_TASK_GROUP does, with fields of async_group_options.
 */
#define ASYNC_TASK_GROUP_WITH(name, ...)                                                           \
    ASYNCP_GROUP(name, ASYNCP_TEMPORARY(async_group_options, {__VA_ARGS__}))

/*
 * async_task *async_group_create_task(async_task_group *group, fn, args…)
 *
 * Creates a task that runs fn(args…), as async_create_task does, as a child of the group. It may be
 * called in any task or callback of the loop.
 *
 * The handle is valid until the block of the group is left; with the option discard, until the
 * child has ended. To await the child, use a handle from async_task_ref.
 *
 * Copies the arguments.
 * Returns a borrowed handle; NULL if memory is exhausted, and then the group has failed with
 * -ENOMEM; NULL also if the group has failed, was waited for or is being left.
 * Never switches.
 */
#define async_group_create_task(group, ...) async_group_create_task_with(group, NULL, __VA_ARGS__)

/*
 * async_task *async_group_create_task_with(async_task_group *group,
 *                                          const async_task_options *options, fn, args…)
 *
 * Creates a child as async_group_create_task does, with options. options may be NULL.
 *
 * Borrows the options.
 * Never switches.
 */
#define async_group_create_task_with(group, options, ...)                                          \
    asyncp_group_child(ASYNCP_CREATE_WITH(ASYNCP_GROUP_OPTIONS((group), (options)), __VA_ARGS__))

/*
 * Waits until all children have ended.
 *
 * Only the declaring task may call it, and only once; otherwise the program is aborted with an
 * error message. If the task is cancelled, the children are cancelled too and still waited for.
 *
 * Returns 0; the error of the first child to fail, with its error message; -ECANCELED if the
 * calling task was cancelled and children with it.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_group_wait(async_task_group *group);

/*
 * Waits for the next child to end, in the order in which they end, and returns its result.
 *
 * *ended becomes the child's handle, borrowed, or NULL if no child is returned; ended may be NULL.
 * Only the declaring task may call it.
 *
 * Returns the child's result.
 * -ENODATA if all children have ended and were returned.
 * -ECANCELED if the calling task was cancelled or the group had failed before.
 * -EINVAL if the group has the option discard.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_group_next(async_task_group *group, async_task **ended);

/*
 * Asks all current children to cancel, as async_task_cancel does. The group does not fail by this.
 *
 * Never switches.
 */
ASYNC_API void async_group_cancel(async_task_group *group);

/* For the macros. */
ASYNC_API void asyncp_group_begin(async_task_group *group, const async_group_options *options);
ASYNC_API void asyncp_group_leave(async_task_group *group);
ASYNC_API const async_task_options *asyncp_group_options(async_task_group *group,
                                                         const async_task_options *options,
                                                         async_task_options *storage);

/* The result may be ignored, because the group has the child. */
static inline async_task *asyncp_group_child(async_task *task)
{
    return task;
}

#define ASYNCP_GROUP(name, options)                                                                \
    ASYNC_CLEANUP(asyncp_group_leave) async_task_group name;                                       \
    const int ASYNCP_CAT(asyncp_begun_, name) ASYNC_UNUSED = (asyncp_group_begin(&name, options), 0)

ASYNC_END_C

/* A child's options, in a temporary object. */
#ifdef __cplusplus
#define ASYNCP_GROUP_OPTIONS(group, options)                                                       \
    asyncp_group_options((group), (options), asyncp_temporary(async_task_options()))
#else
#define ASYNCP_GROUP_OPTIONS(group, options)                                                       \
    asyncp_group_options((group), (options), &(async_task_options){0})
#endif
#endif
