/*
 * group/as_completed.c: tasks in the order in which they end. A watch with a limit of time around
 * all of it; each end costs the same, however many tasks there are.
 */
#include "sched/fork.h"
#include "sched/pace.h"
#include "group/watch.h"
#include <asyncio/gather.h>

struct completion {
    struct watch watch;      /* of the tasks */
    struct async_loop *loop; /* theirs; NULL: there are none */
    int64_t deadline_ns;     /* when time runs out */
};

_Static_assert(sizeof(async_completion) >= sizeof(struct completion), "the public struct holds it");
_Static_assert(_Alignof(async_completion) >= _Alignof(struct completion), "and is aligned for it");

static struct completion *completion_of(async_completion *completion, const char *call)
{
    ENSURE(completion != NULL, "%s: the completion is NULL", call);
    return (struct completion *)completion;
}

int async_as_completed(async_completion *public_completion, async_task *const tasks[], size_t count,
                       double seconds)
{
    struct async_loop *loop = asyncp_current;
    struct completion *completion = completion_of(public_completion, "async_as_completed");
    *completion = (struct completion){0};
    if ((tasks == NULL && count != 0) || seconds != seconds)
        return -EINVAL;
    ENSURE(loop != NULL, "async_as_completed: this thread has no loop");
    if (asyncp_check_borrowed(loop, tasks, count, "async_as_completed") < 0)
        return -EDEADLK;
    if (asyncp_watch_open(loop, &completion->watch, count, NULL, 0) < 0) {
        *completion = (struct completion){0};
        return -ENOMEM;
    }
    completion->loop = loop;
    completion->deadline_ns = asyncp_deadline(loop, seconds);
    completion->watch.gives_ends = true;
    asyncp_watch_add_all(&completion->watch, tasks, count);
    return 0;
}

int async_completion_next(async_completion *public_completion)
{
    struct async_loop *loop = loop_enter("async_completion_next");
    struct completion *completion = completion_of(public_completion, "async_completion_next");
    struct watch *watch = &completion->watch;
    if (loop_running(loop)->refused)
        return asyncp_refused(loop);
    if (watch->taken == watch_tasks(watch))
        return -ENODATA;
    if (watch->first != NULL)
        return paced(loop, PACE_STEP, (int)asyncp_watch_take(watch));
    return asyncp_watch_park(loop, watch, "async_completion_next", completion->deadline_ns);
}

void async_completion_end(async_completion *public_completion)
{
    struct completion *completion = completion_of(public_completion, "async_completion_end");
    if (completion->loop == NULL)
        return;
    struct async_loop *before = release_begin(completion->loop, "async_completion_end",
                                              "the completion");
    asyncp_watch_close(completion->loop, &completion->watch);
    *completion = (struct completion){0};
    release_end(before);
}
