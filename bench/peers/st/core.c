/*
 * core.c: the measurements of bench-core on State Threads: its threads, a queue made of condition
 * variables (it has no queue), its sleep. It has no timers apart from sleeping threads. The
 * protocol is bench.h's.
 */
#define _GNU_SOURCE
#include <bench.h>
#include <st.h>
#include <stdint.h>

enum { STACK = 64 * 1024, MAX_TASKS = 1000000 };

static st_thread_t threads[MAX_TASKS];
static double begun;

static void say_per(const char *row, long count)
{
    bench_say(row, (bench_cpu() - begun) * 1e9 / (double)count);
}

static st_thread_t start(void *(*function)(void *), intptr_t argument)
{
    st_thread_t thread = st_thread_create(function, (void *)argument, 1, STACK);
    if (thread == NULL)
        bench_die("st_thread_create", "failed");
    return thread;
}

/* ---- switch/N ------------------------------------------------------------------------------- */

enum { SWITCHES = 2000000, SWITCHES_BEFORE = 200000 };

static struct {
    const char *row;
    int tasks;
    int least, most; /* frames, as in bench/core.c */
} switching;

__attribute__((noinline)) static int deep(int frames)
{
    if (frames > 1) {
        int result = deep(frames - 1);
        __asm__ volatile("" : "+r"(result)); /* no tail call */
        return result;
    }
    return st_usleep(0);
}

static void turn(int frames, long turns)
{
    for (long i = 0; i < turns; i++)
        if (frames == 1)
            st_usleep(0);
        else
            deep(frames);
}

static void *take_turns(void *argument)
{
    int number = (int)(intptr_t)argument;
    int frames = switching.least + number % (switching.most - switching.least + 1);
    turn(frames, SWITCHES_BEFORE / switching.tasks);
    if (number == 0)
        begun = bench_cpu();
    turn(frames, SWITCHES / switching.tasks);
    if (number == 0)
        say_per(switching.row, SWITCHES);
    return NULL;
}

static void join(int count)
{
    for (int i = 0; i < count; i++)
        st_thread_join(threads[i], NULL);
}

static void measure_switch(const char *row, int tasks, int least, int most)
{
    switching.row = row;
    switching.tasks = tasks;
    switching.least = least;
    switching.most = most;
    for (int i = 0; i < tasks; i++)
        threads[i] = start(take_turns, i);
    join(tasks);
}

static void measure_switch_2(void)
{
    measure_switch("switch/2", 2, 1, 1);
}

static void measure_switch_100(void)
{
    measure_switch("switch/100", 100, 3, 3);
}

static void measure_switch_1000(void)
{
    measure_switch("switch/1000", 1000, 3, 3);
}

static void measure_switch_mixed(void)
{
    measure_switch("switch/mixed", 100, 1, 8);
}

/* ---- create+await --------------------------------------------------------------------------- */

enum { CREATIONS = 500000, CREATIONS_BEFORE = 10000 };

static void *give_back(void *argument)
{
    return argument;
}

static void create_and_await(long times)
{
    for (long i = 0; i < times; i++)
        st_thread_join(start(give_back, 1), NULL);
}

static void measure_create_await(void)
{
    create_and_await(CREATIONS_BEFORE);
    begun = bench_cpu();
    create_and_await(CREATIONS);
    say_per("create+await", CREATIONS);
}

/* ---- queue/N -------------------------------------------------------------------------------- */

enum { ITEMS = 2000000, ITEMS_BEFORE = 20000, MAX_ITEMS = 128 };

static struct {
    long items[MAX_ITEMS]; /* a ring */
    long maxsize, first, count;
    st_cond_t not_full, not_empty;
} queue;

static void put(long item)
{
    while (queue.count == queue.maxsize)
        st_cond_wait(queue.not_full);
    queue.items[(queue.first + queue.count++) % MAX_ITEMS] = item;
    st_cond_signal(queue.not_empty);
}

static long get(void)
{
    while (queue.count == 0)
        st_cond_wait(queue.not_empty);
    long item = queue.items[queue.first++ % MAX_ITEMS];
    queue.count--;
    st_cond_signal(queue.not_full);
    return item;
}

static void *produce(void *argument)
{
    for (long i = 0; i < ITEMS_BEFORE + ITEMS; i++)
        put(i);
    return argument;
}

static void measure_queue(const char *row, long maxsize)
{
    queue.maxsize = maxsize;
    queue.not_full = st_cond_new();
    queue.not_empty = st_cond_new();
    st_thread_t producer = start(produce, 0);
    for (long i = 0; i < ITEMS_BEFORE; i++)
        get();
    begun = bench_cpu();
    for (long i = 0; i < ITEMS; i++)
        get();
    say_per(row, ITEMS);
    st_thread_join(producer, NULL);
}

static void measure_queue_1(void)
{
    measure_queue("queue/1", 1);
}

static void measure_queue_128(void)
{
    measure_queue("queue/128", 128);
}

/* ---- a million ------------------------------------------------------------------------------ */

static void *wait_for_bell(void *argument)
{
    st_cond_wait(argument);
    return NULL;
}

static void measure_million(void)
{
    enum { TASKS = 1000000 };
    st_cond_t bell = st_cond_new();
    memset(threads, 1, sizeof threads);
    double before = bench_memory();
    begun = bench_cpu();
    for (int i = 0; i < TASKS; i++)
        threads[i] = start(wait_for_bell, (intptr_t)bell);
    say_per("cold create", TASKS);
    st_usleep(0); /* each thread runs until it waits */
    say_per("cold create+park", TASKS);
    bench_say("parked", (bench_memory() - before) / TASKS);
    st_cond_broadcast(bell);
    join(TASKS);
}

/* ---- sleep ---------------------------------------------------------------------------------- */

static void *sleep_for(void *microseconds)
{
    st_usleep((st_utime_t)(intptr_t)microseconds);
    return NULL;
}

static double wave(int count)
{
    unsigned random = 1;
    begun = bench_cpu();
    for (int i = 0; i < count; i++)
        threads[i] = start(sleep_for, (intptr_t)(1e6 * bench_random(&random)));
    join(count);
    return bench_cpu() - begun;
}

static void measure_sleep_100k(void)
{
    bench_say("sleep/100k cold", wave(100000));
    bench_say("sleep/100k", wave(100000));
}

static void measure_sleep_1m(void)
{
    bench_say("sleep/1m cold", wave(1000000));
    bench_say("sleep/1m", wave(1000000));
}

int main(int argc, char **argv)
{
    static const struct bench_measurement all[] = {
        {"switch/2", measure_switch_2},         {"switch/100", measure_switch_100},
        {"switch/1000", measure_switch_1000},   {"switch/mixed", measure_switch_mixed},
        {"create+await", measure_create_await}, {"queue/1", measure_queue_1},
        {"queue/128", measure_queue_128},       {"million", measure_million},
        {"sleep/100k", measure_sleep_100k},     {"sleep/1m", measure_sleep_1m},
    };
    if (st_set_eventsys(ST_EVENTSYS_ALT) < 0 || st_init() < 0) /* epoll */
        bench_die("st_init", "failed");
    return bench_main(argc, argv, all, sizeof all / sizeof all[0]);
}
