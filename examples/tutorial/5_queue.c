/*
 * 5_queue.c: three producers and two consumers on one queue, until Ctrl-C. Most programs with
 * workers look like it.
 *
 * The queue has room for a few jobs, so producers that are too fast wait in async_queue_put. Ctrl-C
 * cancels amain, the gather in which it waits, and the producers. amain then shuts down in order:
 * the consumers may work for one more second, are cancelled and awaited, and the queue is freed.
 * The status is 130.
 *
 * `5_queue 7` draws the same pauses each time, from the seed 7.
 */
#include <asyncio.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { PRODUCERS = 3, CONSUMERS = 2, ROOM = 4, GRACE = 1 };

struct job {
    int producer;
    int number; /* counted by the producer */
};

/* Shared by all tasks without a lock: other tasks run only while this one waits. */
static uint32_t dice;

/* 1 to 5 seconds. */
static double draw_pause(void)
{
    dice = dice * 1664525 + 1013904223;
    return 1 + 4 * (dice / 4294967296.0);
}

static int produce(int id, async_queue *queue)
{
    struct job job = {.producer = id};
    for (;;) {
        ASYNC_TRY(async_sleep(draw_pause()));
        job.number++;
        ASYNC_TRY(async_queue_put(queue, &job));
        printf("producer %d puts %d.%d\n", id, job.producer, job.number);
    }
}
async_fn(produce, int, async_queue *);

static int work(int id, struct job job)
{
    printf("    consumer %d takes %d.%d\n", id, job.producer, job.number);
    ASYNC_TRY(async_sleep(draw_pause()));
    printf("    consumer %d is done with %d.%d\n", id, job.producer, job.number);
    return 0;
}

static int consume(int id, async_queue *queue)
{
    for (;;) {
        struct job job;
        ASYNC_TRY(async_queue_get(queue, &job));
        int result = work(id, job);
        async_queue_task_done(queue); /* also after an error, or join would wait forever */
        ASYNC_TRY(result);
    }
}
async_fn(consume, int, async_queue *);

static int amain(void)
{
    async_task *producers[PRODUCERS], *consumers[CONSUMERS];
    async_auto_queue *queue = NULL;
    ASYNC_TRY(async_queue_new(&queue, ROOM, sizeof(struct job)));
    for (int i = 0; i < PRODUCERS; i++)
        producers[i] = async_create_task(produce, i + 1, queue);
    for (int i = 0; i < CONSUMERS; i++)
        consumers[i] = async_create_task(consume, i + 1, queue);

    int result = async_gather_n(producers, PRODUCERS, NULL, ASYNC_FIRST_ERROR); /* until Ctrl-C */
    puts("closing");
    /* amain stays cancelled: without the shield each wait would fail immediately. */
    async_ignore(async_no_cancel(async_timeout(GRACE, async_queue_join(queue))));
    for (int i = 0; i < CONSUMERS; i++)
        async_task_cancel(consumers[i]);
    async_ignore(async_gather_n(consumers, CONSUMERS, NULL, ASYNC_FIRST_ERROR));
    return result;
}
async_fn(amain);

int main(int argc, char *argv[])
{
    dice = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : (uint32_t)time(NULL);
    return async_main(amain);
}
