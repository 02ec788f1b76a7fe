/* sched/future.c: futures: records without a coroutine to run. */
#include "sched/future.h"

struct async_task *asyncp_task_promise(struct async_loop *loop, const char *name, const char *where)
{
    struct async_task *future = task_new_record(loop);
    if (future == NULL)
        return NULL;
    task_set_up_record(future, (struct coroutine *)(uintptr_t)&asyncp_future, name, where);
    loop->tasks.created++;
    loop->tasks.futures++;
    return future;
}

void asyncp_future_settle(struct async_task *future, int result)
{
    ASSERT(task_is_future(future));
    future->result = result;
    future->loop->tasks.futures--;
    task_conclude(future->loop, future);
}
