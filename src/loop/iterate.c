/*
 * loop/iterate.c: one iteration: poll, fire the timers, run the ready tasks and callbacks.
 *
 * How the loop waits is decided in poll_and_expire(), from top to bottom:
 *
 *   how long   choose_timeout()     not at all while something is ready; else until the first
 *                                   timer, which may be coalesced with others; at most as long as
 *                                   the caller allows
 *   on what    can_wait_on_futex()  the attention word, while no operation is pending in the
 *                                   poller; else the poller
 *   virtual    advance_virtual_clock()
 *                                   real time passes only for pending operations and jobs; then
 *                                   the clock jumps to the first timer
 *
 * How long tasks run between two polls is decided in sched/burst.c, and for a task that does not
 * stop in sched/pace.h.
 */
#include "loop/loop.h"
#include "loop/tracing.h"
#include "sched/lifetime.h"
#include "sched/pace.h"
#include "sys/clock.h"
#include "sys/probe.h"
#include "sys/report.h"
#include "sys/spin.h"
#include "sys/thread.h"
#include <stdio.h>

/* As CPython: clocks and kernels differ in their treatment of longer ones. */
static const int64_t MAX_WAIT_NS = 24ll * 3600 * 1000000000;
static const int64_t LIKELY_AFTER_NS = 1000000000; /* before a likely deadlock is reported */
enum { COALESCE_COUNT = 16, COALESCE_NS = 250000 };

/* ---- pending events -------------------------------------------------------------------------- */

static void take_attention(struct async_loop *loop)
{
    uint32_t reasons = atomic_fetch_and(&loop->sched.attention, ATTENTION_WATCHED);
    if ((reasons & ATTENTION_INBOX) != 0)
        asyncp_mailbox_take(loop);
    if ((reasons & ATTENTION_SIGNAL) != 0)
        asyncp_catches_deliver(loop);
}

/* Whether something is ready to run. */
static bool has_next(const struct async_loop *loop)
{
    return loop->sched.ready.first != NULL || !list_empty(&loop->closing.deferred);
}

/* Whether something is ready or was sent, without asking the kernel or the clock. */
static bool has_work(const struct async_loop *loop)
{
    const uint32_t sent = ATTENTION_INBOX | ATTENTION_SIGNAL;
    return has_next(loop) || (atomic_load(&loop->sched.attention) & sent) != 0;
}

/* Pending operations and jobs: they will end without the help of a task. */
static size_t count_pending(const struct async_loop *loop)
{
    return loop->poller.in_flight + loop->activity.jobs;
}

/* ---- waiting --------------------------------------------------------------------------------- */

/* The time from now_ns until the first timer; negative: none is set. */
static int64_t until_timer_ns(const struct async_loop *loop, int64_t now_ns)
{
    int64_t next_ns = heap_min_key(&loop->clock.timers);
    if (next_ns == TIME_NEVER)
        return -1;
    return next_ns > now_ns ? next_ns - now_ns : 0;
}

int64_t asyncp_idle_ns(const struct async_loop *loop)
{
    return has_next(loop) ? 0 : until_timer_ns(loop, asyncp_now(loop));
}

/*
 * How long to wait; 0: not at all, negative: until an event. Timer coalescing: if at least 16
 * timers are due within 250 µs, the loop sleeps for 250 µs and fires them together, because a
 * wake-up costs more than the woken task. A timer may be late by 250 µs.
 */
static int64_t choose_timeout(const struct async_loop *loop, int64_t max_ns, int64_t now_ns)
{
    int64_t timeout_ns = until_timer_ns(loop, now_ns);
    if (timeout_ns > 0 && timeout_ns < COALESCE_NS && !loop->clock.is_virtual &&
        asyncp_heap_count_up_to(&loop->clock.timers, now_ns + COALESCE_NS, COALESCE_COUNT) ==
            COALESCE_COUNT)
        timeout_ns = COALESCE_NS;
    if (max_ns >= 0 && (timeout_ns < 0 || timeout_ns > max_ns))
        timeout_ns = max_ns;
    return timeout_ns;
}

