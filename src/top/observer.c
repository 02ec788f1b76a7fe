/*
 * top/observer.c: the thread looks at each loop several times within its limit. A loop that has not
 * polled between looks, and neither sleeps nor stands still between two steps, is held. Nothing is
 * said while a debugger has the process, or after the thread itself has been kept from running.
 */
#include "top/observer.h"
#include "loop/loops.h"
#include "sched/sched.h"
#include "sys/clock.h"
#include "sys/report.h"
#include "sys/thread.h"
#include "top/flight.h"
#include "top/hold.h"
#include "top/partial.h"
#include <pthread.h>
#include <stdlib.h>

enum { LOOKS_WITHIN_LIMIT = 2, MAX_REPORTS = 5, AGAIN_AFTER = 4 };
static const int64_t MIN_LIMIT_NS = 10000000, REPORT_PERIOD_NS = 60000000000,
                     CYCLES_PERIOD_NS = 1000000000;

/* A loop, on the heap. */
struct observed {
    struct close_hook hook;
    struct link link;
    struct hold hold;
    int32_t process;
    int64_t limit_ns; /* 0: that of debug mode */
    int64_t next_ns;  /* a report is due when it was held so long */
    bool had_turns;   /* several tasks had run when a report was begun */
    bool was_reported;
    _Atomic bool is_ending; /* the loop closes, and waits for the mutex */
};

/* Members are read and written under the mutex. */
static struct {
    pthread_mutex_t lifetime; /* before the mutex: the thread begins, or ends and is joined */
    pthread_mutex_t mutex;
    struct list loops; /* struct observed */
    pthread_t thread;
    _Atomic uint32_t generation; /* changes when the thread is to end */
    struct thread_sample *room;
    struct thread_times times; /* of the thread, at its last look */
    struct reported_cycles cycles;
    int64_t looked_for_cycles_ns;
    int64_t period_ns; /* begin of the current minute of reports */
    int reports, left_out;
} observer = {.lifetime = PTHREAD_MUTEX_INITIALIZER, .mutex = PTHREAD_MUTEX_INITIALIZER};

/* ---- a look --------------------------------------------------------------------------------- */

static bool read_pulse(const struct observed *observed, struct loop_pulse *pulse)
{
    if (!asyncp_hold_read(&observed->hold, pulse))
        return false;
    pulse->rests |= pulse->is_virtual; /* the time of the last poll tells nothing */
    return true;
}

static int64_t limit_of(const struct observed *observed)
{
    int64_t limit_ns = observed->limit_ns > 0 ? observed->limit_ns : observed->hold.pulse.slow_ns;
    return limit_ns > MIN_LIMIT_NS ? limit_ns : MIN_LIMIT_NS;
}

/*
 * A loop that has neither polled nor slept is still held; only the begin of the hold is forgotten.
 */
static void begin_again(struct observed *observed, const struct loop_pulse *pulse, int64_t now_ns,
                        bool has_gone_on)
{
    const struct hold *hold = &observed->hold;
    if (observed->was_reported && has_gone_on)
        asyncp_report("loop %u goes on; it was held for %.2f s", hold->number,
                      (double)(now_ns - hold->since_ns) / 1e9);
    asyncp_hold_begin(&observed->hold, pulse, now_ns);
    observed->next_ns = limit_of(observed);
    observed->was_reported = false;
}

/* Whether there is room for a report: at most five a minute are written. */
static bool may_report(int64_t now_ns)
{
    if (now_ns - observer.period_ns > REPORT_PERIOD_NS) {
        if (observer.left_out > 0)
            asyncp_report("%d more reports of held loops were left out", observer.left_out);
        observer.period_ns = now_ns;
        observer.reports = observer.left_out = 0;
    }
    observer.left_out += observer.reports == MAX_REPORTS;
    return observer.reports < MAX_REPORTS;
}

/* A report takes a while: then it would have the calls of a later moment. */
static bool has_gone_on_meanwhile(const void *context)
{
    const struct observed *observed = context;
    struct loop_pulse pulse;
    return atomic_load(&observed->is_ending) || !read_pulse(observed, &pulse) || pulse.rests ||
           pulse.polled_ns != observed->hold.pulse.polled_ns ||
           (!observed->had_turns && pulse.turns != observed->hold.turns);
}

