/*
 * bench/core_lateness.c: the delay until the loop notices an expired timer, or a descriptor that
 * became readable, while tasks are always ready. Measured in processor time of this thread: other
 * programs on a busy machine do not count.
 *
 * When the loop notices an event, the waiting task joins the ready queue behind the N tasks that
 * are always ready. So when the waiting task runs, the loop noticed the event exactly N turns ago.
 * Each turn records both clocks. The lateness is the time from the event to the first record after
 * the loop noticed it: too long by one turn at most.
 */
#define _GNU_SOURCE
#include "core.h"
#include <unistd.h>

enum { EVENTS = 2000, STAMPS = 1 << 15, ALLOWED_RUNS = 32, MAX_TASKS = 1000 };
static const double ALLOWED_US = 50;
static const double LONGEST_DELAY = 300e-6;

/* The start of a turn, on two clocks. */
struct stamp {
    double clock; /* the loop's */
    double cpu;   /* this thread's */
};

static struct stamp stamps[STAMPS]; /* stamps[i % STAMPS] is of turn i */
static long turns;                  /* number of turns of the ready tasks so far */
static bool over;                   /* the ready tasks end */
static double written_cpu;          /* this thread's clock just before the write */
static int ends[2];                 /* of the pipe */
static long write_in_turn = -1;     /* the turn that shall write to the pipe */
static long written_in_turn;        /* the turn that wrote to the pipe */

struct late {
    double us;
    int runs; /* turns that began more than 50 µs after the event and before it was noticed */
};

static struct stamp *stamp_of(long number)
{
    return &stamps[number % STAMPS];
}

/* A task that is always ready. A turn reads two clocks and sometimes writes to the pipe. */
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

/* The last turn that began before `clock`. */
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

/* From the turn in which the event was due until the loop noticed it, N turns ago. */
static struct late lateness_of(long due_turn, double due_cpu, int ready)
{
    struct late late = {0};
    long noticed = turns - ready + 1; /* the first turn after that; it may not have begun yet */
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
    write_in_turn = turns + 1 + (long)(2 * MAX_TASKS * bench_random(random));
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
        double share;
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
    bench_say_against(row, runs, ALLOWED_RUNS + 1); /* a run begins a little before its stamp */
}

/* The target is 50 µs and the mean duration of 32 turns. */
static int lateness(int ready)
{
    static struct late timers[EVENTS], fds[EVENTS];
    async_task *tasks[MAX_TASKS];
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
