/*
 * bench/core.c: what the core costs: a switch through the scheduler, a task from creation to its end, an item through
 * a queue. Ours alone; the peers come beside it later, in the same run.
 */
#define _GNU_SOURCE
#include "table.h"
#include <asyncio.h>

enum { SWITCHES = 4000000, CREATIONS = 1000000, ITEMS = 4000000 };

static long turns_each; /* of every task in this run */
static double seconds;  /* what the run took */

/* Waits that many frames deep, as programs do: they are not to be folded into one. */
__attribute__((noinline)) static int deep(int frames)
{
    if (frames > 1) {
        int result = deep(frames - 1);
        __asm__ volatile("" : "+r"(result)); /* no tail call */
        return result;
    }
    return async_sleep(0);
}

static int turning(int frames)
{
    for (long i = 0; i < turns_each; i++)
        ASYNC_TRY(deep(frames));
    return 0;
}
async_fn(turning, int);

static int flat(void)
{
    for (long i = 0; i < turns_each; i++)
        ASYNC_TRY(async_sleep(0));
    return 0;
}
async_fn(flat);

enum depth { FLAT, THREE_DEEP, MIXED };

static int switching(int tasks, int depth)
{
    static async_task *created[1000];
    turns_each = SWITCHES / tasks;
    for (int i = 0; i < tasks; i++) {
        int frames = depth == MIXED ? 1 + i % 8 : 3;
        created[i] = depth == FLAT ? async_create_task(flat) : async_create_task(turning, frames);
    }
    double begin = bench_now();
    int result = async_gather_n(created, (size_t)tasks, NULL, 0);
    seconds = bench_now() - begin;
    return result;
}
async_fn(switching, int, int);

static double per(long count, int result)
{
    if (result < 0) {
        fprintf(stderr, "a benchmark failed: %s\n", async_strerror(result));
        exit(1);
    }
    return seconds * 1e9 / (double)count;
}

static double switch_2(void)
{
    return per(SWITCHES, async_run(switching, 2, FLAT));
}

static double switch_100(void)
{
    return per(SWITCHES, async_run(switching, 100, THREE_DEEP));
}

static double switch_1000(void)
{
    return per(SWITCHES, async_run(switching, 1000, THREE_DEEP));
}

static double switch_mixed(void)
{
    return per(SWITCHES, async_run(switching, 100, MIXED));
}

static int nothing(int argument)
{
    return argument;
}
async_fn(nothing, int);

static int creating(void)
{
    double begin = bench_now();
    for (int i = 0; i < CREATIONS; i++)
        ASYNC_TRY(async_await(async_create_task(nothing, 1)));
    seconds = bench_now() - begin;
    return 0;
}
async_fn(creating);

static double create_await(void)
{
    return per(CREATIONS, async_run(creating));
}

static int produce(async_queue *queue)
{
    for (long i = 0; i < ITEMS; i++)
        ASYNC_TRY(async_queue_put(queue, &i));
    return 0;
}
async_fn(produce, async_queue *);

static int consume(async_queue *queue)
{
    long item;
    for (long i = 0; i < ITEMS; i++)
        ASYNC_TRY(async_queue_get(queue, &item));
    return 0;
}
async_fn(consume, async_queue *);

static int queueing(int maxsize)
{
    async_auto_queue *queue = async_queue_new((size_t)maxsize, sizeof(long));
    double begin = bench_now();
    int result = async_gather(async_create_task(produce, queue), async_create_task(consume, queue));
    seconds = bench_now() - begin;
    return result;
}
async_fn(queueing, int);

static double queue_1(void)
{
    return per(ITEMS, async_run(queueing, 1));
}

static double queue_128(void)
{
    return per(ITEMS, async_run(queueing, 128));
}

int main(int argc, char **argv)
{
    static struct bench_row rows[] = {
        {.name = "switch/2", .unit = "ns", .target = 14, .measure = switch_2},
        {.name = "switch/100", .unit = "ns", .target = 12, .measure = switch_100},
        {.name = "switch/1000", .unit = "ns", .target = 15, .measure = switch_1000},
        {.name = "switch/mixed", .unit = "ns", .measure = switch_mixed},
        {.name = "create+await", .unit = "ns", .target = 30, .measure = create_await},
        {.name = "queue/1", .unit = "ns", .target = 25, .measure = queue_1},
        {.name = "queue/128", .unit = "ns", .target = 8, .measure = queue_128},
    };
    enum { COUNT = sizeof rows / sizeof rows[0] };
    bench_pin();
    bench_measure(rows, COUNT);
    bench_print(rows, COUNT);
    return argc > 1 && bench_write(argv[1], rows, COUNT) != 0;
}
