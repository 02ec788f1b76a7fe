/*
 * test_verdict.c: that the verdict on a timeline with a known cause names this cause first, and
 * that it says nothing of a healthy program.
 */
#include "run/runner.h"
#include "timeline/planted.h"
#include "timeline/verdict.h"
#include <stdio.h>
#include <string.h>

struct cause {
    const char *what;
    enum finding finding;
    const char *words; /* a part of the first sentence */
    void (*plant)(struct planted *planted, int a, double b);
    int a;
    double b;
};

/* A function; the texts of a file are constants, compared by their addresses. */
static const char serve[] = "serve", parse[] = "parse", writer[] = "writer", flush[] = "flush";
static const char on_recv[] = "async_recv", on_sleep[] = "async_sleep";
static const char on_lock[] = "async_lock_acquire", on_put[] = "async_queue_put";
static const char on_get[] = "async_queue_get", on_semaphore[] = "async_semaphore_acquire";

static uint32_t many(struct planted *planted, const char *function, int count)
{
    uint32_t first = (uint32_t)planted->timeline.task_count;
    for (int i = 0; i < count; i++)
        plant_task(planted, function);
    return first;
}

static void short_turns(struct planted *planted, uint32_t first, int count, const char *call,
                        uint64_t object)
{
    for (int i = 0; i < count; i++)
        plant_turn(planted, first + (uint32_t)i, 0.01, call, object);
}

/* A server with `a` connections, which are served once in 100 ms, ten times. */
static uint32_t server(struct planted *planted, int a)
{
    uint32_t first = many(planted, serve, a);
    short_turns(planted, first, a, on_recv, 5);
    for (int round = 0; round < 10; round++) {
        plant_event(planted, EVENT_SLEEP, 0, 0);
        plant_later(planted, 100);
        plant_wakes(planted, first, (uint32_t)a);
        short_turns(planted, first, a, on_recv, 5);
    }
    return first;
}

/* ---- causes ---------------------------------------------------------------------------------- */

/* One of `a` + 1 ready tasks holds the loop for `b` milliseconds. */
static void hold(struct planted *planted, int a, double b)
{
    uint32_t first = server(planted, a), parser = plant_task(planted, parse);
    plant_wakes(planted, first, (uint32_t)a);
    plant_turn(planted, parser, b, on_sleep, 0);
    short_turns(planted, first, a, on_recv, 5);
    server(planted, 5);
}

/* Each of `a` tasks holds the loop for `b` milliseconds, one after the other. */
static void hold_each(struct planted *planted, int a, double b)
{
    uint32_t first = many(planted, parse, a);
    for (int i = 0; i < a; i++)
        plant_last_turn(planted, first + (uint32_t)i, b);
}

static void hold_by_callback(struct planted *planted, int a, double b)
{
    uint32_t first = server(planted, a);
    plant_wakes(planted, first, (uint32_t)a);
    plant_event(planted, EVENT_RUN, 0, 0);
    plant_later(planted, b);
    plant_event(planted, EVENT_DONE, 0, 0);
    short_turns(planted, first, a, on_recv, 5);
}

/* `a` tasks yield all the time, in turns of `b` milliseconds; every fourth of them parses. */
static void full(struct planted *planted, int a, double b)
{
    uint32_t first = many(planted, serve, a - a / 4);
    many(planted, parse, a / 4);
    for (int turn = 0; turn < 4000; turn++) {
        uint32_t task = first + (uint32_t)(turn % a);
        plant_event(planted, EVENT_RUN, task, 0);
        plant_later(planted, planted->tasks[task].function == parse ? 4 * b : b);
        plant_event(planted, EVENT_YIELD, task, 0);
    }
}

/* Bursts of `a` short turns at once, with as long a sleep after each. */
static void crowd(struct planted *planted, int a, double b)
{
    uint32_t first = many(planted, serve, a);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < a; i++)
            plant_turn(planted, first + (uint32_t)i, b, on_recv, 5);
        plant_event(planted, EVENT_SLEEP, 0, 0);
        plant_later(planted, a * b);
        plant_wakes(planted, first, (uint32_t)a);
    }
    short_turns(planted, first, a, on_recv, 5);
}

