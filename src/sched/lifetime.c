/*
 * sched/lifetime.c: checks of debug mode: dangling pointers and closed descriptors. Memory
 * on a task's stack below its stack pointer, or on a stack without a task, belongs to functions
 * that have returned. So does an object of the program below the program's own frames: the call of
 * the library in which the task waits has taken the place of a function that was called before. If
 * a task waits for something there, or begins with a pointer there, it is named before the memory
 * is overwritten. Only stacks of tasks are known: not the thread's own stack, and not the heap.
 */
#include "sched/lifetime.h"
#include "sched/program_frames.h"
#include "sched/sched.h"
#include "show/own_places.h"
#include "sys/file.h"
#include "sys/report.h"

/* After each turn at most so many tasks are checked, and so many records are looked at. */
enum { MAX_CHECKS = 8, MAX_RECORDS = 64 };

/* The coroutine with the address in its stack, which may be free; or NULL. */
static const struct coroutine *owner_of(const struct async_loop *loop, const void *address)
{
    const struct stack *stack = asyncp_stack_at(&loop->tasks.stacks, address);
    const struct coroutine *owner = stack == NULL
                                        ? NULL
                                        : CONTAINER_OF(stack, const struct coroutine, stack);
    return (const char *)address < (const char *)owner ? owner : NULL;
}

/* Whether the address is in the frame of a returned function. */
static bool is_dangling(const struct async_loop *loop, const void *address)
{
    const struct coroutine *owner = owner_of(loop, address);
    if (owner == NULL)
        return false;
    if (owner->task == NULL || owner->task->coroutine != owner)
        return true; /* the stack is free */
    const char *lowest = owner == loop_running(loop) ? __builtin_frame_address(0)
                                                     : owner->context.sp;
    return (const char *)address < lowest;
}

/*
 * The same for an object of the program, which is in none of the library's frames. Arguments of a
 * task that has not begun yet are above its frames.
 */
static bool is_object_dangling(struct async_loop *loop, const void *address)
{
    const struct coroutine *owner = owner_of(loop, address);
    if (owner == NULL)
        return false;
    if (is_dangling(loop, address))
        return true;
    return owner != loop_running(loop) && (const char *)address < (const char *)owner->arguments &&
           (const char *)address < asyncp_program_frames(loop, owner);
}

/* The neighbours in a list are its head, or lie in frames of waiting tasks, which exist. */
static void check_wait_lists(const struct async_loop *loop, const struct wait *wait)
{
    for (const struct waiter *waiter = wait->waiters; waiter != NULL; waiter = waiter->sibling)
        if (is_dangling(loop, waiter->link.previous) || is_dangling(loop, waiter->link.next))
            asyncp_memory_gone(wait);
}

/* A task may wait for a struct in the frame of its own call. */
static void check_wait_object(struct async_loop *loop, const struct wait *wait)
{
    if (owner_of(loop, wait->object) != wait->coroutine && is_object_dangling(loop, wait->object))
        asyncp_memory_gone(wait);
}

/* The inodes of files that are ready at once may change, and are of no use here. */
void asyncp_note_file(struct file_wait *wait)
{
    struct stat status;
    const int fd = wait_descriptor(&wait->wait);
    if (fd == 0 || asyncp_sys_fd_status(fd, &status) < 0 ||
        !(S_ISSOCK(status.st_mode) || S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)))
        return;
    wait->wait.knows_file = true;
    wait->device = (uint64_t)status.st_dev;
    wait->inode = (uint64_t)status.st_ino;
}

/* Whether the descriptor was closed, and its number given to another file. */
static bool has_another_file(const struct wait *wait, int fd)
{
    struct stat status;
    if (!wait->knows_file || asyncp_sys_fd_status(fd, &status) < 0)
        return false;
    const struct file_wait *known = CONTAINER_OF(wait, const struct file_wait, wait);
    return known->device != (uint64_t)status.st_dev || known->inode != (uint64_t)status.st_ino;
}

/* A descriptor closed with close(2) never reports an event, so the wait is ended here. */
static void check_wait_descriptor(struct wait *wait)
{
    const int fd = wait_descriptor(wait);
    if (fd == 0 || wait->cancel == NULL)
        return;
    const char *change = !asyncp_sys_is_open(fd)      ? "is not open any more"
                         : has_another_file(wait, fd) ? "was closed, and has another file by now"
                                                      : NULL;
    if (change == NULL)
        return;
    asyncp_report("%s waits in %s for descriptor %d, which %s, and gets -EBADF; "
                  "close it with async_close, which wakes its waiters",
                  asyncp_label(wait->coroutine->task).text, wait->call, fd, change);
    wait->object = WAIT_CLOSED;
    wait->cancel(wait);
}

static void check_wait(struct async_loop *loop, struct wait *wait)
{
    if (wait == NULL || wait->claimed)
        return;
    check_wait_lists(loop, wait);
    check_wait_object(loop, wait);
    check_wait_descriptor(wait);
}

/* The record may be that of an ended task: each kept handle keeps one. */
static struct async_task *next_record(struct async_loop *loop)
{
    loop->debug.checked = asyncp_pool_next(&loop->tasks.records, loop->debug.checked);
    return loop->debug.checked;
}

void asyncp_check_waits(struct async_loop *loop)
{
    struct async_task *task = NULL;
    int checks = 0;
    for (int i = 0; i < MAX_RECORDS && checks < MAX_CHECKS; i++) {
        if ((task = next_record(loop)) == NULL)
            return;
        if (task_done(task) || task_is_future(task))
            continue;
        check_wait(loop, task->coroutine->wait);
        checks++;
    }
}

/* Tasks that calls of the library make have pointers into its frames. */
static bool is_argument_dangling(struct async_loop *loop, const void *called, const void *pointer)
{
    return is_dangling(loop, pointer) ||
           (is_object_dangling(loop, pointer) && !asyncp_is_library_code((uintptr_t)called));
}

void asyncp_check_arguments(struct async_loop *loop, const struct coroutine *self,
                            const void *called)
{
    const struct asyncp_function *function = self->function;
    for (size_t at = 0; at + sizeof(void *) <= function->size; at += sizeof(void *)) {
        const void *pointer;
        memcpy(&pointer, (const char *)self->arguments + at, sizeof pointer);
        tools_mark_defined(&pointer, sizeof pointer); /* it may be padding */
        if (function->alignment < _Alignof(void *) || !is_argument_dangling(loop, called, pointer))
            continue;
        asyncp_report(
            "%s begins with an argument that points to a variable of a function that has returned; "
            "what a task points to must outlive it: await the task in that function, or pass a "
            "copy",
            asyncp_label(self->task).text);
        return;
    }
}
