/*
 * loop/iterate.c: the iteration: take what other threads sent, look at the descriptors, fire the
 * timers, run what is ready. How often a look happens while tasks are ready is decided here and
 * nowhere else:
 *
 *   real clock   a burst is 32 turns; after it the clock is read, and a look is due 50 µs after
 *                the last
 *   strict       a burst is what was ready when it began, as in CPython, and every burst ends in a
 *                look
 *
 * A task that does not stop keeps to the same 50 µs: see pace.h.
 */
#include "loop/loop.h"
#include "sched/lifetime.h"
#include "sched/pace.h"

static const int64_t LONGEST_WAIT_NS =
    24ll * 3600 * 1000000000; /* as CPython: clocks and kernels differ beyond */
static const int64_t STANDSTILL_NS = 1000000000;
enum { CROWD = 16, CROWD_NS = 250000 }; /* so many deadlines within that share a wake-up */

int64_t asyncp_idle_ns(const struct async_loop *loop)
{
    int64_t next_ns = heap_least(&loop->clock.timers);
    if (loop->sched.ready.first != NULL || !list_empty(&loop->closing.deferred))
        return 0;
    if (next_ns == TIME_NEVER)
        return -1;
    int64_t now_ns = asyncp_now(loop);
    return next_ns > now_ns ? next_ns - now_ns : 0;
}

static void take_attention(struct async_loop *loop)
{
    uint32_t reasons = atomic_fetch_and(&loop->sched.attention, ATTENTION_DEBUG);
    if ((reasons & ATTENTION_INBOX) != 0)
        asyncp_inbox_take(loop);
    if ((reasons & ATTENTION_SIGNAL) != 0)
        asyncp_sigint_deliver(loop);
}

/*
 * While no operation is in flight the loop waits on its word, which is cheaper for it and for who
 * wakes it. Not one that a foreign loop steps: whether its descriptor is still there is only learnt
 * by a wait for it.
 */
static void doze(struct async_loop *loop, int64_t timeout_ns)
{
    const uint32_t asleep = ATTENTION_SLEEPING | ATTENTION_DOZING;
    if (loop->activity.jobs > 0 && patience_try(&loop->activity.spin, &loop->activity.worker_seen))
        asyncp_patience_look(&loop->activity.spin, &loop->sched.attention,
                             ATTENTION_INBOX | ATTENTION_SIGNAL);
    uint32_t reasons = atomic_fetch_or(&loop->sched.attention, asleep);
    if ((reasons & (ATTENTION_INBOX | ATTENTION_SIGNAL)) == 0 &&
        !asyncp_sys_word_wait(&loop->sched.attention, reasons | asleep, timeout_ns))
        loop->activity.futex_denied = true;
}

static void wait_in_kernel(struct async_loop *loop, int64_t timeout_ns)
{
    int result = asyncp_poller_wait(&loop->poller, timeout_ns);
    ENSURE(result != -EBADF,
           "the loop's own descriptor is gone (%s): the program has closed it, or one too many",
           asyncp_error_meaning(result));
    ENSURE(result == 0,
           "the loop cannot wait any more: %s failed (%s); a filter of system calls forbids it, or "
           "the program has closed the loop's own descriptor and another one has its number",
           loop->poller.calls->wait_call, asyncp_error_meaning(result));
}

/* Whether something is to be done, as far as one can tell without the kernel and the clock. */
static bool has_work(const struct async_loop *loop)
{
    const uint32_t sent = ATTENTION_INBOX | ATTENTION_SIGNAL;
    return loop->sched.ready.first != NULL || !list_empty(&loop->closing.deferred) ||
           (atomic_load(&loop->sched.attention) & sent) != 0;
}

/* Waits in the kernel, unless somebody has sent something just now. */
static void poll(struct async_loop *loop, int64_t timeout_ns)
{
    if (timeout_ns > LONGEST_WAIT_NS)
        timeout_ns = LONGEST_WAIT_NS;
    if (timeout_ns != 0 && loop->poller.in_flight == 0 && !loop->sched.hosted &&
        !loop->activity.futex_denied) {
        doze(loop, timeout_ns);
        return;
    }
    uint32_t reasons = atomic_fetch_or(&loop->sched.attention, ATTENTION_SLEEPING);
    ASSERT((reasons & ATTENTION_DOZING) == 0);
    if ((reasons & (ATTENTION_INBOX | ATTENTION_SIGNAL)) != 0)
        timeout_ns = 0;
    wait_in_kernel(loop, timeout_ns);
}

/* What will be heard of by itself: of the kernel, or of a thread. */
static size_t in_flight(const struct async_loop *loop)
{
    return loop->poller.in_flight + loop->activity.jobs;
}

/*
 * Virtual time stands still while anything can happen. When nothing is ready it jumps to the next
 * deadline; an operation of the kernel that is in flight, or work at a thread, is given as much
 * real time first.
 */