/* A writer has something for `b` milliseconds; `a` tasks wait for it and get it one by one. */
static void contend(struct planted *planted, int a, double b, const char *call)
{
    uint32_t holder = plant_task(planted, writer), first = many(planted, flush, a);
    plant_turn(planted, holder, 0.1, on_sleep, 0);
    short_turns(planted, first, a, call, 0x7000);
    for (int i = 0; i < a; i++) {
        plant_event(planted, EVENT_SLEEP, 0, 0);
        plant_later(planted, b);
        plant_wakes(planted, holder, 1);
        plant_event(planted, EVENT_RUN, holder, 0);
        plant_later(planted, 0.01);
        plant_event(planted, EVENT_WAKE, first + (uint32_t)i, 0);
        plant_wait(planted, holder, on_sleep, 0);
        plant_last_turn(planted, first + (uint32_t)i, 0.01);
    }
}

static void contend_for_lock(struct planted *planted, int a, double b)
{
    contend(planted, a, b, on_lock);
}

static void contend_for_semaphore(struct planted *planted, int a, double b)
{
    contend(planted, a, b, on_semaphore);
}

static void full_queue(struct planted *planted, int a, double b)
{
    contend(planted, a, b, on_put);
}

/* `a` tasks wait, and nothing can wake them for `b` milliseconds. */
static void stuck(struct planted *planted, int a, double b)
{
    uint32_t first = many(planted, flush, a);
    short_turns(planted, first, a, on_lock, 0x7000);
    plant_event(planted, EVENT_SLEEP, 0, SLEEP_FOREVER);
    plant_later(planted, b);
    plant_event(planted, EVENT_WAKE, first, WAKE_CANCELLED);
    plant_last_turn(planted, first, 0.01);
}

static void stuck_at_end(struct planted *planted, int a, double b)
{
    uint32_t first = server(planted, a);
    short_turns(planted, first, a, on_lock, 0x7000);
    plant_later(planted, b);
    planted->timeline.end = TIMELINE_DEADLOCK;
    for (uint32_t i = 0; i < (uint32_t)a; i++)
        planted->tasks[first + i].is_live = true;
}

/* The run has reported it, and has gone on: `a` tasks were in it, which are cancelled and retry. */
static void reported_deadlock(struct planted *planted, int a, double b)
{
    uint32_t first = many(planted, flush, a);
    short_turns(planted, first, a, on_lock, 0x7000);
    plant_event(planted, EVENT_SLEEP, 0, SLEEP_FOREVER | SLEEP_DEADLOCK);
    for (int i = 0; i < a; i++)
        plant_event(planted, EVENT_WAKE, first + (uint32_t)i, WAKE_CANCELLED);
    for (int i = 0; i < a; i++)
        plant_turn(planted, first + (uint32_t)i, b, on_sleep, 0);
    plant_later(planted, 5);
}

/* After `a` turns of others, the record ends `b` milliseconds after the begin of a turn. */
static void ends_in_a_turn(struct planted *planted, int a, double b)
{
    uint32_t parser = plant_task(planted, parse);
    server(planted, a);
    plant_event(planted, EVENT_RUN, parser, 0);
    plant_later(planted, b);
    planted->timeline.end = TIMELINE_HELD;
}

static void ends_in_a_callback(struct planted *planted, int a, double b)
{
    server(planted, a);
    plant_event(planted, EVENT_RUN, 0, 0);
    plant_later(planted, b);
    planted->timeline.end = TIMELINE_RUNNING;
}

/* `a` tasks wait for a lock all the time; another one goes on. */
static void contend_without_events(struct planted *planted, int a, double b)
{
    uint32_t ticker = plant_task(planted, parse);
    plant_turn(planted, ticker, 0.01, on_lock, 0x7000); /* it gets the lock at once */
    plant_idle(planted, flush, a, 1);
    for (int i = 0; i < 10; i++) {
        plant_event(planted, EVENT_SLEEP, 0, 0);
        plant_later(planted, b / 10);
        plant_wakes(planted, ticker, 1);
        plant_turn(planted, ticker, 0.01, on_sleep, 0);
    }
}

