/*
 * async_queue_new_of.c: queues whose items are elsewhere
 *
 * Pages: async_queue_new_of async_queue_hand async_queue_waiting
 * async_queue_state async_queue_kind
 */
#include <asyncio.h>
#include <asyncio/queue_kind.h>
#include <stdio.h>
#include <stdlib.h>

/* A queue of numbers that are kept in a file. */
struct journal {
    async_queue *queue;
    FILE *file;
    long written, taken;
    size_t unreported;
    async_event all_reported;
};

static int put_nowait(void *state, const void *item)
{
    struct journal *journal = state;
    if (async_queue_hand(journal->queue, item) == NULL) { /* none waits */
        fseek(journal->file, journal->written * (long)sizeof(int), SEEK_SET);
        if (fwrite(item, sizeof(int), 1, journal->file) != 1)
            return -EIO;
        journal->written++;
    }
    journal->unreported++;
    async_event_clear(&journal->all_reported);
    return 0;
}

/* Nothing here has to wait; but a call that switches gives others a turn. */
static int put(void *state, const void *item)
{
    ASYNC_TRY(put_nowait(state, item));
    return async_no_cancel(async_sleep(0));
}

static int get_nowait(void *state, void *item)
{
    struct journal *journal = state;
    if (journal->taken == journal->written)
        return -EAGAIN;
    fseek(journal->file, journal->taken++ * (long)sizeof(int), SEEK_SET);
    return fread(item, sizeof(int), 1, journal->file) == 1 ? 0 : -EIO;
}

/* A kind whose items come from a server asks for one here. */
static void want(void *state)
{
    (void)state;
}

static bool report(void *state, int error)
{
    struct journal *journal = state;
    printf("%s\n", error < 0 ? async_strerror(error) : "done");
    if (--journal->unreported == 0)
        async_event_set(&journal->all_reported);
    return true;
}

static int join(void *state)
{
    struct journal *journal = state;
    return async_event_wait(&journal->all_reported);
}

static size_t qsize(const void *state)
{
    const struct journal *journal = state;
    return (size_t)(journal->written - journal->taken);
}

static void give_up(void *state, bool immediate)
{
    struct journal *journal = state;
    if (immediate)
        journal->taken = journal->written;
}

static void close_journal(void *state)
{
    struct journal *journal = state;
    if (journal->file != NULL)
        fclose(journal->file);
    free(journal);
}

static const async_queue_kind kind = {put,   put_nowait, get_nowait,
                                      want,  report,     join,
                                      qsize, give_up,    close_journal};

static int journal_new(async_queue **queue)
{
    struct journal *journal = calloc(1, sizeof *journal);
    if (journal == NULL)
        return -ENOMEM;
    journal->file = tmpfile();
    async_event_set(&journal->all_reported);
    int result = journal->file == NULL ? -errno : 0;
    if (result == 0)
        result = async_queue_new_of(queue, &kind, journal, 0, sizeof(int));
    if (result < 0)
        close_journal(journal);
    else
        journal->queue = *queue;
    return result;
}

/* A call of this kind of queue alone. */
static long count_written(const async_queue *queue)
{
    const struct journal *journal = async_queue_state(queue, &kind);
    return journal != NULL ? journal->written : -EINVAL;
}

static int work(async_queue *queue)
{
    for (;;) {
        int number;
        ASYNC_TRY(async_queue_get(queue, &number));
        printf("%d: ", number);
        if (number < 0)
            async_queue_task_failed(queue, -EDOM);
        else
            async_queue_task_done(queue);
    }
}
async_fn(work, async_queue *);

static int amain(void)
{
    async_auto_queue *queue = NULL;
    ASYNC_TRY(journal_new(&queue));
    for (int number = 1; number >= -1; number -= 2)
        ASYNC_TRY(async_queue_put(queue, &number));
    printf("%zu in the file\n", async_queue_qsize(queue));

    ASYNC_TASK_GROUP(workers);
    async_group_create_task(&workers, work, queue);
    ASYNC_TRY(async_queue_join(queue));
    printf("%zu task waits\n", async_queue_waiting(queue));
    ASYNC_TRY(async_queue_put(queue, &(int){5})); /* handed to the task */
    ASYNC_TRY(async_queue_join(queue));
    printf("%ld were written\n", count_written(queue));
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * 2 in the file
 * 1: done
 * -1: -EDOM: Numerical argument out of domain
 * 1 task waits
 * 5: done
 * 2 were written
 */