static void wait_virtually(struct async_loop *loop, int64_t timeout_ns)
{
    int64_t until_ns = asyncp_clock_now() + timeout_ns, left_ns = timeout_ns;
    bool nothing;
    do {
        if (timeout_ns < 0 || in_flight(loop) > 0)
            poll(loop, left_ns);
        nothing = !has_work(loop);
        left_ns = in_flight(loop) > 0 ? until_ns - asyncp_clock_now() : 0;
    } while (nothing && timeout_ns > 0 && left_ns > 0); /* the kernel may end a wait too early */
    if (nothing && timeout_ns > 0)
        loop->clock.now_ns += timeout_ns;
}

/* Whether asking the kernel can bring anything. */
static bool worth_polling(const struct async_loop *loop, int64_t timeout_ns)
{
    return timeout_ns != 0 || loop->poller.in_flight > 0;
}

/*
 * Where many deadlines crowd, one wake-up serves them all: a wake-up costs more than the task that
 * it wakes, and what is due first may be late by as much.
 */
static int64_t wait_for_crowd(const struct async_loop *loop, int64_t timeout_ns)
{
    if (timeout_ns <= 0 || timeout_ns >= CROWD_NS || loop->clock.is_virtual)
        return timeout_ns;
    int64_t until_ns = asyncp_now(loop) + CROWD_NS;
    return asyncp_heap_count(&loop->clock.timers, until_ns, CROWD) == CROWD ? CROWD_NS : timeout_ns;
}

/*
 * In debug mode, once: tasks wait, and neither a timer, nor the kernel, nor a worker thread will
 * wake one. Another thread or a signal still may, and is given some time. Whether something came
 * meanwhile.
 */
static bool tell_standstill(struct async_loop *loop)
{
    if (loop->debug.told_standstill || in_flight(loop) > 0 || !asyncp_stands_still(loop))
        return false;
    poll(loop, STANDSTILL_NS);
    if (has_work(loop))
        return true;
    loop->debug.told_standstill = true;
    asyncp_tell_standstill(loop);
    return false;
}

static void look(struct async_loop *loop, int64_t most_ns)
{
    take_attention(loop);
    int64_t timeout_ns = wait_for_crowd(loop, asyncp_idle_ns(loop));
    if (most_ns >= 0 && (timeout_ns < 0 || timeout_ns > most_ns))
        timeout_ns = most_ns;
    if (timeout_ns != 0)
        asyncp_trim_stacks(loop);
    if (timeout_ns < 0 && loop_is_debug(loop) && tell_standstill(loop))
        timeout_ns = 0;
    if (loop->clock.is_virtual)
        wait_virtually(loop, timeout_ns);
    else if (worth_polling(loop, timeout_ns))
        poll(loop, timeout_ns);
    take_attention(loop);
    loop->clock.now_ns = asyncp_now(loop);
    loop->clock.polled_ns = loop->clock.now_ns;
    asyncp_timers_expire(loop, loop->clock.now_ns);
}

/* Runs one node; tasks that stop may go straight on to others before this returns. */
static void run_one(struct async_loop *loop)
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

/*
 * Who the first ready node is, for people; written down before it runs, because it may be gone
 * afterwards.
 */
static struct label label_first(const struct async_loop *loop)
{
    struct ready *first = loop->sched.ready.first;
    return first->run == NULL ? asyncp_label(coroutine_of_ready(first)->task)
                              : (struct label){"a callback"};
}

static void run_one_timed(struct async_loop *loop)
{
    struct label who = label_first(loop);
    int64_t before_ns = asyncp_clock_now();
    run_one(loop);
    int64_t took_ns = asyncp_clock_now() - before_ns;
    asyncp_check_waits(loop);
    if (took_ns >= loop->debug.slow_ns)
        asyncp_report("%s held the loop for %.3f s; nothing else could run meanwhile", who.text,
                      (double)took_ns / 1e9);
}

/* Until the burst is over, nothing is ready, or somebody outside wants something. */
static void run_burst(struct async_loop *loop)
{
    const uint32_t urgent = ATTENTION_INBOX | ATTENTION_SIGNAL;
    void (*run)(struct async_loop *) = loop_is_debug(loop) ? run_one_timed : run_one;
    while (loop->sched.turns_left > 0 && loop->sched.ready.first != NULL &&
           (loop->clock.deterministic ||
            (atomic_load_explicit(&loop->sched.attention, memory_order_relaxed) & urgent) == 0))
        run(loop);
}

static void run_ready(struct async_loop *loop)
{
    if (loop->sched.shuffle != 0)
        asyncp_ready_shuffle(&loop->sched.ready, &loop->sched.shuffle);
    loop->sched.steps_left = STEPS_IN_A_ROW;
    loop->sched.turns_left = loop->clock.deterministic
                                 ? (int32_t)asyncp_ready_count(&loop->sched.ready)
                                 : BURST_TURNS;
    do {
        run_burst(loop);
    } while (loop->sched.ready.first != NULL && asyncp_burst_renew(loop));
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
        deferred->run(deferred);
    }
}

void asyncp_iterate(struct async_loop *loop, int64_t most_ns)
{
    ASSERT(loop == asyncp_current && loop->sched.current == NULL);
    loop->sched.iterating = true;
    look(loop, most_ns);
    run_ready(loop);
    if (!list_empty(&loop->closing.deferred) && !loop_is_inherited(loop))
        run_deferred(loop);
    loop->sched.iterating = false;
}