/* The same as ends_after_a_turn, at the end of a long record; the server's tasks are ready. */
static void ends_with_ready_tasks(struct planted *planted, int a, double b)
{
    uint32_t parser = plant_task(planted, parse), first = server(planted, a);
    plant_event(planted, EVENT_SLEEP, 0, 0);
    plant_later(planted, 100 * a * b);
    plant_wakes(planted, first, (uint32_t)a);
    plant_turn(planted, parser, b, on_sleep, 0);
    planted->timeline.end = TIMELINE_STALL;
}

/* Debug mode writes the record after a turn that was long; no other task was ready. */
static void ends_after_a_turn(struct planted *planted, int a, double b)
{
    uint32_t parser = plant_task(planted, parse);
    server(planted, a);
    plant_turn(planted, parser, b, on_sleep, 0);
    planted->timeline.end = TIMELINE_STALL;
}

static void ends_after_a_callback(struct planted *planted, int a, double b)
{
    server(planted, a);
    plant_event(planted, EVENT_RUN, 0, 0);
    plant_later(planted, b);
    plant_event(planted, EVENT_DONE, 0, 0);
    planted->timeline.end = TIMELINE_STALL;
}

/* How long the turn was is unknown: a core has no clock. */
static void ends_in_a_core(struct planted *planted, int a, double b)
{
    ends_in_a_turn(planted, a, b);
    planted->timeline.end = TIMELINE_CRASHED;
}

/* `a` tasks of 50 ms, and one of `b` milliseconds. */
static void straggler(struct planted *planted, int a, double b)
{
    uint32_t first = many(planted, parse, a + 1);
    short_turns(planted, first, a + 1, on_recv, 5);
    plant_event(planted, EVENT_SLEEP, 0, 0);
    plant_later(planted, 50);
    plant_wakes(planted, first, (uint32_t)a);
    for (int i = 0; i < a; i++)
        plant_last_turn(planted, first + (uint32_t)i, 0.01);
    plant_event(planted, EVENT_SLEEP, 0, 0);
    plant_later(planted, b - 50);
    plant_wakes(planted, first + (uint32_t)a, 1);
    plant_last_turn(planted, first + (uint32_t)a, 0.01);
}

/* No task is ready, but `a` tasks become due while one holds the loop for `b` milliseconds. */
static void hold_while_idle(struct planted *planted, int a, double b)
{
    uint32_t first = server(planted, a), parser = plant_task(planted, parse);
    plant_turn(planted, parser, b, on_sleep, 0);
    plant_wakes(planted, first, (uint32_t)a);
    short_turns(planted, first, a, on_recv, 5);
}

static void hold_and_contention(struct planted *planted, int a, double b)
{
    contend(planted, a, b, on_lock);
    hold(planted, a, 5 * b);
}

