/*
 * async_redis_queue_open.c: queues in Redis, for work that survives a restart
 *
 * Pages: async_redis_queue_open async_redis_queue_put_later
 * async_redis_queue_put_once async_redis_queue_delivery async_redis_item
 * async_redis_queue_options async_redis_delivery
 */
#include <asyncio.h>
#include <asyncio/redis_queue.h>
#include <stdio.h>
#include <redis_server.h> /* examples/redis_server.c */

/* Travels as bytes: types of fixed size, no pointers. */
struct job {
    int32_t picture, width;
};

/* The first picture fails at its first try. */
static int scale(const struct job *job, int try)
{
    bool fails = job->picture == 1 && try == 1;
    printf("picture %d, try %d: %s\n", (int)job->picture, try,
           fails ? "failed" : "done");
    return fails ? -EIO : 0;
}

static int work(async_queue *jobs)
{
    for (;;) {
        struct job job;
        async_redis_delivery delivery;
        ASYNC_TRY(async_queue_get(jobs, &job));
        ASYNC_TRY(async_redis_queue_delivery(jobs, &delivery));
        int result = scale(&job, delivery.count);
        if (result < 0)
            async_queue_task_failed(jobs, result); /* again after a pause */
        else
            async_queue_task_done(jobs); /* Redis forgets it */
    }
}
async_fn(work, async_queue *);

static int put_jobs(async_queue *jobs)
{
    struct job one = {.picture = 1, .width = 640}, two = {.picture = 2};
    struct job three = {.picture = 3};
    ASYNC_TRY(async_queue_put(jobs, &one)); /* Redis has it now */
    ASYNC_TRY(async_redis_queue_put_once(jobs, &two, "order 7"));
    int result = async_redis_queue_put_once(jobs, &two, "order 7");
    puts(async_strerror(result));
    return async_redis_queue_put_later(jobs, &three, 3);
}

static int amain(void)
{
    const async_redis_queue_options options = {.tries = 3, .pause = 0.1};
    ASYNC_CLEANUP(redis_server_stop) struct redis_server server = {0};
    ASYNC_TRY(redis_server_start(&server));
    async_auto_wait_redis *redis = NULL;
    ASYNC_TRY(async_redis_connect(&redis, server.url, NULL));
    async_auto_queue *jobs = NULL;
    ASYNC_TRY(async_redis_queue_open(&jobs, redis, "thumbnails",
                                     sizeof(struct job), &options));
    ASYNC_TRY(put_jobs(jobs));
    ASYNC_TASK_GROUP(workers); /* in other processes, as a rule */
    async_group_create_task(&workers, work, jobs);
    ASYNC_TRY(async_queue_join(jobs));
    puts("all jobs are done");
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * -EALREADY: order 7 was put before
 * picture 1, try 1: failed
 * picture 2, try 1: done
 * picture 1, try 2: done
 * picture 3, try 1: done
 * all jobs are done
 */
