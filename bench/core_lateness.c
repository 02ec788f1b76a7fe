/*
 * bench/core_lateness.c: how long something that is due goes unnoticed while tasks are always
 * ready: a timer, and a descriptor that became readable. Told in time of this thread on its
 * processor, so that a machine that is busy with others does not count.
 *
 * What is awaited joins the ready queue when the loop notices it, behind the N tasks that are
 * always there. So when the waiting task runs, the loop noticed exactly N turns ago. Each turn
 * writes down both clocks; what is due at some time, or made readable in some turn, and was noticed
 * between two turns, is measured from then to the first stamp after it was noticed: more than the
 * truth by one turn at most.
 */
#define _GNU_SOURCE
#include "core.h"
#include <unistd.h>

enum { EVENTS = 2000, STAMPS = 1 << 15, ALLOWED_RUNS = 32, MOST_TASKS = 1000 };
static const double ALLOWED_US = 50;
static const double LONGEST_DELAY = 300e-6;

/* When a turn began. */
struct stamp {
    double clock; /* the loop's */
    double cpu;   /* this thread's */
};

static struct stamp stamps[STAMPS]; /* of the last turns, by their number */
static long turns;                  /* of the ready tasks, so far */
static bool over;                   /* they may end */
static double written_cpu;          /* this thread's clock just before */
static int ends[2];                 /* the pipe */
static long write_in_turn = -1;     /* in which the pipe is to become readable */
static long written_in_turn;        /* in which it did */

/* How late one event was noticed. */
struct late {
    double us; /* in microseconds */
    int runs;  /* tasks that were still run when 50 µs had passed */
};

static struct stamp *stamp_of(long number)
{
    return &stamps[number % STAMPS];
}

/* One that is always ready. A turn is a reading of two clocks, and now and then a write. */
static int be_ready(void)
{
    while (!over) {
        *stamp_of(turns) = (struct stamp){.clock = async_time(),
                                          .cpu = bench_clock(CLOCK_THREAD_CPUTIME_ID)};
        if (turns == write_in_turn) {
            written_in_turn = turns;
            written_cpu = bench_clock(CLOCK_THREAD_CPUTIME_ID);
            if (write(ends[1], "x", 1) != 1)
                bench_die("lateness", "the pipe cannot be written");
        }
        turns++;
        ASYNC_TRY(async_sleep(0));
    }
    return 0;
}
async_fn(be_ready);

/* The last turn that began before then. */
static long turn_at(double clock)
{
    long number = turns - 1;
    while (number > 0 && stamp_of(number)->clock > clock) {
        if (turns - number >= STAMPS - 1)
            bench_die("lateness", "too many turns between due and noticed");
        number--;
    }
    return number;
}

/* From the turn in which it was due until the loop noticed it, N turns ago. */
static struct late lateness_of(long due_turn, double due_cpu, int ready)
{
    struct late late = {0};
    long noticed = turns - ready +
                   1; /* the first turn after that; with luck it is the one about to come */
    double cpu = noticed < turns ? stamp_of(noticed)->cpu : bench_clock(CLOCK_THREAD_CPUTIME_ID);
    late.us = (cpu - due_cpu) * 1e6;
    for (long number = noticed - 1; number > due_turn; number--)
        late.runs += (stamp_of(number)->cpu - due_cpu) * 1e6 > ALLOWED_US;
    return late;
}

static int await_timer(int ready, unsigned *random, struct late *late)
{
    double delay = LONGEST_DELAY * bench_random(random);
    double due = async_time() + delay;
    ASYNC_TRY(async_sleep(delay));
    long turn = turn_at(due);
    *late = lateness_of(turn, stamp_of(turn)->cpu + (due - stamp_of(turn)->clock), ready);
    return 0;
}

static int await_readable(int ready, unsigned *random, struct late *late)
{
    char byte;
    write_in_turn = turns + 1 + (long)(2 * MOST_TASKS * bench_random(random));
    ASYNC_TRY(async_wait_readable(ends[0]));
    *late = lateness_of(written_in_turn, written_cpu, ready);
    return read(ends[0], &byte, 1) == 1 ? 0 : -EIO;
}

static int by_time(const void *a, const void *b)
{
    const struct late *first = a, *second = b;
    return (first->us > second->us) - (first->us < second->us);
}

static void say(const char *what, int ready, struct late late[EVENTS], double allowed_us)
{
    static const struct {
        const char *name; /* "p50" */
        double share;     /* of the events that were noticed by then */
    } percentiles[] = {{"p50", 0.5}, {"p99", 0.99}, {"p99.9", 0.999}};
    char row[64];
    int runs = 0;
    qsort(late, EVENTS, sizeof late[0], by_time);
    for (size_t i = 0; i < sizeof percentiles / sizeof percentiles[0]; i++) {
        snprintf(row, sizeof row, "late %s/%d %s", what, ready, percentiles[i].name);
        bench_say_against(row, late[(int)(EVENTS * percentiles[i].share)].us, allowed_us);
    }
    for (int i = 0; i < EVENTS; i++)
        runs = late[i].runs > runs ? late[i].runs : runs;
    snprintf(row, sizeof row, "late %s/%d runs", what, ready);
    bench_say_against(row, runs, ALLOWED_RUNS + 1); /* a run has begun a little before its stamp */
}

/* What is allowed: 50 µs, and 32 of the turns as they are here. */
static int lateness(int ready)
{
    static struct late timers[EVENTS], fds[EVENTS];
    async_task *tasks[MOST_TASKS];
    unsigned random = 1;
    for (int i = 0; i < ready; i++)
        tasks[i] = async_create_task(be_ready);
    ASYNC_TRY(async_sleep(0.01));
    long turns_before = turns;
    double begun = bench_clock(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < EVENTS; i++) {
        ASYNC_TRY(await_timer(ready, &random, &timers[i]));
        ASYNC_TRY(await_readable(ready, &random, &fds[i]));
    }
    double turn_us = (bench_clock(CLOCK_THREAD_CPUTIME_ID) - begun) * 1e6 /
                     (double)(turns - turns_before);
    say("timer", ready, timers, ALLOWED_US + ALLOWED_RUNS * turn_us);
    say("descriptor", ready, fds, ALLOWED_US + ALLOWED_RUNS * turn_us);
    over = true;
    return async_gather_n(tasks, (size_t)ready, NULL, ASYNC_FIRST_ERROR);
}
async_fn(lateness, int);

static void measure(int ready)
{
    if (pipe(ends) < 0)
        bench_die("lateness", "no pipe");
    must(async_run(lateness, ready), "lateness");
}

void measure_lateness_2(void)
{
    measure(2);
}

void measure_lateness_1000(void)
{
    measure(1000);
}
