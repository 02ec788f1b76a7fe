/*
 * top/time_limit.c: the thread that notices that a test takes too long, for libasyncio-test. It
 * begins before the test: at the limit only the handler of a signal could start it, perhaps in the
 * middle of malloc.
 *
 * It looks at each loop eight times. A loop that does not sleep, and in which no task or callback
 * has begun or gone on since an earlier look, is held since then.
 */
#include "loop/loops.h"
#include "sched/sched.h"
#include "sys/clock.h"
#include "sys/thread.h"
#include "top/hold.h"
#include "top/observer.h"
#include "top/standstill.h"
#include <unistd.h>

enum { LOOKS = 8, MAX_LOOPS = 16 };

/* A loop. */
struct seen_loop {
    struct hold hold; /* its number 0: none */
    struct loop_pulse pulse;
    int look; /* the last one that has found it */
};

static struct {
    _Atomic uint32_t is_over;
    int look; /* the number of the last one */
    int64_t limit_ns;
    void (*function)(void);
    struct seen_loop loops[MAX_LOOPS]; /* of the thread alone */
} watch;

/* ---- a look --------------------------------------------------------------------------------- */

/* Numbers are not used twice; more loops than there are places are not looked at. */
static struct seen_loop *find_seen_loop(uint32_t number)
{
    for (int i = 0; i < MAX_LOOPS; i++)
        if (watch.loops[i].hold.number == number || watch.loops[i].hold.number == 0)
            return &watch.loops[i];
    return NULL;
}

/* A loop that closes waits for the mutex of the list of loops, so this only reads memory. */
static int see_loop(void *unused, const struct async_loop *loop)
{
    const uint32_t number = asyncp_loop_number(loop);
    struct seen_loop *seen = find_seen_loop(number);
    (void)unused;
    if (seen == NULL)
        return 0;
    if (seen->hold.number == 0)
        seen->hold = (struct hold){
            .loop = loop, .thread = asyncp_loop_thread(loop), .number = number};
    if (asyncp_hold_read(&seen->hold, &seen->pulse))
        seen->look = watch.look;
    return 0;
}

/* A test has a virtual clock: only turns tell whether its loop has gone on. */
static bool has_gone_on(const struct seen_loop *seen)
{
    const struct loop_pulse *before = &seen->hold.pulse;
    return seen->hold.since_ns == 0 || seen->pulse.turns != before->turns ||
           seen->pulse.rests != before->rests;
}

static void look(void)
{
    watch.look++;
    (void)asyncp_loops_each(see_loop, NULL);
    for (struct seen_loop *seen = watch.loops; seen < watch.loops + MAX_LOOPS; seen++)
        if (seen->look == watch.look && has_gone_on(seen))
            asyncp_hold_begin(&seen->hold, &seen->pulse, asyncp_sys_clock_now());
}

/* ---- the report ----------------------------------------------------------------------------- */

/* A report takes a while: then it would have the calls of a later moment. */
static bool has_changed(const void *context)
{
    const struct seen_loop *seen = context;
    int64_t since_ns = seen->hold.since_ns;
    look();
    return seen->look != watch.look || seen->hold.since_ns != since_ns;
}

static void report_if_held(const struct seen_loop *seen, int64_t now_ns)
{
    if (seen->pulse.rests || seen->look != watch.look ||
        now_ns - seen->hold.since_ns < watch.limit_ns / LOOKS / 2)
        return;
    struct stall stall = asyncp_hold_stall(&seen->hold, &seen->pulse, now_ns);
    stall.is_over = has_changed;
    stall.context = seen;
    (void)asyncp_observer_report(&stall);
}

void asyncp_time_limit_report(void)
{
    asyncp_print_tasks(STDERR_FILENO);
    look();
    for (int i = 0; i < MAX_LOOPS && watch.loops[i].hold.number != 0; i++)
        report_if_held(&watch.loops[i], asyncp_sys_clock_now());
}

/* ---- the thread ----------------------------------------------------------------------------- */

/* Returns whether it is not over before. */
static bool sleep_until_look(int64_t until_ns)
{
    int64_t left_ns;
    while (atomic_load(&watch.is_over) == 0 && (left_ns = until_ns - asyncp_sys_clock_now()) > 0)
        (void)asyncp_sys_futex_wait(&watch.is_over, 0, left_ns);
    return atomic_load(&watch.is_over) == 0;
}

static void *watch_time(void *unused)
{
    const int64_t begin_ns = asyncp_sys_clock_now();
    for (int i = 1; i <= LOOKS; i++) {
        if (!sleep_until_look(begin_ns + watch.limit_ns / LOOKS * i))
            return unused;
        look();
    }
    watch.function();
    return unused;
}

int asyncp_time_limit_begin(double seconds, void (*function)(void))
{
    pthread_t thread;
    memset(&watch, 0, sizeof watch);
    if (!asyncp_may_start_thread())
        return -EOPNOTSUPP;
    watch.limit_ns = asyncp_nanoseconds(seconds);
    watch.function = function;
    int result = asyncp_sys_thread_start(&thread, watch_time, NULL);
    if (result == 0)
        pthread_detach(thread);
    return result;
}

/* It is not joined: on a busy machine that would take longer than most tests. */
void asyncp_time_limit_end(void)
{
    atomic_store(&watch.is_over, 1);
}