static void report_held(struct observed *observed, const struct loop_pulse *pulse, int64_t now_ns)
{
    struct stall stall = asyncp_hold_stall(&observed->hold, pulse, now_ns);
    stall.is_over = has_gone_on_meanwhile;
    stall.context = observed;
    observed->had_turns = stall.has_turns;
    observed->next_ns = AGAIN_AFTER * stall.held_ns;
    if (!may_report(now_ns))
        return;
    if (!asyncp_report_stall(&stall, observer.room)) {
        observed->next_ns = stall.held_ns + limit_of(observed); /* if the loop is still held then */
        return;
    }
    observer.reports++;
    if (!observed->was_reported)
        asyncp_flight_record(observed->hold.number, TIMELINE_HELD);
    observed->was_reported = true;
}

static void look_at_loop(struct observed *observed, int64_t now_ns, bool was_late)
{
    struct loop_pulse pulse;
    if (!read_pulse(observed, &pulse))
        return;
    bool has_gone_on = pulse.rests || pulse.polled_ns != observed->hold.pulse.polled_ns;
    const bool is_wanted = observed->limit_ns > 0 || pulse.is_debug;
    if (was_late || has_gone_on || !is_wanted || asyncp_sys_is_traced()) {
        begin_again(observed, &pulse, now_ns, has_gone_on);
        return;
    }
    asyncp_hold_look(&observed->hold, &pulse, now_ns);
    if (now_ns - observed->hold.since_ns >= observed->next_ns)
        report_held(observed, &pulse, now_ns);
}

/* ---- the thread ----------------------------------------------------------------------------- */

/* The time until the next look. */
static int64_t choose_pause(void)
{
    int64_t pause_ns = 1000000000;
    LIST_EACH (link, &observer.loops) {
        int64_t limit_ns = limit_of(CONTAINER_OF(link, struct observed, link));
        if (pause_ns > limit_ns / LOOKS_WITHIN_LIMIT)
            pause_ns = limit_ns / LOOKS_WITHIN_LIMIT;
    }
    return pause_ns;
}

/* Whether a loop is in debug mode: there, tasks that wait for each other are reported, too. */
static bool is_any_debug(void)
{
    LIST_EACH (link, &observer.loops)
        if (CONTAINER_OF(link, struct observed, link)->hold.pulse.is_debug)
            return true;
    return false;
}

static void look_for_cycles(int64_t now_ns)
{
    if (now_ns - observer.looked_for_cycles_ns < CYCLES_PERIOD_NS || !is_any_debug())
        return;
    asyncp_report_cycles(&observer.cycles);
    observer.looked_for_cycles_ns = asyncp_sys_clock_now();
}

/*
 * A thread that was stopped tells nothing about others, which were stopped, too. One that was ready
 * and had no processor does: the kernel counts that for each thread.
 */
static bool was_stopped(int64_t late_ns, const struct thread_times *before,
                        const struct thread_times *now)
{
    return now->queued_ns - before->queued_ns < late_ns / 2;
}

static int64_t look_at_all(int64_t expected_ns)
{
    struct thread_times before = observer.times;
    pthread_mutex_lock(&observer.mutex);
    (void)asyncp_sys_thread_times(asyncp_sys_thread_id(), &observer.times);
    int64_t now_ns = asyncp_sys_clock_now(), pause_ns = choose_pause();
    bool was_late = now_ns - expected_ns > pause_ns &&
                    was_stopped(now_ns - expected_ns, &before, &observer.times);
    LIST_EACH (link, &observer.loops)
        look_at_loop(CONTAINER_OF(link, struct observed, link), now_ns, was_late);
    look_for_cycles(now_ns);
    pthread_mutex_unlock(&observer.mutex);
    return pause_ns;
}

/* The argument is the generation for which it was started. */
static void *observe(void *argument)
{
    const uint32_t generation = (uint32_t)(uintptr_t)argument;
    int64_t pause_ns = MIN_LIMIT_NS;
    while (atomic_load(&observer.generation) == generation) {
        int64_t expected_ns = asyncp_sys_clock_now() + pause_ns;
        (void)asyncp_sys_futex_wait(&observer.generation, generation, pause_ns);
        if (atomic_load(&observer.generation) == generation)
            pause_ns = look_at_all(expected_ns);
    }
    return NULL;
}

