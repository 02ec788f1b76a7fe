/*
 * bench/sync_select.c: select over four queues: all of them empty, or one with an item.
 */
#include "sync.h"

enum { QUEUES = 4, WAITS = 4000000, READY = 8000000 };

static async_queue *queues[QUEUES];

static int select_one(void)
{
    long item;
    return async_select(async_on_get(queues[0], &item), async_on_get(queues[1], &item),
                        async_on_get(queues[2], &item), async_on_get(queues[3], &item));
}

static int produce(void)
{
    for (long i = 0;; i++) {
        ASYNC_TRY(async_queue_put(queues[i % QUEUES], &i));
        ASYNC_TRY(async_sleep(0));
    }
}
async_fn(produce);

static int select_waiting(long times)
{
    for (long i = 0; i < times; i++)
        ASYNC_TRY(select_one());
    return 0;
}

static int select_ready(long times)
{
    for (long i = 0; i < times; i++) {
        ASYNC_TRY(async_queue_put(queues[i % QUEUES], &i));
        ASYNC_TRY(select_one());
    }
    return 0;
}

static int with_queues(const char *row, long times, bench_act *act, bool produced)
{
    for (int i = 0; i < QUEUES; i++)
        ASYNC_TRY(async_queue_new(&queues[i], 1, sizeof(long)));
    async_task *producer = produced ? async_create_task(produce) : NULL;
    int result = bench_per_turn(row, times, act);
    if (produced) {
        async_task_cancel(producer);
        async_ignore(async_await(producer));
    }
    for (int i = 0; i < QUEUES; i++)
        async_queue_free(queues[i]);
    return result;
}
async_fn(with_queues, const char *, long, bench_act *, bool);

void measure_select(void)
{
    must(async_run(with_queues, "select", WAITS, select_waiting, true), "select");
}

void measure_select_ready(void)
{
    must(async_run(with_queues, "select/ready", READY, select_ready, false), "select/ready");
}
