/*
 * sched/future.c: futures, which are records that run nothing, and the end of all records.
 */
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

/*
 * The words of a task that the parent has, and reports; its coroutine's too, which never ends here.
 */
static void forget_inherited_task(struct async_loop *loop, struct async_task *task)
{
    struct coroutine *coroutine = task->coroutine;
    if (coroutine != NULL && !task_is_future(task)) {
        asyncp_sentence_free(&loop->memory, coroutine->sentence);
        asyncp_sentence_free(&loop->memory, sentence_handed_on(coroutine->reason));
    }
    task->seen = true;
    asyncp_task_free_words(task);
}

void asyncp_tasks_close(struct async_loop *loop)
{
    for (struct async_task *task = NULL;
         (task = asyncp_pool_next(&loop->tasks.records, task)) != NULL;) {
        if (loop_is_inherited(loop))
            forget_inherited_task(loop, task);
        if (loop_is_inherited(loop) || task->references == 0)
            continue;
        if (task_is_future(task))
            asyncp_future_settle(task, -ECANCELED); /* which nobody waits for */
        ASSERT(task_done(task));
        if (loop_is_debug(loop) && !task->seen && task->result >= 0)
            asyncp_report("%s was never awaited, gathered or detached", asyncp_label(task).text);
        task->references = task->reserved = 0;
        task_release(task);
    }
    asyncp_pool_close(&loop->tasks.records);
}