static const struct cause causes[] = {
    {"one task waits for a hold", FINDING_HOLD, "parse (planted.c:1) held", hold, 1, 300},
    {"41 tasks wait for a hold", FINDING_HOLD, "up to 41 other tasks were ready", hold, 41, 212},
    {"a short hold and many tasks", FINDING_HOLD, "held the loop for 20 ms", hold, 100, 20},
    {"a long hold", FINDING_HOLD, "held the loop for 5 s", hold, 3, 5000},
    {"three holds in a row", FINDING_HOLD, "for 3 s in 3 turns", hold_each, 3, 1000},
    {"many holds in a row", FINDING_HOLD, "in 20 turns; meanwhile", hold_each, 20, 30},
    {"two holds", FINDING_HOLD, "up to 1 other task was ready", hold_each, 2, 500},
    {"a callback holds", FINDING_HOLD, "a callback held the loop", hold_by_callback, 10, 100},
    {"a callback holds for long", FINDING_HOLD, "for 2 s", hold_by_callback, 2, 2000},
    {"a full loop", FINDING_SATURATION, "parse (planted.c:1) took 57 %", full, 4, 0.1},
    {"a full loop of many tasks", FINDING_SATURATION, "busy for 100 %", full, 40, 0.05},
    {"a full loop of longer turns", FINDING_SATURATION, "busy for 100 %", full, 8, 1},
    {"bursts of 100", FINDING_CROWD, "100 tasks of serve", crowd, 100, 0.1},
    {"bursts of 400", FINDING_CROWD, "full, not blocked", crowd, 400, 0.02},
    {"bursts of 50 turns", FINDING_CROWD, "no turn was longer than 1 ms", crowd, 50, 1},
    {"three for a lock", FINDING_CONTENTION, "async_lock_acquire", contend_for_lock, 3, 100},
    {"200 for a lock", FINDING_CONTENTION, "mostly writer", contend_for_lock, 200, 5},
    {"50 for a lock", FINDING_CONTENTION, "up to 50 tasks at once", contend_for_lock, 50, 20},
    {"ten for a semaphore", FINDING_CONTENTION, "semaphore", contend_for_semaphore, 10, 30},
    {"100 for a semaphore", FINDING_CONTENTION, "semaphore", contend_for_semaphore, 100, 3},
    {"producers and a full queue", FINDING_CONTENTION, "async_queue_put", full_queue, 6, 50},
    {"many producers", FINDING_CONTENTION, "0x7000", full_queue, 60, 10},
    {"a deadlock of two", FINDING_STUCK, "2 tasks waited", stuck, 2, 1000},
    {"a task that is never woken", FINDING_STUCK, "1 task waited", stuck, 1, 700},
    {"a deadlock of many", FINDING_STUCK, "20 tasks waited", stuck, 20, 60000},
    {"a deadlock at the end", FINDING_STUCK, "nothing can wake a task any more", stuck_at_end, 3,
     0},
    {"a deadlock at the end, after a while", FINDING_STUCK, "#1 serve in async_lock", stuck_at_end,
     10, 500},
    {"a reported deadlock", FINDING_STUCK, "2 tasks waited, #1 flush in async_lock_acquire, #2 ",
     reported_deadlock, 2, 0.1},
    {"a reported deadlock at one moment", FINDING_STUCK,
     "at the reported deadlock nothing could "
     "wake a task (no timer, no operation, no job): 3 tasks waited",
     reported_deadlock, 3, 0},
    {"a turn at the end", FINDING_UNFINISHED,
     "parse (planted.c:1) still ran at the end of the "
     "record, for 567 ms, from 1 s on: task #1",
     ends_in_a_turn, 1, 567},
    {"a short turn at the end", FINDING_UNFINISHED, "for 10 ms", ends_in_a_turn, 3, 10},
    {"a callback at the end", FINDING_UNFINISHED,
     "a callback still ran at the end of the record, "
     "for 40 ms",
     ends_in_a_callback, 3, 40},
    {"a turn before the record is written", FINDING_REPORTED,
     "parse (planted.c:1) held the loop for 123 ms at the end of the record, and no other task was "
     "ready",
     ends_after_a_turn, 2, 123},
    {"a callback before the record is written", FINDING_REPORTED,
     "a callback held the loop for 1 s", ends_after_a_callback, 2, 1000},
    {"a turn before the record is written, with tasks that are ready", FINDING_REPORTED,
     "at the end of the record, while 5 other tasks were ready", ends_with_ready_tasks, 5, 150},
    {"waits that began before the record", FINDING_CONTENTION, "up to 51 tasks at once",
     contend_without_events, 50, 1000},
    {"the turn of a crash", FINDING_UNFINISHED,
     "parse (planted.c:1) ran when the core was written, "
     "from 1 s on: task #1",
     ends_in_a_core, 1, 0},
    {"a straggler", FINDING_LAST, "#11 of parse", straggler, 10, 500},
    {"a straggler of four", FINDING_LAST, "the 3 others at most", straggler, 3, 120},
    {"a straggler of many", FINDING_LAST, "#301 of parse", straggler, 300, 3000},
    {"tasks become due during a hold", FINDING_HOLD, "up to 30 other tasks became ready",
     hold_while_idle, 30, 100},
    {"one task becomes due during a hold", FINDING_HOLD, "about 500 ms lost", hold_while_idle, 1,
     1000},
    {"a hold, and contention", FINDING_HOLD, "parse (planted.c:1) held", hold_and_contention, 20,
     20},
};

TEST(verdict_names_the_cause_that_was_planted)
{
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++) {
        const struct cause *cause = &causes[i];
        struct planted planted;
        struct verdict verdict;
        plant_begin(&planted);
        cause->plant(&planted, cause->a, cause->b);
        CHECK_EQ(asyncp_verdict_make(&verdict, &planted.timeline), 0);
        printf("%s: %zu: %s\n", cause->what, verdict.count, verdict.sentences[0]);
        if (verdict.count == 0 || verdict.findings[0] != cause->finding ||
            strstr(verdict.sentences[0], cause->words) == NULL)
            test_fail(__FILE__, __LINE__, "%s: the verdict is: %s", cause->what,
                      verdict.sentences[0]);
        plant_free(&planted);
    }
}

