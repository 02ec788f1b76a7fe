/*
 * top/dump.c: async_dump: the state of every task, on request, from a debugger, and when a test
 * exceeds its time. It only reads the state of the loop, and needs no memory.
 */
#include "sched/sched.h"
#include "sync/lock.h"
#include "sync/queue.h"
#include "sys/report.h"

static const char *task_state(const struct async_loop *loop, const struct coroutine *coroutine)
{
    if (coroutine == loop_running(loop))
        return "runs";
    if (coroutine->throttled)
        return "has not started, because its group has reached its limit";
    const struct wait *wait = coroutine->wait;
    return wait == NULL || wait->claimed ? "is ready" : "waits in ";
}

/* The owner of the lock the task waits for, if it waits for a lock. */
static void print_lock_owner(const struct wait *wait, int fd)
{
    const struct lock *lock = asyncp_lock_waited_for(wait);
    if (lock != NULL && lock->owner == LOCK_NO_TASK)
        asyncp_print(fd, ", held by no task");
    else if (lock != NULL)
        asyncp_print(fd, ", held by task #%llu", (unsigned long long)lock->owner);
}

/* The number of items keeping async_queue_join waiting, if the task is in it. */
static void print_unreported(const struct wait *wait, int fd)
{
    size_t count = asyncp_queue_unreported(wait);
    if (count > 0)
        asyncp_print(fd, ", %zu items were taken but not reported with async_queue_task_done",
                     count);
}

static void print_task(const struct async_loop *loop, const struct async_task *task, int fd)
{
    const struct coroutine *coroutine = task->coroutine;
    const struct wait *wait = coroutine->wait;
    const char *state = task_state(loop, coroutine);
    asyncp_print(fd, "  #%-4llu %-20s %s", (unsigned long long)task->id,
                 asyncp_shown_name(task).text, state);
    if (wait != NULL && !wait->claimed && coroutine != loop_running(loop)) {
        double waited = (double)(asyncp_now(loop) - wait->since_ns) / 1e9;
        asyncp_print(fd, "%s", wait->call);
        if (wait->object != NULL)
            asyncp_print(fd, " on %#zx", (size_t)(uintptr_t)wait->object);
        print_lock_owner(wait, fd);
        asyncp_print(fd, " for %.3f s", waited > 0 ? waited : 0);
        print_unreported(wait, fd);
    }
    if (coroutine->requests > 0)
        asyncp_print(fd, ", cancel requests: %u", coroutine->requests);
    if (coroutine->cancel_pending && coroutine->reason != NULL)
        asyncp_print(fd, ", reason: %s", coroutine->reason->text);
    if (wait != NULL && !wait->claimed && wait->cancel == NULL)
        asyncp_print(fd, ", cannot be cancelled here");
    asyncp_print(fd, ", created at %s\n", task->where);
}

void async_dump(int fd)
{
    struct async_loop *loop = asyncp_current;
    if (loop == NULL) {
        asyncp_print(fd, "asyncio: this thread has no loop\n");
        return;
    }
    asyncp_print(fd,
                 "asyncio: tasks: %zu, ready: %zu, timers: %u, operations in flight: %zu (%s)\n",
                 loop_alive(loop), loop_ready_count(loop), asyncp_timer_count(loop),
                 loop->poller.in_flight, loop->poller.calls->name);
    for (struct async_task *task = NULL; (task = asyncp_task_next(loop, task)) != NULL;)
        print_task(loop, task, fd);
}
