/*
 * top/time_limit.c: the thread that notices that a test takes too long, for libasyncio-test. It
 * begins before the test: at the limit only the handler of a signal could start it, perhaps in the
 * middle of malloc.
 *
 * It looks at each loop eight times. A loop that does not sleep, and in which no task or callback
 * has begun or gone on since an earlier look, is held since then.
 */
#include "inspect/process.h"
#include "loop/loops.h"
#include "sched/sched.h"
#include "sys/clock.h"
#include "sys/thread.h"
#include "top/observer.h"
#include "top/stall.h"
#include "top/standstill.h"
#include <unistd.h>

enum { LOOKS = 8, MAX_LOOPS = 16 };

/* A loop at the first of the looks that have found it as it is. */
struct seen_loop {
    uint32_t number; /* 0: none */
    int look;        /* the last one that has found it */
    int32_t thread;
    bool rests;
    uint64_t turns;
    int64_t since_ns;
    struct thread_times times; /* of its thread */
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
        if (watch.loops[i].number == number || watch.loops[i].number == 0)
            return &watch.loops[i];
    return NULL;
}

static int see_loop(void *unused, const struct async_loop *loop)
{
    static struct async_loop copy;
    const uint32_t number = asyncp_loop_number(loop);
    struct seen_loop *seen = find_seen_loop(number);
    (void)unused;
    if (seen == NULL || asyncp_view_read(&asyncp_own_view, (uintptr_t)loop, &copy, sizeof copy) < 0)
        return 0;
    const struct loop_pulse pulse = loop_pulse(&copy);
    bool is_same = seen->number == number && seen->turns == pulse.turns &&
                   seen->rests == pulse.rests;
    if (!is_same) {
        *seen = (struct seen_loop){.number = number,
                                   .thread = asyncp_loop_thread(loop),
                                   .rests = pulse.rests,
                                   .turns = pulse.turns,
                                   .since_ns = asyncp_sys_clock_now()};
        (void)asyncp_sys_thread_times(seen->thread, &seen->times);
    }
    seen->look = watch.look;
    return 0;
}

static void look(void)
{
    watch.look++;
    (void)asyncp_loops_each(see_loop, NULL);
}

/* ---- the report ----------------------------------------------------------------------------- */

/* A report takes a while: then it would have the calls of a later moment. */
static bool has_changed(const void *context)
{
    const struct seen_loop *seen = context;
    int64_t since_ns = seen->since_ns;
    look();
    return seen->look != watch.look || seen->since_ns != since_ns;
}

static void report_if_held(const struct seen_loop *seen, int64_t now_ns)
{
    struct thread_times times = seen->times;
    struct stall stall = {.loop = seen->number,
                          .thread = seen->thread,
                          .held_ns = now_ns - seen->since_ns,
                          .is_over = has_changed,
                          .context = seen};
    if (seen->rests || seen->look != watch.look || stall.held_ns < watch.limit_ns / LOOKS / 2)
        return;
    (void)asyncp_sys_thread_times(seen->thread, &times);
    stall.cause = asyncp_stall_cause(&seen->times, &times, stall.held_ns);
    (void)asyncp_observer_report(&stall);
}

void asyncp_time_limit_report(void)
{
    asyncp_print_tasks(STDERR_FILENO);
    look();
    for (int i = 0; i < MAX_LOOPS && watch.loops[i].number != 0; i++)
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
