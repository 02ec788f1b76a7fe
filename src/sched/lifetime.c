/*
 * sched/lifetime.c: in debug mode, whether what tasks wait for, and what they begin with, still
 * exists: memory on the stack of a task below its stack pointer, or on a stack that no task has,
 * belongs to functions that have returned. It is named here before it is written over. Knows only
 * stacks of tasks: of the thread's own, and of the heap, it says nothing. Also whether descriptors
 * that tasks wait for are open, and whether anything is left that could wake a task.
 */
#include "sched/lifetime.h"
#include "sched/sched.h"
#include <unistd.h>

enum {
    WAITS_AT_ONCE = 8
}; /* tasks that are looked at at each stop: a thousand tasks are to stay usable */

/* Whether a function has returned whose frame that was. */
static bool is_left(const struct async_loop *loop, const void *address)
{
    const struct stack *stack = asyncp_stack_at(&loop->tasks.stacks, address);
    if (stack == NULL)
        return false;
    const struct coroutine *owner = CONTAINER_OF(stack, const struct coroutine, stack);
    const char *pointer = address;
    if (pointer >= (const char *)owner)
        return false;
    if (owner->task == NULL || owner->task->coroutine != owner)
        return true; /* no task has the stack */
    const char *lowest = owner == loop_running(loop) ? __builtin_frame_address(0)
                                                     : owner->context.sp;
    return pointer < lowest;
}

/*
 * Its neighbours are the head of the list, or lie in the frames of other tasks that wait, which
 * exist.
 */
static void check_wait(const struct async_loop *loop, const struct wait *wait)
{
    for (const struct waiter *waiter = wait->waiters; waiter != NULL; waiter = waiter->sibling)
        if (is_left(loop, waiter->link.previous) || is_left(loop, waiter->link.next))
            asyncp_memory_gone(wait);
}

/* A descriptor that close() took away under the task: nothing would ever be heard of it. */
static void check_descriptor(struct wait *wait)
{
    int fd = wait_descriptor(wait);
    if (fd == 0 || wait->refuse == NULL || asyncp_sys_is_open(fd))
        return;
    asyncp_report("%s waits in %s for descriptor %d, which is not open any more, and gets -EBADF; "
                  "close it with async_close, which tells those that wait",
                  asyncp_label(wait->coroutine->task).text, wait->call, fd);
    wait->object = WAIT_CLOSED;
    wait->refuse(wait);
}

void asyncp_check_waits(struct async_loop *loop)
{
    for (int i = 0; i < WAITS_AT_ONCE; i++) {
        loop->debug.checked = asyncp_task_next(loop, loop->debug.checked);
        if (loop->debug.checked == NULL)
            return;
        struct wait *wait = loop->debug.checked->coroutine->wait;
        if (wait == NULL || wait->claimed)
            continue;
        check_wait(loop, wait);
        check_descriptor(wait);
    }
}

void asyncp_check_arguments(const struct async_loop *loop, const struct coroutine *self)
{
    const struct asyncp_function *function = self->function;
    for (size_t at = 0; at + sizeof(void *) <= function->size; at += sizeof(void *)) {
        const void *pointer;
        memcpy(&pointer, (const char *)self->arguments + at, sizeof pointer);
        tools_written(&pointer,
                      sizeof pointer); /* it may be padding, or what the program did not set */
        if (function->alignment < _Alignof(void *) || !is_left(loop, pointer))
            continue;
        asyncp_report(
            "%s begins with an argument that points to a variable of a function that has returned; "
            "what a "
            "task points to must outlive it: await the task in that function, or pass a copy",
            asyncp_label(self->task).text);
        return;
    }
}

/*
 * A task that sleeps for ever was told to, until Ctrl-C say. The host of a foreign loop may wake
 * one.
 */
bool asyncp_stands_still(struct async_loop *loop)
{
    if (loop_is_hosted(loop) || loop_alive(loop) == 0)
        return false;
    for (struct async_task *task = NULL; (task = asyncp_task_next(loop, task)) != NULL;)
        if (task->coroutine->wait != NULL &&
            strcmp(task->coroutine->wait->call, "async_sleep") == 0)
            return false;
    return true;
}

void asyncp_tell_standstill(const struct async_loop *loop)
{
    asyncp_report(
        "nothing is left that could wake a task of this loop, unless another thread or a signal "
        "does; this is what they wait for:");
    loop->hooks->dump(STDERR_FILENO);
}
