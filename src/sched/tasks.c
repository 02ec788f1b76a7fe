/*
 * sched/tasks.c: the records and the stacks of a loop's tasks: opening, trimming and closing them.
 */
#include "sched/fork.h"
#include "sched/future.h"

enum { DEBUG_QUARANTINE = 4096 }; /* free records that debug mode keeps before it reuses one */
enum { MAX_IDLE_STACKS = 1024 };  /* more are given back to the kernel when the loop has time */
static const int64_t TRIM_INTERVAL_NS = 5000000000;

int asyncp_tasks_open(struct async_loop *loop, size_t stack_size)
{
    struct tasks *tasks = &loop->tasks;
    asyncp_pool_open(&tasks->records, sizeof(struct async_task), offsetof(struct async_task, free),
                     loop_is_debug(loop) ? DEBUG_QUARANTINE : 0, loop->memory);
    asyncp_stack_pool_open(&tasks->stacks, sizeof(struct coroutine),
                           offsetof(struct coroutine, stack), loop->memory);
    tasks->default_log = asyncp_stack_log(&tasks->stacks, stack_size);
    return tasks->default_log != 0 ? 0 : -EINVAL;
}

/*
 * Gives stacks that nobody uses back to the kernel, when there are many and the loop has time. Not
 * often: what comes in waves would have its stacks mapped and touched anew for each.
 */
void asyncp_trim_stacks(struct async_loop *loop)
{
    if (loop_time(loop) - loop->tasks.trimmed_ns < TRIM_INTERVAL_NS)
        return;
    loop->tasks.trimmed_ns = loop_time(loop);
    if (asyncp_stack_count(&loop->tasks.stacks).idle > MAX_IDLE_STACKS)
        asyncp_stack_trim(&loop->tasks.stacks);
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
    ASSERT(loop_is_inherited(loop) || asyncp_loop_stacks(loop).in_use == 0);
    asyncp_stack_pool_close(&loop->tasks.stacks);
}

struct stack_census asyncp_loop_stacks(const struct async_loop *loop)
{
    return asyncp_stack_count(&loop->tasks.stacks);
}

size_t asyncp_default_stack_size(const struct async_loop *loop)
{
    return (size_t)1 << loop->tasks.default_log;
}

size_t asyncp_guard_size(const struct async_loop *loop)
{
    return loop->tasks.stacks.guard_size;
}

uint64_t asyncp_last_id(const struct async_loop *loop)
{
    return loop->tasks.created;
}
