/*
 * workers.c: three workers and a queue of jobs; some jobs fail. At closing time the queue accepts
 * no more jobs, the workers finish the remaining ones and end.
 *
 * A failed job does not end its worker. Only cancellation (Ctrl-C) ends a worker early.
 */
#include <asyncio.h>
#include <stdio.h>

enum { WORKERS = 3, ROOM = 2, CLOSING_TIME = 7 };

struct shop {
    async_queue *jobs;
    int done, failed;
};

static int do_job(int number)
{
    ASYNC_TRY(async_sleep(1.7 + number % 3));
    return number % 4 == 0 ? async_fail(-EIO, "job %d: the printer is on fire", number) : 0;
}

static int work(struct shop *shop, int worker)
{
    int number, result;
    while ((result = async_queue_get(shop->jobs, &number)) >= 0) {
        result = do_job(number);
        if (result == -ECANCELED)
            return result;
        *(result < 0 ? &shop->failed : &shop->done) += 1;
        printf("worker %d: job %d %s\n", worker, number, result < 0 ? "failed" : "is done");
    }
    return result == -ESHUTDOWN ? 0 : result;
}
async_fn(work, struct shop *, int);

static int take_orders(struct shop *shop)
{
    for (int number = 1;; number++) {
        int result = async_queue_put(shop->jobs, &number);
        if (result < 0)
            printf("job %d comes too late\n", number);
        if (result < 0)
            return result == -ESHUTDOWN ? 0 : result;
        ASYNC_TRY(async_sleep(0.4));
    }
}
async_fn(take_orders, struct shop *);

static int amain(void)
{
    async_auto_queue *jobs = NULL;
    ASYNC_TRY(async_queue_new(&jobs, ROOM, sizeof(int)));
    struct shop shop = {.jobs = jobs};
    ASYNC_TASK_GROUP(staff); /* declared last: its tasks end before shop and jobs are freed */
    for (int worker = 1; worker <= WORKERS; worker++)
        async_group_create_task(&staff, work, &shop, worker);
    async_group_create_task(&staff, take_orders, &shop);

    ASYNC_TRY(async_sleep(CLOSING_TIME));
    puts("closing time");
    async_queue_shutdown(jobs, false);
    ASYNC_TRY(async_group_wait(&staff));
    printf("%d done, %d failed\n", shop.done, shop.failed);
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
