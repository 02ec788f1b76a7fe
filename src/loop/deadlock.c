/*
 * loop/deadlock.c: what a loop does when its tasks wait and nothing is left that could wake one.
 *
 * That is certain if the loop's address was never given to the program, because another thread
 * needs it to reach the loop; or if it was, but the process has no threads of its own. (A handler
 * of a signal may not call the loop.) In a certain deadlock the run's main task is cancelled, so
 * that the program ends in order. If its tasks wait for ever again after that, the process is
 * aborted, because nothing else could end it.
 *
 * SIGINT and SIGTERM, which a run handles itself, do not count: otherwise no program would ever be
 * in a deadlock.
 */
#include "loop/loop.h"
#include "loop/tracing.h"
#include "sys/report.h"
#include "sys/thread.h"
#include <stdlib.h>
#include <string.h>

/* How long the answer that other threads are there is kept. */
static const int64_t KEPT_NS = 1000000000;

void asyncp_deadlock_open(struct async_loop *loop, async_deadlock_action action)
{
    static const char *const names[] = {[ASYNC_DEADLOCK_CANCEL] = "cancel",
                                        [ASYNC_DEADLOCK_WAIT] = "wait",
                                        [ASYNC_DEADLOCK_ABORT] = "abort"};
    const char *wanted = secure_getenv("ASYNCIO_DEADLOCK");
    loop->deadlock = (struct deadlock){.action = action};
    if (action != ASYNC_DEADLOCK_DEFAULT)
        return;
    loop->deadlock.action = ASYNC_DEADLOCK_CANCEL;
    if (wanted == NULL || *wanted == 0)
        return;
    for (int i = ASYNC_DEADLOCK_CANCEL; i <= ASYNC_DEADLOCK_ABORT; i++)
        if (strcmp(wanted, names[i]) == 0) {
            loop->deadlock.action = (async_deadlock_action)i;
            return;
        }
    asyncp_report("ASYNCIO_DEADLOCK=%s: choose cancel, wait or abort", wanted);
}

/* A task in async_sleep without a timer sleeps for ever on purpose, until Ctrl-C. */
static bool sleeps_on_purpose(struct async_loop *loop)
{
    for (struct async_task *task = NULL; (task = asyncp_task_next(loop, task)) != NULL;)
        if (task->coroutine->wait != NULL &&
            strcmp(task->coroutine->wait->call, "async_sleep") == 0)
            return true;
    return false;
}

/*
 * Threads of the program can reach a loop that they know. A loop that they wake all the time sleeps
 * often, so an answer of the kernel that there are some is kept for a second. A thread that has
 * ended may be there for a moment, so the kernel is asked once more after a second in which nothing
 * has run.
 */
static bool is_reachable(struct async_loop *loop)
{
    struct deadlock *deadlock = &loop->deadlock;
    if (!deadlock->is_known_outside)
        return false;
    const int64_t now_ns = asyncp_sys_clock_now();
    if (loop_turns(loop) != deadlock->turns) {
        deadlock->turns = loop_turns(loop);
        deadlock->idle_ns = now_ns;
        deadlock->is_settled = false;
    }
    if (deadlock->is_shared && now_ns - deadlock->asked_ns < KEPT_NS)
        return true;
    deadlock->is_settled = now_ns - deadlock->idle_ns >= KEPT_NS;
    deadlock->asked_ns = now_ns;
    deadlock->is_shared = asyncp_sys_has_foreign_threads();
    return deadlock->is_shared;
}

int64_t asyncp_deadlock_until_next_look(const struct async_loop *loop)
{
    const struct deadlock *deadlock = &loop->deadlock;
    if (!deadlock->is_shared || deadlock->is_settled || loop_is_hosted(loop))
        return 0;
    const int64_t begin_ns = deadlock->asked_ns > deadlock->idle_ns ? deadlock->asked_ns
                                                                    : deadlock->idle_ns;
    return begin_ns + KEPT_NS - asyncp_sys_clock_now();
}

/*
 * There are no jobs: a thread that holds the loop has sent a result and is about to release it. It
 * may have a lower priority, and need the processor for that.
 */
static void await_release(const struct async_loop *loop)
{
    enum { MANY = 100, SHORT_NS = 50000 };
    for (int i = 0; loop_is_held(loop); i++)
        if (i < MANY)
            asyncp_sys_yield();
        else
            asyncp_sys_sleep(SHORT_NS);
}

enum deadlock_kind asyncp_deadlock_kind(struct async_loop *loop)
{
    if (loop_is_hosted(loop) || loop_alive(loop) == 0 || asyncp_catches_any(loop))
        return DEADLOCK_NONE;
    await_release(loop);
    bool is_certain = !is_reachable(loop);
    if (!is_certain && (!loop_is_debug(loop) || loop->deadlock.was_reported))
        return DEADLOCK_NONE;
    if (sleeps_on_purpose(loop))
        return DEADLOCK_NONE;
    return is_certain ? DEADLOCK_CERTAIN : DEADLOCK_LIKELY;
}

/* Whether the main task was cancelled. */
static bool cancel_main_task(struct async_loop *loop)
{
    if (loop->deadlock.has_cancelled || !asyncp_interrupt_request(loop, REASON_DEADLOCK))
        return false;
    loop->deadlock.has_cancelled = true;
    loop->deadlock.was_reported = false; /* a second one is another one */
    loop->deadlock.was_certain = false;
    return true;
}

static void break_deadlock(struct async_loop *loop)
{
    ENSURE(loop->deadlock.action == ASYNC_DEADLOCK_CANCEL,
           "the process is aborted because of the deadlock, as ASYNC_DEADLOCK_ABORT says");
    ENSURE(cancel_main_task(loop) && loop_has_ready(loop),
           "a request to cancel does not end the deadlock, and nothing else could ever end this "
           "process; a coroutine must return when a call returns -ECANCELED, tasks must not await "
           "each other in a circle, and async_no_cancel must not hold what may wait for ever");
}

/* Another thread may yet end one that is only likely, in a program without a fault. */
void asyncp_deadlock_report(struct async_loop *loop, enum deadlock_kind kind)
{
    if (loop_is_traced(loop) && kind != DEADLOCK_LIKELY)
        asyncp_tracer_sleeps(loop, SLEEP_FOREVER | SLEEP_DEADLOCK);
    loop_report_begins(loop);
    loop->hooks->report_deadlock(loop, kind);
    asyncp_flight_write(loop, TIMELINE_DEADLOCK);
    loop_report_ends(loop);
    loop->deadlock.was_reported = true;
    loop->deadlock.was_certain = kind == DEADLOCK_CERTAIN;
}

bool asyncp_deadlock_handle(struct async_loop *loop, enum deadlock_kind kind)
{
    const bool is_certain = kind == DEADLOCK_CERTAIN;
    if (!loop->deadlock.was_reported || (is_certain && !loop->deadlock.was_certain))
        asyncp_deadlock_report(loop, kind);
    bool is_broken = is_certain && loop->deadlock.action != ASYNC_DEADLOCK_WAIT;
    if (is_broken)
        break_deadlock(loop);
    return is_broken;
}

bool asyncp_deadlock_take(struct async_loop *loop)
{
    bool has_cancelled = loop->deadlock.has_cancelled;
    loop->deadlock.has_cancelled = false;
    return has_cancelled;
}
