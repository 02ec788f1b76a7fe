/*
 * async_queue_new.c: create and free queues
 *
 * Pages: async_queue_new async_lifo_queue_new async_priority_queue_new
 * async_queue_free async_auto_queue
 */
#include <asyncio.h>
#include <stdio.h>

struct job {
    int urgency; /* smallest first */
    const char *what;
};

static int compare_urgency(const void *a, const void *b)
{
    return ((const struct job *)a)->urgency - ((const struct job *)b)->urgency;
}

static const struct job jobs[] = {
    {2, "the post"}, {1, "the doctor"}, {3, "the barber"}};

static int run_through(const char *how, async_queue *queue)
{
    struct job job;
    for (int i = 0; i < 3; i++)
        ASYNC_TRY(async_queue_put(queue, &jobs[i]));
    printf("%s:", how);
    while (!async_queue_empty(queue)) {
        ASYNC_TRY(async_queue_get(queue, &job));
        printf(" %s", job.what);
    }
    puts("");
    return 0;
}

static int amain(void)
{
    async_auto_queue *queue = NULL;
    ASYNC_TRY(async_queue_new(&queue, 0, sizeof(struct job)));
    async_auto_queue *stack = NULL;
    ASYNC_TRY(async_lifo_queue_new(&stack, 0, sizeof(struct job)));
    async_queue *sorted = NULL;
    ASYNC_TRY(async_priority_queue_new(&sorted, 0, sizeof(struct job),
                                       compare_urgency));
    int result;
    ASYNC_TRY_GOTO(result, out, run_through("by age", queue));
    ASYNC_TRY_GOTO(result, out, run_through("newest first", stack));
    result = run_through("by urgency", sorted);
out:
    async_queue_free(sorted); /* the others are freed when the block is left */
    return result;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * by age: the post the doctor the barber
 * newest first: the barber the doctor the post
 * by urgency: the doctor the post the barber
 */
