/*
 * async_queue_put.c: put items into a queue, and take them out
 *
 * Pages: async_queue_put async_queue_get async_queue_put_nowait
 * async_queue_get_nowait
 */
#include <asyncio.h>
#include <stdio.h>

struct letter {
    int number;
    char text[32];
};

static int write_letters(async_queue *box)
{
    for (int i = 1; i <= 3; i++) {
        struct letter letter = {.number = i};
        snprintf(letter.text, sizeof letter.text, "page %d of 3", i);
        /* copies the letter; waits while the box is full */
        ASYNC_TRY(async_queue_put(box, &letter));
        printf("posted %d\n", i);
    }
    return 0;
}
async_fn(write_letters, async_queue *);

static int amain(void)
{
    async_auto_queue *box = NULL;
    ASYNC_TRY(async_queue_new(&box, 1, sizeof(struct letter)));
    async_task *writer = async_create_task(write_letters, box);
    for (int i = 0; i < 3; i++) {
        struct letter letter;
        /* waits while the box is empty */
        ASYNC_TRY(async_queue_get(box, &letter));
        printf("    read %d: %s\n", letter.number, letter.text);
    }
    ASYNC_TRY(async_await(writer));

    struct letter advertisement = {.text = "buy!"};
    while (async_queue_put_nowait(box, &advertisement) != -EAGAIN)
        continue;
    puts("the box is full");
    while (async_queue_get_nowait(box, &advertisement) != -EAGAIN)
        printf("    discarded: %s\n", advertisement.text);
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * posted 1
 * posted 2
 *     read 1: page 1 of 3
 *     read 2: page 2 of 3
 *     read 3: page 3 of 3
 * posted 3
 * the box is full
 *     discarded: buy!
 */
