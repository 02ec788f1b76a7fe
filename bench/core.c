/*
 * bench/core.c: the costs of a switch through the scheduler, of a task from its creation to its
 * end, and of an item through a queue. It also has the list of the measurements of bench-core.
 */
#include "core.h"

enum { SWITCHES = 8000000, SWITCHES_BEFORE = 800000 };
enum { CREATIONS = 1000000, CREATIONS_BEFORE = 10000 };
enum { ITEMS = 4000000, ITEMS_BEFORE = 40000 };
enum { MAX_TASKS = 1000 };

static double begun; /* start of the timed part, on the clock of bench_cpu */

static void say_per(const char *row, long count)
{
    bench_say_per(row, begun, count);
}

/* ---- switch/N ------------------------------------------------------------------------------- */

static struct {
    const char *row;
    int tasks;
    int least, most; /* frames; the tasks wait in least, least + 1, ..., most, least, ... of them */
} switching;

/* Waits that many frames deep. The compiler must not inline the frames into one. */
__attribute__((noinline)) static int deep(int frames)
{
    if (frames > 1) {
        int result = deep(frames - 1);
        __asm__ volatile("" : "+r"(result)); /* no tail call */
        return result;
    }
    return async_sleep(0);
}

static int turn_flat(long turns)
{
    for (long i = 0; i < turns; i++)
        ASYNC_TRY(async_sleep(0));
    return 0;
}

static int turn(int frames, long turns)
{
    if (frames == 1)
        return turn_flat(turns);
    for (long i = 0; i < turns; i++)
        ASYNC_TRY(deep(frames));
    return 0;
}

/* Each task takes the same number of turns. The first one measures the time. */
static int take_turns(int number)
{
    int frames = switching.least + number % (switching.most - switching.least + 1);
    ASYNC_TRY(turn(frames, SWITCHES_BEFORE / switching.tasks));
    if (number == 0)
        begun = bench_cpu();
    ASYNC_TRY(turn(frames, SWITCHES / switching.tasks));
    if (number == 0)
        say_per(switching.row, SWITCHES);
    return 0;
}
async_fn(take_turns, int);

static int all_take_turns(void)
{
    async_task *tasks[MAX_TASKS];
    for (int i = 0; i < switching.tasks; i++)
        tasks[i] = async_create_task(take_turns, i);
    return async_gather_n(tasks, (size_t)switching.tasks, NULL, ASYNC_FIRST_ERROR);
}
async_fn(all_take_turns);

static void measure_switch(const char *row, int tasks, int least, int most)
{
    switching.row = row;
    switching.tasks = tasks;
    switching.least = least;
    switching.most = most;
    must(async_run(all_take_turns), row);
}

void measure_switch_2(void)
{
    measure_switch("switch/2", 2, 1, 1);
}

void measure_switch_100(void)
{
    measure_switch("switch/100", 100, 3, 3);
}

void measure_switch_1000(void)
{
    measure_switch("switch/1000", 1000, 3, 3);
}

void measure_switch_mixed(void)
{
    measure_switch("switch/mixed", 100, 1, 8);
}

/* ---- create+await --------------------------------------------------------------------------- */

static int give_back(int argument)
{
    return argument;
}
async_fn(give_back, int);

static int create_and_await(long times)
{
    for (long i = 0; i < times; i++)
        ASYNC_TRY(async_await(async_create_task(give_back, 1)));
    return 0;
}

static int creating(void)
{
    ASYNC_TRY(create_and_await(CREATIONS_BEFORE));
    begun = bench_cpu();
    ASYNC_TRY(create_and_await(CREATIONS));
    say_per("create+await", CREATIONS);
    return 0;
}
async_fn(creating);

void measure_create_await(void)
{
    must(async_run(creating), "create+await");
}

/* ---- queue/N -------------------------------------------------------------------------------- */

static int produce(async_queue *queue)
{
    for (long i = 0; i < ITEMS_BEFORE + ITEMS; i++)
        ASYNC_TRY(async_queue_put(queue, &i));
    return 0;
}
async_fn(produce, async_queue *);

static int take(async_queue *queue, long items)
{
    long item;
    for (long i = 0; i < items; i++)
        ASYNC_TRY(async_queue_get(queue, &item));
    return 0;
}

/* The consumer measures the time. */
static int queueing(const char *row, size_t maxsize)
{
    async_auto_queue *queue = NULL;
    ASYNC_TRY(async_queue_new(&queue, maxsize, sizeof(long)));
    async_task *producer = async_create_task(produce, queue);
    ASYNC_TRY(take(queue, ITEMS_BEFORE));
    begun = bench_cpu();
    ASYNC_TRY(take(queue, ITEMS));
    say_per(row, ITEMS);
    return async_await(producer);
}
async_fn(queueing, const char *, size_t);

void measure_queue_1(void)
{
    must(async_run(queueing, "queue/1", 1), "queue/1");
}

void measure_queue_128(void)
{
    must(async_run(queueing, "queue/128", 128), "queue/128");
}

int main(int argc, char **argv)
{
    static const struct bench_measurement all[] = {
        {"switch/2", measure_switch_2},
        {"switch/100", measure_switch_100},
        {"switch/1000", measure_switch_1000},
        {"switch/mixed", measure_switch_mixed},
        {"create+await", measure_create_await},
        {"queue/1", measure_queue_1},
        {"queue/128", measure_queue_128},
        {"million", measure_million},
        {"sleep/100k", measure_sleep_100k},
        {"sleep/1m", measure_sleep_1m},
        {"timer", measure_timer},
        {"lateness/2", measure_lateness_2},
        {"lateness/1000", measure_lateness_1000},
    };
    return bench_main(argc, argv, all, sizeof all / sizeof all[0]);
}
