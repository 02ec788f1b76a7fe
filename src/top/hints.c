/*
 * top/hints.c: the loop runs no task, so the objects of the waits do not change. That an item is
 * never put is certain only because nothing runs any more. A task that would put it may be there,
 * and wait itself.
 */
#include "top/hints.h"
#include "sched/ended.h"
#include "sched/sched.h"
#include "sync/lock.h"
#include "sync/queue.h"
#include "sys/report.h"
#include <asyncio/sync.h>
#include <stdio.h>
#include <string.h>

enum { MAX_LINE = 768, MAX_HINTS = 5 };

/* The wait of a task that waits; NULL: it does not. */
static const struct wait *wait_of(const struct async_task *task)
{
    const struct wait *wait = task->coroutine->wait;
    return wait != NULL && !wait->claimed ? wait : NULL;
}

/* NULL if the owner has not ended: a cycle has a hint of its own. */
static const char *hint_about_lock(struct async_loop *loop, const struct lock *lock,
                                   char line[MAX_LINE])
{
    if (lock->owner == LOCK_NO_TASK)
        return "a lock is held, but by no task: it was acquired by a callback, or outside of the "
               "loop, and never released";
    if (asyncp_task_find(loop, lock->owner) != NULL)
        return NULL;
    const struct ended_task *ended = asyncp_ended_find(loop, lock->owner);
    snprintf(line, MAX_LINE,
             "task #%llu%s%s%s has ended and has not released its lock; release it on every path, "
             "or use ASYNC_WITH",
             (unsigned long long)lock->owner, ended != NULL ? " '" : "",
             ended != NULL ? ended->name : "", ended != NULL ? "'" : "");
    return line;
}

static const char *hint_about_join(const struct wait *wait, char line[MAX_LINE])
{
    size_t count = asyncp_queue_unreported(wait);
    if (count == 0)
        return "items of the queue are left, and no task that could go on takes them; its "
               "consumers have ended, or wait themselves";
    snprintf(line, MAX_LINE,
             "%zu item%s taken but not reported; call async_queue_task_done after each item", count,
             count == 1 ? " was" : "s were");
    return line;
}

static const char *hint_about_barrier(const async_barrier *barrier, char line[MAX_LINE])
{
    snprintf(line, MAX_LINE,
             "a barrier waits for %d tasks, and %d are there; create it for as many as call "
             "async_barrier_wait",
             barrier->parties, async_barrier_n_waiting(barrier));
    return line;
}

/* Hints that need nothing but the call. */
static const char *hint_about_call(const char *call)
{
    static const char *const hints[][2] = {
        {"async_queue_get", "no task that could go on puts items; after the last item call "
                            "async_queue_shutdown, so that consumers end"},
        {"async_queue_put", "no task that could go on takes items of the full queue; its consumers "
                            "have ended, or wait themselves"},
        {"async_event_wait", "no task that could go on calls async_event_set"},
        {"async_condition_wait", "no task that could go on notifies the condition"},
        {"async_semaphore_acquire",
         "no task that could go on releases a permit; release one on every "
         "path, or use ASYNC_WITH"}};
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
        if (strcmp(call, hints[i][0]) == 0)
            return hints[i][1];
    return NULL;
}

/* NULL: none. The text is in `line`, or a constant. */
static const char *hint_about(struct async_loop *loop, const struct async_task *task,
                              char line[MAX_LINE])
{
    const struct wait *wait = wait_of(task);
    if (wait == NULL)
        return NULL;
    const struct lock *lock = asyncp_lock_waited_for(wait);
    if (lock != NULL)
        return hint_about_lock(loop, lock, line);
    if (strcmp(wait->call, "async_queue_join") == 0)
        return hint_about_join(wait, line);
    if (strcmp(wait->call, "async_barrier_wait") == 0)
        return hint_about_barrier(wait->object, line);
    return hint_about_call(wait->call);
}

struct hints {
    int fd, count;
    const void *object; /* of the wait that was looked at last: a crowd waits for the same one */
    char written[MAX_HINTS][MAX_LINE];
};

/* Each text once. */
static void write_hint(struct hints *hints, const char *hint)
{
    if (hint == NULL || hints->count == MAX_HINTS)
        return;
    for (int i = 0; i < hints->count; i++)
        if (strcmp(hints->written[i], hint) == 0)
            return;
    snprintf(hints->written[hints->count++], MAX_LINE, "%s", hint);
    asyncp_print(hints->fd, "  hint: %s\n", hint);
}

/* Whether they differ in nothing but their id and the message of their error. */
static bool are_alike(const struct ended_task *ended, const struct ended_task *other)
{
    return ended->where == other->where && strcmp(ended->name, other->name) == 0 &&
           (ended->result < 0 ? ended->result : 0) == (other->result < 0 ? other->result : 0);
}