/* `a` tasks wait for a lock until their time limits; each time another task has run before. */
static void wait_until_time_limits(struct planted *planted, int a, double b)
{
    uint32_t ticker = plant_task(planted, parse), first = many(planted, flush, a);
    short_turns(planted, first, a, on_lock, 0x7000);
    for (int i = 0; i < a; i++) {
        plant_turn(planted, ticker, 0.01, on_sleep, 0);
        plant_event(planted, EVENT_SLEEP, 0, 0);
        plant_later(planted, b);
        plant_wakes(planted, first + (uint32_t)i, 1);
        plant_last_turn(planted, first + (uint32_t)i, 0.01);
        plant_wakes(planted, ticker, 1);
    }
}

TEST(verdict_credits_no_task_with_what_the_loop_has_woken)
{
    struct planted planted;
    struct verdict verdict;
    plant_begin(&planted);
    wait_until_time_limits(&planted, 20, 50);
    CHECK_EQ(asyncp_verdict_make(&verdict, &planted.timeline), 0);
    CHECK_EQ(verdict.findings[0], FINDING_CONTENTION);
    CHECK(strstr(verdict.sentences[0], "mostly") == NULL);
    plant_free(&planted);
}

/* ---- healthy programs ------------------------------------------------------------------------ */

static void idle_server(struct planted *planted, int a, double b)
{
    (void)b;
    server(planted, a);
}

/* A batch that computes alone: no other task waits for it. */
static void alone(struct planted *planted, int a, double b)
{
    for (int i = 0; i < a; i++)
        plant_last_turn(planted, plant_task(planted, parse), b);
}

/* A producer that is faster than its consumer waits for room in the queue: it should. */
static void back_pressure(struct planted *planted, int a, double b)
{
    uint32_t producer = plant_task(planted, writer), consumer = plant_task(planted, flush);
    plant_turn(planted, producer, 0.1, on_put, 0x7000);
    plant_turn(planted, consumer, 0.1, on_sleep, 0);
    for (int i = 0; i < a; i++) {
        plant_event(planted, EVENT_SLEEP, 0, 0);
        plant_later(planted, b);
        plant_wakes(planted, consumer, 1);
        plant_event(planted, EVENT_RUN, consumer, 0);
        plant_event(planted, EVENT_WAKE, producer, 0);
        plant_wait(planted, consumer, on_sleep, 0);
        plant_turn(planted, producer, 0.1, on_put, 0x7000);
    }
}

/* Workers that wait for work: the queue is empty, which is no fault. */
static void idle_workers(struct planted *planted, int a, double b)
{
    uint32_t first = many(planted, flush, a);
    short_turns(planted, first, a, on_get, 0x7000);
    plant_event(planted, EVENT_SLEEP, 0, 0);
    plant_later(planted, b);
    plant_wakes(planted, first, 1);
    plant_turn(planted, first, 0.1, on_get, 0x7000);
}

/* Equal tasks that end at nearly the same time. */
static void equal_tasks(struct planted *planted, int a, double b)
{
    uint32_t first = many(planted, parse, a);
    short_turns(planted, first, a, on_recv, 5);
    for (int i = 0; i < a; i++) {
        plant_event(planted, EVENT_SLEEP, 0, 0);
        plant_later(planted, i == 0 ? b : 1);
        plant_wakes(planted, first + (uint32_t)i, 1);
        plant_last_turn(planted, first + (uint32_t)i, 0.1);
    }
}

/* A short wait for a signal of the program or another thread. */
static void short_standstill(struct planted *planted, int a, double b)
{
    stuck(planted, a, b);
}

static void reads_a_running_program(struct planted *planted, int a, double b)
{
    ends_in_a_turn(planted, a, b);
    planted->timeline.end = TIMELINE_RUNNING;
}