static bool start_thread(void)
{
    observer.room = malloc(sizeof *observer.room);
    if (observer.room == NULL)
        return false;
    (void)asyncp_sys_sampling_begin(); /* without it reports have no calls */
    void *generation = (void *)(uintptr_t)atomic_load(&observer.generation);
    observer.looked_for_cycles_ns = asyncp_sys_clock_now();
    if (asyncp_sys_thread_start(&observer.thread, observe, generation) == 0)
        return true;
    asyncp_sys_sampling_end();
    free(observer.room);
    return false;
}

/* Without the mutex, which the thread may need to end. */
static void stop_thread(void)
{
    atomic_fetch_add(&observer.generation, 1);
    asyncp_sys_futex_wake(&observer.generation);
    pthread_join(observer.thread, NULL);
    asyncp_sys_sampling_end();
    free(observer.room);
}

/* In a child of fork() the thread is not there, and the mutexes may be locked. */
static void forget_parent(void)
{
    observer.lifetime = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    observer.mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    observer.loops = (struct list){0};
    asyncp_sys_sampling_fork();
}

static bool is_fork_expected;

static void expect_fork(void)
{
    is_fork_expected = pthread_atfork(NULL, NULL, forget_parent) == 0;
}

/* false: no memory. */
static bool open_observer(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, expect_fork);
    return is_fork_expected;
}

bool asyncp_observer_report(const struct stall *stall)
{
    if (!open_observer())
        return false;
    pthread_mutex_lock(&observer.lifetime);
    pthread_mutex_lock(&observer.mutex);
    bool is_alone = list_empty(&observer.loops), was_written = false;
    struct thread_sample *room = malloc(sizeof *room);
    if (is_alone)
        (void)asyncp_sys_sampling_begin();
    if (room != NULL)
        was_written = asyncp_report_stall(stall, room);
    if (is_alone)
        asyncp_sys_sampling_end();
    free(room);
    pthread_mutex_unlock(&observer.mutex);
    pthread_mutex_unlock(&observer.lifetime);
    return was_written;
}

/* ---- loops ---------------------------------------------------------------------------------- */

/* Returns whether it was the last one. */
static bool forget(struct observed *observed)
{
    pthread_mutex_lock(&observer.mutex);
    list_remove(&observed->link);
    bool is_last = list_empty(&observer.loops);
    pthread_mutex_unlock(&observer.mutex);
    return is_last;
}

static void end_observation(struct close_hook *hook)
{
    struct observed *observed = CONTAINER_OF(hook, struct observed, hook);
    atomic_store(&observed->is_ending, true);
    list_remove(&hook->link);
    if (observed->process == asyncp_sys_process_id()) {
        pthread_mutex_lock(&observer.lifetime);
        if (forget(observed))
            stop_thread();
        pthread_mutex_unlock(&observer.lifetime);
    }
    free(observed);
}

/* Debug mode may be switched on later, and more than once. */
static bool is_observed(const struct async_loop *loop)
{
    LIST_EACH (link, &observer.loops)
        if (CONTAINER_OF(link, struct observed, link)->hold.loop == loop)
            return true;
    return false;
}

/* false: it is observed already, or there is no thread for it. */
static bool add(struct observed *observed)
{
    pthread_mutex_lock(&observer.lifetime);
    pthread_mutex_lock(&observer.mutex);
    bool is_first = list_empty(&observer.loops);
    bool runs = !is_observed(observed->hold.loop) && (!is_first || start_thread());
    if (runs)
        list_append(&observer.loops, &observed->link);
    pthread_mutex_unlock(&observer.mutex);
    pthread_mutex_unlock(&observer.lifetime);
    return runs;
}

void asyncp_observe_debug(struct async_loop *loop)
{
    asyncp_observe(loop, 0);
}

void asyncp_observe(struct async_loop *loop, int64_t limit_ns)
{
    struct observed *observed = open_observer() ? calloc(1, sizeof *observed) : NULL;
    if (observed == NULL)
        return;
    *observed = (struct observed){.hook = {.on_close = end_observation},
                                  .hold = {.loop = loop,
                                           .thread = asyncp_sys_thread_id(),
                                           .number = asyncp_loop_number(loop),
                                           .since_ns = asyncp_sys_clock_now()},
                                  .process = asyncp_sys_process_id(),
                                  .limit_ns = limit_ns,
                                  .next_ns = limit_ns > 0 ? limit_ns : INT64_MAX};
    if (add(observed))
        loop_add_close_hook(loop, &observed->hook);
    else
        free(observed);
}
