/*
 * asyncio/group.h: task groups: tasks that end before the block does in which the group was
 * declared. The first child that fails has its siblings cancelled, and the task of the block, too:
 * its calls are refused until the group is waited for.
 *
 *     ASYNC_TASK_GROUP(group);
 *     for (size_t i = 0; i < count; i++)
 *         async_group_create_task(&group, fetch, &pages[i]);
 *     return async_group_wait(&group);
 *
 * A block that is left in another way, by a `return` in the middle, cancels the children and waits
 * for them.
 */
#ifndef ASYNCIO_GROUP_H
#define ASYNCIO_GROUP_H

#include <asyncio/task.h>
#include <asyncio/time.h>

ASYNC_BEGIN_C

/* How a group is to be; {0} means the defaults. */
typedef struct async_group_options {
    /* children beyond so many begin when one has ended, first come first served; 0: no limit */
    size_t limit;
    /*
     * a child's handle is not valid beyond its end, so that a group that goes on needs no more
     * memory
     */
    bool discard;
    ASYNCP_RESERVED(3);
} async_group_options;

/* A group; a variable that ASYNC_TASK_GROUP declares. Its fields are the library's. */
typedef struct async_task_group {
    uint64_t asyncp_private[28]; /* see struct group in the source */
} async_task_group;

/*
 * ASYNC_TASK_GROUP(name): declares a group of the running task, in a block of this function, and
 * has the children cancelled and waited for if the block is left without async_group_wait. Two
 * groups in a block are waited for in the opposite order. The program is ended with a sentence
 * where that is not kept.
 */
#define ASYNC_TASK_GROUP(name) ASYNCP_GROUP(name, NULL)

/* ASYNC_TASK_GROUP_WITH(name, .limit = 10, .discard = true): ASYNC_TASK_GROUP with options. */
#define ASYNC_TASK_GROUP_WITH(name, ...)                                                           \
    ASYNCP_GROUP(name, ASYNCP_TEMPORARY(async_group_options, {__VA_ARGS__}))

/*
 * async_group_create_task(&group, fn, args…): makes a task as async_create_task does, as a child of
 * the group. Any task or callback of the loop may. Returns a borrowed handle, valid until the block
 * of the group is left (.discard: until the child has ended); async_task_ref gives one that can be
 * awaited. NULL: the group has failed, was waited for or is being left; or memory is out, and now
 * the group has failed with -ENOMEM. Never switches.
 */
#define async_group_create_task(group, ...) async_group_create_task_with(group, NULL, __VA_ARGS__)

/*
 * async_group_create_task_with(&group, &options, fn, args…): with options, borrowed, or NULL. Never
 * switches.
 */
#define async_group_create_task_with(group, options, ...)                                          \
    asyncp_group_child(ASYNCP_CREATE_WITH(ASYNCP_GROUP_OPTIONS((group), (options)), __VA_ARGS__))

/*
 * Waits until all children have ended, whatever happens. 0; the error of the child that failed
 * first, with its sentence; or -ECANCELED, if this task was cancelled and children with it. A child
 * that ends with -ECANCELED is none that failed. If this task is cancelled, before or during, the
 * children are, and are still waited for. Only for the task that declared the group, and once.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_group_wait(async_task_group *group);

/*
 * Waits for the next child that ends, in the order of their ends; returns its result, and in *ended
 * (NULL: not wanted) its handle, borrowed. -ENODATA: all children have ended and were given; *ended
 * is NULL. -ECANCELED: this task was cancelled, or the group had failed before. -EINVAL: the group
 * discards. Only for the task that declared it. Switches.
 */
ASYNC_API ASYNC_MUST int async_group_next(async_task_group *group, async_task **ended);

/*
 * Asks the children there are to cancel, as async_task_cancel does; that is no failure of the
 * group. Never switches.
 */
ASYNC_API void async_group_cancel(async_task_group *group);

/* What the macros stand on. */
ASYNC_API void asyncp_group_begin(async_task_group *group, const async_group_options *options);
ASYNC_API void asyncp_group_leave(async_task_group *group);
ASYNC_API const async_task_options *asyncp_group_options(async_task_group *group,
                                                         const async_task_options *options,
                                                         async_task_options *storage);

/* The handle, which need not be used: the group has the child. */
static inline async_task *asyncp_group_child(async_task *task)
{
    return task;
}

#define ASYNCP_GROUP(name, options)                                                                \
    ASYNC_CLEANUP(asyncp_group_leave) async_task_group name;                                       \
    const int ASYNCP_CAT(asyncp_begun_, name) ASYNC_UNUSED = (asyncp_group_begin(&name, options), 0)

ASYNC_END_C

/* The options of a child, in a temporary object. */
#ifdef __cplusplus
#define ASYNCP_GROUP_OPTIONS(group, options)                                                       \
    asyncp_group_options((group), (options), asyncp_temporary(async_task_options()))
#else
#define ASYNCP_GROUP_OPTIONS(group, options)                                                       \
    asyncp_group_options((group), (options), &(async_task_options){0})
#endif
#endif