/*
 * A futex wait on the attention word is cheaper than a wait in the poller, for the loop and for the
 * waking thread. Not in a hosted loop: only the poller notices that its descriptor is gone.
 */
static bool can_wait_on_futex(const struct async_loop *loop, int64_t timeout_ns)
{
    return timeout_ns != 0 && loop->poller.in_flight == 0 && !loop->sched.hosted &&
           !loop->activity.futex_denied;
}

static void wait_on_futex(struct async_loop *loop, int64_t timeout_ns)
{
    const uint32_t asleep = ATTENTION_SLEEPING | ATTENTION_FUTEX;
    if (loop->activity.jobs > 0 &&
        spin_is_worthwhile(&loop->activity.spin, &loop->activity.worker_seen))
        asyncp_spin(&loop->activity.spin, &loop->sched.attention,
                    ATTENTION_INBOX | ATTENTION_SIGNAL);
    uint32_t reasons = atomic_fetch_or(&loop->sched.attention, asleep);
    if ((reasons & (ATTENTION_INBOX | ATTENTION_SIGNAL)) == 0 &&
        !asyncp_sys_futex_wait(&loop->sched.attention, reasons | asleep, timeout_ns)) {
        loop->activity.futex_denied = true;
        loop_clear_attention(loop, ATTENTION_FUTEX); /* it waits in the poller from now on */
    }
}

static void wait_in_poller(struct async_loop *loop, int64_t timeout_ns)
{
    uint32_t reasons = atomic_fetch_or(&loop->sched.attention, ATTENTION_SLEEPING);
    ASSERT((reasons & ATTENTION_FUTEX) == 0);
    if ((reasons & (ATTENTION_INBOX | ATTENTION_SIGNAL)) != 0)
        timeout_ns = 0;
    int result = asyncp_poller_wait(&loop->poller, timeout_ns);
    ENSURE(result != -EBADF,
           "the loop's own descriptor is gone (%s): the program has closed it, or closed one "
           "descriptor twice",
           asyncp_error_meaning(result));
    ENSURE(result == 0,
           "the loop cannot wait any more: %s failed (%s); a filter of system calls forbids it, or "
           "the program has closed the loop's own descriptor and another one has its number",
           loop->poller.calls->wait_call, asyncp_error_meaning(result));
}

/* Waits for events, at most timeout_ns (negative: without limit). */
static void wait_for_events(struct async_loop *loop, int64_t timeout_ns)
{
    if (timeout_ns > MAX_WAIT_NS)
        timeout_ns = MAX_WAIT_NS;
    if (can_wait_on_futex(loop, timeout_ns))
        wait_on_futex(loop, timeout_ns);
    else
        wait_in_poller(loop, timeout_ns);
}

/* Its answer is AS_USUAL, too, if it has made something ready. */
static int64_t ask_idle_hook(struct async_loop *loop, int64_t *timeout_ns)
{
    const struct asyncp_idle idle = {
        .next_ns = *timeout_ns, .operations = loop->poller.in_flight, .jobs = loop->activity.jobs};
    loop->idle.asked++;
    int64_t answer = loop->idle.function(loop->idle.context, &idle);
    if (*timeout_ns == 0 || !has_work(loop))
        return answer;
    *timeout_ns = 0;
    return ASYNCP_IDLE_AS_USUAL;
}

/* Lets the hook decide; returns whether it has. timeout_ns: as for advance_virtual_clock. */
static bool wait_by_hook(struct async_loop *loop, int64_t *timeout_ns)
{
    int64_t answer = ask_idle_hook(loop, timeout_ns);
    if (answer == ASYNCP_IDLE_AS_USUAL)
        return false;
    int64_t wait_ns = answer == ASYNCP_IDLE_JUMP ? 0 : answer;
    if (wait_ns != 0 || count_pending(loop) > 0)
        wait_for_events(loop, wait_ns);
    if (answer == ASYNCP_IDLE_JUMP && *timeout_ns > 0 && !has_work(loop))
        loop->clock.now_ns += *timeout_ns;
    return true;
}