/*
 * Counts the tasks like this one that knew the object. 0: a later task is like it, and the hint
 * about that one counts both.
 */
static size_t count_alike(const struct async_loop *loop, const void *object,
                          const struct ended_task *ended)
{
    size_t count = 0;
    bool is_before = false;
    for (const struct ended_task *other = NULL;
         (other = asyncp_ended_knowing(loop, object, other)) != NULL;) {
        is_before |= other == ended;
        if (!is_before && are_alike(ended, other))
            return 0;
        count += are_alike(ended, other);
    }
    return count;
}

static void write_hint_about_ended(struct hints *hints, const struct ended_task *ended,
                                   const void *object, size_t count)
{
    char line[MAX_LINE], others[32] = "";
    if (count > 1)
        snprintf(others, sizeof others, " and %zu more", count - 1);
    snprintf(line, sizeof line, "task #%llu%s '%s' (created at %s) knew %p, and %s ended: %s",
             (unsigned long long)ended->id, others, ended->name, ended->where, object,
             count > 1 ? "have" : "has", ended->result < 0 ? ended->error : "no error");
    write_hint(hints, line);
}

/*
 * Of debug mode: tasks that might have woken the one that waits, the last of each kind. Those
 * without an error are named only if none has failed. Returns how many kinds there are.
 */
static size_t write_hints_about_ended(struct hints *hints, const struct async_loop *loop,
                                      const void *object, bool have_failed)
{
    size_t kinds = 0;
    for (const struct ended_task *ended = NULL;
         (ended = asyncp_ended_knowing(loop, object, ended)) != NULL;) {
        size_t count = (ended->result < 0) == have_failed ? count_alike(loop, object, ended) : 0;
        if (count > 0)
            write_hint_about_ended(hints, ended, object, count);
        kinds += count > 0;
    }
    return kinds;
}

static void write_hints_about(struct hints *hints, struct async_loop *loop,
                              const struct async_task *task)
{
    char line[MAX_LINE];
    const struct wait *wait = wait_of(task);
    write_hint(hints, hint_about(loop, task, line));
    if (wait == NULL || wait->object == NULL || wait->object == hints->object)
        return;
    hints->object = wait->object;
    if (write_hints_about_ended(hints, loop, wait->object, true) == 0)
        write_hints_about_ended(hints, loop, wait->object, false);
}

/* Whether a hint names the task already. */
static bool is_named(const struct hints *hints, const struct async_task *task)
{
    char name[32];
    int length = snprintf(name, sizeof name, "task #%llu ", (unsigned long long)task->id);
    for (int i = 0; i < hints->count; i++)
        if (strncmp(hints->written[i], name, (size_t)length) == 0)
            return true;
    return false;
}

/* Of failed tasks, while the program still has their handles: their work may be missing. */
static void write_hints_about_failures(struct hints *hints, struct async_loop *loop)
{
    char line[MAX_LINE], meaning[MAX_ERROR_MESSAGE_BYTES + 32];
    for (struct async_task *task = NULL;
         hints->count < MAX_HINTS && (task = asyncp_task_next_failed(loop, task)) != NULL;) {
        if (is_named(hints, task))
            continue;
        asyncp_error_describe(meaning, sizeof meaning, task->result, task->message);
        snprintf(line, sizeof line, "%s has failed, and no task has awaited it yet: %s",
                 asyncp_label(task).text, meaning);
        write_hint(hints, line);
    }
}

/* Of tasks that might wake others, but do not run before another one of their group has ended. */
static void write_hint_about_limits(struct hints *hints, struct async_loop *loop)
{
    char line[MAX_LINE];
    size_t count = 0;
    for (struct async_task *task = NULL; (task = asyncp_task_next(loop, task)) != NULL;)
        count += task->coroutine->throttled;
    snprintf(line, MAX_LINE,
             "%zu task%s not started, because %s group has reached its limit; tasks that wait for "
             "each other need a larger limit",
             count, count == 1 ? " has" : "s have", count == 1 ? "its" : "their");
    write_hint(hints, count > 0 ? line : NULL);
}

void asyncp_write_hints(int fd, struct async_loop *loop)
{
    struct hints hints = {.fd = fd};
    write_hint_about_limits(&hints, loop);
    if (asyncp_is_future_awaited(loop))
        write_hint(&hints, "no task that could go on sets the future's result");
    for (struct async_task *task = NULL;
         hints.count < MAX_HINTS && (task = asyncp_task_next(loop, task)) != NULL;)
        write_hints_about(&hints, loop, task);
    write_hints_about_failures(&hints, loop);
}