/* A batch that ends by exit() in its only task. */
static void exits(struct planted *planted, int a, double b)
{
    alone(planted, a, b);
    plant_event(planted, EVENT_RUN, 1, 0);
    plant_later(planted, b);
    planted->timeline.end = TIMELINE_EXITED;
}

/* A group with a limit has children that have not begun. */
static void held_back(struct planted *planted, int a, double b)
{
    plant_idle(planted, parse, a, 0);
    server(planted, (int)b);
}

/* One of three connections stays, while requests come and go. */
static void busy_beside_the_last(struct planted *planted, int a, double b)
{
    uint32_t first = many(planted, serve, 3);
    short_turns(planted, first, 3, on_recv, 5);
    plant_wakes(planted, first, 2);
    plant_last_turn(planted, first, 0.01);
    plant_last_turn(planted, first + 1, 0.01);
    for (int i = 0; i < a; i++) {
        plant_event(planted, EVENT_SLEEP, 0, 0);
        plant_later(planted, b);
        plant_last_turn(planted, plant_task(planted, parse), 0.01);
    }
    plant_wakes(planted, first + 2, 1);
    plant_last_turn(planted, first + 2, 0.01);
}

static const struct cause healthy[] = {
    {"children that have not begun", FINDING_NONE, "nothing stands out", held_back, 400, 5},
    {"requests beside the last connection", FINDING_NONE, "nothing stands out",
     busy_beside_the_last, 100, 10},
    {"an idle server", FINDING_NONE, "nothing stands out", idle_server, 50, 0},
    {"a computing batch", FINDING_NONE, "nothing stands out", alone, 5, 1000},
    {"back pressure", FINDING_NONE, "nothing stands out", back_pressure, 50, 20},
    {"idle workers", FINDING_NONE, "nothing stands out", idle_workers, 10, 2000},
    {"equal tasks", FINDING_NONE, "nothing stands out", equal_tasks, 10, 200},
    {"a short turn of a running program", FINDING_NONE, "nothing stands out",
     reads_a_running_program, 3, 9},
    {"exit() in a long turn", FINDING_NONE, "nothing stands out", exits, 1, 100},
    {"a short standstill", FINDING_NONE, "nothing stands out", short_standstill, 2, 100},
};

TEST(verdict_says_nothing_of_healthy_programs)
{
    for (size_t i = 0; i < sizeof healthy / sizeof healthy[0]; i++) {
        struct planted planted;
        struct verdict verdict;
        plant_begin(&planted);
        healthy[i].plant(&planted, healthy[i].a, healthy[i].b);
        CHECK_EQ(asyncp_verdict_make(&verdict, &planted.timeline), 0);
        if (verdict.count > 0)
            test_fail(__FILE__, __LINE__, "%s: the verdict is: %s", healthy[i].what,
                      verdict.sentences[0]);
        CHECK(strstr(verdict.sentences[0], healthy[i].words) != NULL);
        plant_free(&planted);
    }
}

/* Harm counts, not length: a second without another task is less than 50 ms of 100 tasks. */
TEST(verdict_weighs_holds_by_harm)
{
    struct planted planted;
    struct verdict verdict;
    plant_begin(&planted);
    uint32_t first = server(&planted, 100);
    plant_turn(&planted, plant_task(&planted, writer), 1000, on_sleep, 0);
    plant_event(&planted, EVENT_SLEEP, 0, 0);
    plant_later(&planted, 10);
    uint32_t parser = plant_task(&planted, parse);
    plant_wakes(&planted, first, 100);
    plant_turn(&planted, parser, 50, on_sleep, 0);
    short_turns(&planted, first, 100, on_recv, 5);
    CHECK_EQ(asyncp_verdict_make(&verdict, &planted.timeline), 0);
    CHECK_EQ(verdict.findings[0], FINDING_HOLD);
    CHECK(strstr(verdict.sentences[0], "parse (planted.c:1) held the loop for 50 ms") != NULL);
    CHECK(strstr(verdict.sentences[0], "5 s lost together") != NULL);
    plant_free(&planted);
}

TEST(verdict_of_nothing)
{
    struct planted planted;
    struct verdict verdict;
    plant_begin(&planted);
    CHECK_EQ(asyncp_verdict_make(&verdict, &planted.timeline), 0);
    CHECK_EQ(verdict.count, 0);
    plant_free(&planted);
}