/*
 * Pending operations and jobs are given as much real time as virtual time is about to pass. If
 * nothing becomes ready meanwhile, the clock advances by timeout_ns.
 */
static void advance_virtual_clock(struct async_loop *loop, int64_t timeout_ns)
{
    if (unlikely(loop->idle.function != NULL) && wait_by_hook(loop, &timeout_ns))
        return;
    int64_t until_ns = asyncp_sys_clock_now() + timeout_ns, left_ns = timeout_ns;
    bool nothing;
    do {
        if (timeout_ns < 0 || count_pending(loop) > 0)
            wait_for_events(loop, left_ns);
        nothing = !has_work(loop);
        left_ns = count_pending(loop) > 0 ? until_ns - asyncp_sys_clock_now() : 0;
    } while (nothing && timeout_ns > 0 && left_ns > 0); /* the kernel may end a wait too early */
    if (nothing && timeout_ns > 0)
        loop->clock.now_ns += timeout_ns;
}

/* Until there is work, or so much time has passed. A signal may end a wait too early. */
static void wait_for_real_time(struct async_loop *loop, int64_t duration_ns)
{
    const int64_t until_ns = asyncp_sys_clock_now() + duration_ns;
    for (int64_t left_ns = duration_ns; !has_work(loop) && left_ns > 0;
         left_ns = until_ns - asyncp_sys_clock_now())
        wait_for_events(loop, left_ns);
}

/*
 * Tasks wait, and no timer, operation or job is pending. Another thread may still wake one, if that
 * is possible, and is given a moment. Whether something is ready by now.
 */
static bool handle_deadlock(struct async_loop *loop)
{
    enum deadlock_kind kind = asyncp_deadlock_kind(loop);
    const int64_t moment_ns = kind == DEADLOCK_LIKELY ? LIKELY_AFTER_NS
                              : kind == DEADLOCK_NONE ? asyncp_deadlock_until_next_look(loop)
                                                      : 0;
    if (moment_ns > 0) {
        wait_for_real_time(loop, moment_ns);
        kind = has_work(loop) ? DEADLOCK_NONE : asyncp_deadlock_kind(loop);
    }
    return has_work(loop) || (kind != DEADLOCK_NONE && asyncp_deadlock_handle(loop, kind));
}

/* For the trace of the loop. is_idle: nothing is pending. */
static void note_sleep(struct async_loop *loop, bool is_idle)
{
    if (!loop_is_traced(loop))
        return;
    bool forever = is_idle && asyncp_deadlock_kind(loop) == DEADLOCK_CERTAIN;
    asyncp_tracer_sleeps(loop, forever ? SLEEP_FOREVER : 0);
}

/* How long to wait, where nothing is ready: the hook decides, and a deadlock is handled. */
static int64_t decide_wait(struct async_loop *loop, int64_t timeout_ns)
{
    if (unlikely(loop->idle.function != NULL)) {
        int64_t answer = loop->clock.is_virtual ? ASYNCP_IDLE_AS_USUAL
                                                : ask_idle_hook(loop, &timeout_ns);
        return answer < -1 ? timeout_ns : answer;
    }
    bool is_over = timeout_ns < 0 && count_pending(loop) == 0 && handle_deadlock(loop);
    return is_over ? 0 : timeout_ns;
}

/* The timeout of a wait for which nothing is ready; 0: a timer has expired. */
static int64_t prepare_wait(struct async_loop *loop, int64_t max_ns)
{
    int64_t now_ns = asyncp_now(loop), timeout_ns = choose_timeout(loop, max_ns, now_ns);
    if (timeout_ns == 0)
        return 0;
    asyncp_trim_stacks(loop);
    note_sleep(loop, timeout_ns < 0 && count_pending(loop) == 0);
    asyncp_metrics_sleep(loop, now_ns);
    return decide_wait(loop, timeout_ns);
}

