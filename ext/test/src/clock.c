/*
 * clock.c: how time passes in a run. The loop asks clock_decide before it polls:
 *
 *      a task settles           it is woken when nothing else is ready; the clock does not jump
 *      the clock jumps          the loop's own rule, but streams in memory do not count as pending
 *      the clock stands         the loop waits for the kernel and threads only
 *      nothing can happen       a deadlock
 *
 * Invariant: a settler is in the run's list until its event is set or its wait has ended.
 */
#include "kit.h"

#include <time.h>
#include <unistd.h>

enum { NS_PER_SECOND = 1000000000 };

/* How long other threads are waited for; later ones wait anew. */
static const int64_t THREADS_WAIT_NS = 1000000000, FORGOTTEN_NS = 1500000000;

/* ---- deadlocks ------------------------------------------------------------------------------ */

static int64_t real_now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * NS_PER_SECOND + time.tv_nsec;
}

/* How long to wait because other threads of the program may wake a task; 0: not at all. */
static int64_t wait_for_threads(struct run *run)
{
    bool was_armed = calls_arm(false);
    bool has_others = asyncp_has_foreign_threads();
    calls_arm(was_armed);
    if (!has_others)
        return 0;
    int64_t now_ns = real_now_ns();
    if (run->threads_since_ns == 0 || now_ns - run->threads_since_ns > FORGOTTEN_NS)
        run->threads_since_ns = now_ns;
    int64_t left_ns = run->threads_since_ns + THREADS_WAIT_NS - now_ns;
    return left_ns > 0 ? left_ns : 0;
}

static void report_deadlock(const struct run *run, bool has_timers)
{
    const char *what = run->has_ended ? "after the test has ended, tasks that were cancelled"
                                      : "all tasks";
    if (has_timers)
        say("deadlock: the clock stands, and %s wait; async_test_advance fires their timers", what);
    else
        say("deadlock: %s wait, and nothing can wake them: no timer, no descriptor, no thread",
            what);
    asyncp_loop_report_deadlock(run->loop);
}

/*
 * Nothing can happen any more. The first time the test is cancelled, as by the loop's own rule for
 * deadlocks; a test that then waits again cannot be ended in another way than with its process.
 */
static int64_t end_deadlock(struct run *run, bool has_timers)
{
    int64_t wait_ns = wait_for_threads(run);
    if (wait_ns > 0)
        return wait_ns;
    run->deadlocks++;
    calls_arm(false);
    report_deadlock(run, has_timers);
    if (run->deadlocks == 1 && !run->has_ended && run->supervisor != NULL) {
        async_task_cancel_because(run->supervisor, "deadlock");
        return ASYNCP_IDLE_AS_USUAL;
    }
    say("deadlock: the tasks wait again although they were cancelled; the process ends");
    process_end(STATUS_FAILED);
}

/* ---- the decision --------------------------------------------------------------------------- */

/* In a sweep: cancels the coroutine at its stop. Returns whether it has. */
static bool count_stop(struct run *run)
{
    if (run->cancel_at == 0 || run->was_cancelled || run->subject == NULL ||
        async_task_done(run->subject))
        return false;
    if (++run->stops < run->cancel_at)
        return false;
    run->was_cancelled = true;
    say("at stop %ld:", run->stops);
    async_dump(report_fd());
    async_task_cancel(run->subject);
    return true;
}

/* The kernel is asked once after the last turn; on the real clock once in all. */
static int64_t settle_first(struct run *run, const struct asyncp_idle *idle, size_t operations)
{
    struct settler *settler = run->settlers;
    if (idle->jobs > 0)
        return -1;
    if (idle->operations > 0 && !settler->has_polled) {
        settler->has_polled = true;
        return 0;
    }
    settler->next_ns = idle->next_ns;
    settler->operations = operations;
    run->settlers = settler->next;
    async_event_set(&settler->settled);
    return ASYNCP_IDLE_AS_USUAL;
}

int64_t clock_decide(void *context, const struct asyncp_idle *idle)
{
    struct run *run = context;
    if (count_stop(run))
        return ASYNCP_IDLE_AS_USUAL;
    if (idle->next_ns == 0) {
        run->threads_since_ns = 0;
        if (run->settlers != NULL)
            run->settlers->has_polled = false;
        return ASYNCP_IDLE_AS_USUAL;
    }
    size_t operations = idle->operations - pipe_waits();
    bool is_pending = operations + idle->jobs > 0, has_timers = idle->next_ns > 0;
    bool stands = run->options.clock == ASYNC_TEST_STANDS && !run->has_ended;
    if (run->settlers != NULL)
        return settle_first(run, idle, operations);
    if (!is_pending && (stands || !has_timers))
        return end_deadlock(run, has_timers);
    if (stands)
        return -1;
    bool jumps = run->options.clock != ASYNC_TEST_REAL && !is_pending;
    return jumps ? ASYNCP_IDLE_JUMP : ASYNCP_IDLE_AS_USUAL;
}

/* ---- settling ------------------------------------------------------------------------------- */

static void forget_settler(struct run *run, const struct settler *settler)
{
    struct settler **place = &run->settlers;
    while (*place != NULL && *place != settler)
        place = &(*place)->next;
    if (*place != NULL)
        *place = settler->next;
}

static int settle(struct run *run, struct settler *settler)
{
    struct settler **end = &run->settlers;
    *settler = (struct settler){.next_ns = -1};
    while (*end != NULL)
        end = &(*end)->next;
    *end = settler;
    int result = async_event_wait(&settler->settled);
    forget_settler(run, settler);
    return result;
}

int async_test_settle(void)
{
    struct settler settler;
    struct run *run = run_of_loop();
    if (run == NULL)
        return async_fail(-EINVAL, "async_test_settle: this is not the loop of a test");
    ASYNC_TRY(settle(run, &settler));
    return (int)settler.operations;
}

/* Finds the run; its clock must be virtual. 0 or -EINVAL. */
static int find_virtual(struct run **run, const char *call)
{
    *run = run_of_loop();
    if (*run == NULL)
        return async_fail(-EINVAL, "%s: this is not the loop of a test", call);
    if ((*run)->options.clock == ASYNC_TEST_REAL)
        return async_fail(-EINVAL, "%s: the test has the real clock", call);
    return 0;
}

int async_test_advance(double seconds)
{
    struct settler settler;
    const double max_seconds = (double)(INT64_MAX / 2 / NS_PER_SECOND);
    struct run *run;
    ASYNC_TRY(find_virtual(&run, "async_test_advance"));
    if (!(seconds >= 0 && seconds <= max_seconds))
        return async_fail(-EINVAL, "async_test_advance: %g seconds", seconds);
    int64_t left_ns = (int64_t)(seconds * NS_PER_SECOND + 0.5);
    ASYNC_TRY(settle(run, &settler));
    while (settler.next_ns >= 0 && settler.next_ns <= left_ns) {
        asyncp_loop_advance(run->loop, settler.next_ns);
        left_ns -= settler.next_ns;
        ASYNC_TRY(settle(run, &settler));
    }
    asyncp_loop_advance(run->loop, left_ns);
    return settle(run, &settler);
}

double async_test_next(void)
{
    struct settler settler;
    struct run *run;
    int result = find_virtual(&run, "async_test_next");
    if (result == 0)
        result = settle(run, &settler);
    if (result < 0)
        return result;
    if (settler.next_ns < 0)
        return -ENOENT;
    asyncp_loop_advance(run->loop, settler.next_ns);
    double now = async_time();
    result = settle(run, &settler);
    return result < 0 ? result : now;
}
