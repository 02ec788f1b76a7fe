/*
 * group/as_completed.c: async_as_completed: tasks in the order in which they end. A watch with one
 * deadline for all of its waits. The cost of an end does not depend on the number of tasks.
 */
#include "base/values.h"
#include "group/watch.h"
#include "sched/current.h"
#include "sched/pace.h"
#include <asyncio/gather.h>

struct as_completed {
    struct watch watch;
    struct async_loop *loop; /* NULL: zeroed, watches no tasks */
    int64_t deadline_ns;
};

_Static_assert(sizeof(async_completion) >= sizeof(struct as_completed) &&
                   _Alignof(async_completion) >= _Alignof(struct as_completed),
               "async_completion must have room for struct as_completed");

static struct as_completed *completion_of(async_completion *completion, const char *call)
{
    ENSURE(completion != NULL, "%s: the completion is NULL", call);
    return (struct as_completed *)completion;
}

int async_as_completed(async_completion *public_completion, async_task *const tasks[], size_t count,
                       double seconds)
{
    struct async_loop *loop = asyncp_current;
    struct as_completed *completion = completion_of(public_completion, "async_as_completed");
    *completion = (struct as_completed){0};
    if ((tasks == NULL && count != 0) || is_not_a_number(seconds))
        return async_fail(-EINVAL, "async_as_completed: tasks is NULL, or seconds is not a number");
    ENSURE(loop != NULL, "async_as_completed: this thread has no loop");
    if (asyncp_check_borrowed(loop, tasks, count, "async_as_completed") < 0)
        return -EDEADLK;
    if (asyncp_watch_open(loop, &completion->watch, count, NULL, 0) < 0) {
        *completion = (struct as_completed){0};
        return -ENOMEM;
    }
    completion->loop = loop;
    completion->deadline_ns = asyncp_deadline(loop, seconds);
    completion->watch.one_end_each = true;
    asyncp_watch_add_all(&completion->watch, tasks, count);
    return 0;
}

int async_completion_next(async_completion *public_completion)
{
    struct async_loop *loop = loop_enter("async_completion_next");
    struct as_completed *completion = completion_of(public_completion, "async_completion_next");
    struct watch *watch = &completion->watch;
    if (loop_running(loop)->cancel_pending)
        return asyncp_fail_cancelled(loop);
    if (watch->taken == watch_task_count(watch))
        return -ENODATA;
    if (watch->first != NULL)
        return paced(loop, PACE_STEP, (int)asyncp_watch_take(watch));
    return asyncp_watch_park(loop, watch, "async_completion_next", completion->deadline_ns);
}

void async_completion_end(async_completion *public_completion)
{
    struct as_completed *completion = completion_of(public_completion, "async_completion_end");
    if (completion->loop == NULL)
        return;
    struct async_loop *before = release_begin(completion->loop, "async_completion_end",
                                              "the completion");
    asyncp_watch_close(completion->loop, &completion->watch);
    *completion = (struct as_completed){0};
    release_end(before);
}