static void poll_and_expire(struct async_loop *loop, int64_t max_ns)
{
    int64_t timeout_ns = 0;
    take_attention(loop);
    if (max_ns != 0 && !has_next(loop))
        timeout_ns = prepare_wait(loop, max_ns);
    if (loop->clock.is_virtual)
        advance_virtual_clock(loop, timeout_ns);
    else if (timeout_ns != 0 || loop->poller.in_flight > 0)
        wait_for_events(loop, timeout_ns);
    take_attention(loop);
    loop_read_clock(loop);
    asyncp_metrics_poll(loop, loop->clock.now_ns);
    asyncp_timers_expire(loop, loop->clock.now_ns);
    loop->clock.polled_ns = loop->clock.now_ns;
    if (unlikely(probes_are_used() != tracer_is_probed(&loop->tracer)))
        asyncp_tracing_use_probes(loop);
}

/* ---- running --------------------------------------------------------------------------------- */

/* Runs one node. A stopping task may switch directly to others before this returns. */
static void run_ready_node(struct async_loop *loop)
{
    struct ready *node = ready_pop(&loop->sched.ready);
    loop->sched.turns_left--;
    if (node->run != NULL) {
        node->run(node);
        return;
    }
    loop->sched.current = coroutine_of_ready(node);
    loop_switch(loop, &loop->sched.context, &loop->sched.current->context);
    ASSERT(loop->sched.current == NULL);
}

/* The description of the first ready node, taken before it runs, because it may be freed then. */
static struct label label_first_node(const struct async_loop *loop)
{
    struct ready *first = loop->sched.ready.first;
    return first->run == NULL ? asyncp_label(coroutine_of_ready(first)->task)
                              : (struct label){"a callback"};
}

/* When a turn, or a callback, began. */
struct start {
    int64_t ns;
    int64_t looked_ns; /* until then, of debug mode itself */
    struct thread_usage usage;
};

static struct start start_now(const struct async_loop *loop)
{
    return (struct start){asyncp_sys_clock_now(), loop->debug.looked_ns, asyncp_sys_thread_usage()};
}

/*
 * If the thread has not slept, and had a processor for less than half of the time, other programs
 * made the turn slow.
 */
static bool report_if_slow(const struct async_loop *loop, const char *what,
                           const struct start *start)
{
    const int64_t looked_ns = loop->debug.looked_ns - start->looked_ns;
    const int64_t took_ns = asyncp_sys_clock_now() - start->ns - looked_ns;
    if (took_ns < loop->debug.slow_ns)
        return false;
    const struct thread_usage usage = asyncp_sys_thread_usage();
    const int64_t ran_ns = usage.ran_ns - start->usage.ran_ns;
    char share[96] = "";
    if (usage.sleeps >= 0 && usage.sleeps == start->usage.sleeps && ran_ns < took_ns / 2)
        snprintf(share, sizeof share, ", but the machine gave it a processor for only %.3f s",
                 (double)ran_ns / 1e9);
    asyncp_report("%s held the loop for %.3f s%s; nothing else could run meanwhile", what,
                  (double)took_ns / 1e9, share);
    return true;
}

/* A task that has ended since, or has answered its cancellation, is not reported. */
static void report_if_ignoring(struct async_loop *loop)
{
    if (loop->debug.ignores == 0)
        return;
    const struct async_task *task = asyncp_task_find(loop, loop->debug.ignores);
    loop->debug.ignores = 0;
    if (task == NULL || task->coroutine->refusals == 0)
        return;
    loop_report_begins(loop);
    loop->hooks->report_refusals(task);
    loop_report_ends(loop);
}

/* A task's turn is recorded where it ends. */
static void run_ready_node_traced(struct async_loop *loop)
{
    bool is_callback = loop->sched.ready.first->run != NULL;
    if (loop_is_traced(loop))
        asyncp_tracer_node_begins(loop);
    run_ready_node(loop);
    if (is_callback && loop_is_traced(loop))
        asyncp_tracer_node_ended(loop);
}

static void write_flight_of_hold(struct async_loop *loop)
{
    loop_report_begins(loop);
    asyncp_flight_write(loop, TIMELINE_STALL);
    loop_report_ends(loop);
}

static void run_ready_node_timed(struct async_loop *loop)
{
    struct label label = label_first_node(loop);
    const struct start start = start_now(loop);
    run_ready_node_traced(loop);
    if (loop_is_inherited(loop)) /* it has forked: the child may leave all as it is, and end */
        return;
    bool is_slow = report_if_slow(loop, label.text, &start);
    asyncp_check_waits(loop);
    report_if_ignoring(loop);
    if (is_slow)
        write_flight_of_hold(loop);
}

/* In debug mode, or while the loop is traced. */
static void run_ready_node_watched(struct async_loop *loop)
{
    if (loop_is_debug(loop))
        run_ready_node_timed(loop);
    else
        run_ready_node_traced(loop);
}

/* Runs nodes until the burst is over, nothing is ready, or an event is pending. */
static void run_burst(struct async_loop *loop)
{
    const uint32_t urgent = ATTENTION_INBOX | ATTENTION_SIGNAL;
    void (*run)(struct async_loop *) = loop_watches_stops(loop) ? run_ready_node_watched
                                                                : run_ready_node;
    while (loop->sched.turns_left > 0 && loop->sched.ready.first != NULL &&
           (loop->clock.deterministic ||
            (atomic_load_explicit(&loop->sched.attention, memory_order_relaxed) & urgent) == 0))
        run(loop);
}

static void order_ready(struct async_loop *loop)
{
    if (loop_is_traced(loop))
        asyncp_tracer_shuffles(loop);
    asyncp_order_ready(&loop->sched.order, &loop->sched.ready);
    if (loop_is_traced(loop))
        asyncp_tracer_has_shuffled(loop);
}

static void run_ready(struct async_loop *loop)
{
    if (loop->sched.order.random != 0)
        order_ready(loop);
    loop->sched.steps_left = STEPS_IN_A_ROW;
    loop_begin_burst(loop, loop->clock.deterministic
                               ? (int32_t)asyncp_ready_count(&loop->sched.ready)
                               : BURST_TURNS);
    do {
        run_burst(loop);
    } while (loop->sched.ready.first != NULL && loop->sched.turns_left <= 0 &&
             asyncp_burst_renew(loop));
}

static void run_deferred_traced(struct async_loop *loop, struct deferred *deferred)
{
    if (loop_is_traced(loop))
        asyncp_tracer_deferred_begins(loop);
    deferred->run(deferred);
    if (loop_is_traced(loop))
        asyncp_tracer_node_ended(loop);
}

/* It may be a function of the program: the handler of a signal. */
static void run_one_deferred(struct async_loop *loop, struct deferred *deferred)
{
    if (!loop_is_debug(loop)) {
        run_deferred_traced(loop, deferred);
        return;
    }
    const struct start start = start_now(loop);
    run_deferred_traced(loop, deferred);
    if (!loop_is_inherited(loop) && report_if_slow(loop, "a callback", &start))
        write_flight_of_hold(loop);
}

static void run_deferred(struct async_loop *loop)
{
    struct list due = {0};
    for (struct link *link; (link = list_first(&loop->closing.deferred)) != NULL;) {
        list_remove(link);
        list_append(&due, link);
    }
    for (struct link *link; (link = list_first(&due)) != NULL;) {
        list_remove(link);
        struct deferred *deferred = CONTAINER_OF(link, struct deferred, link);
        if (loop_is_inherited(loop)) /* one of these calls has forked */
            list_append(&loop->closing.deferred, link);
        else
            run_one_deferred(loop, deferred);
    }
}

void asyncp_iterate(struct async_loop *loop, int64_t max_ns)
{
    ASSERT(loop == asyncp_current && loop->sched.current == NULL);
    loop->sched.iterating = true;
    poll_and_expire(loop, max_ns);
    run_ready(loop);
    if (!list_empty(&loop->closing.deferred) && !loop_is_inherited(loop))
        run_deferred(loop);
    loop->sched.iterating = false;
}
