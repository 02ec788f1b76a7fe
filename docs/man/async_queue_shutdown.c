/*
 * async_queue_shutdown.c: shut a queue down, and drop its items
 *
 * Pages: async_queue_shutdown async_queue_on_drop
 */
#include <asyncio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Items are char *: those that the queue drops must be freed. */
static void drop(void *item, void *context)
{
    char *word = *(char **)item;
    printf("%s %s\n", (const char *)context, word);
    free(word);
}

static int read_words(async_queue *words)
{
    char *word;
    int result;
    while ((result = async_queue_get(words, &word)) >= 0) {
        printf("read %s\n", word);
        free(word);
        ASYNC_TRY(async_sleep(1));
    }
    return result == -ESHUTDOWN ? 0 : result; /* the regular end */
}
async_fn(read_words, async_queue *);

static int amain(void)
{
    async_auto_queue *words = NULL;
    ASYNC_TRY(async_queue_new(&words, 0, sizeof(char *)));
    async_queue_on_drop(words, drop, "dropped");
    async_task *reader = async_create_task(read_words, words);
    for (int i = 0; i < 4; i++) {
        char *word = strdup((const char *[]){"one", "two", "three", "four"}[i]);
        ASYNC_TRY(async_queue_put(words, &word));
    }
    async_queue_shutdown(words, false); /* the items can still be read */
    ASYNC_TRY(async_sleep(1.5));
    async_queue_shutdown(words, true); /* drops the remaining items */
    return async_await(reader);
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * read one
 * read two
 * dropped three
 * dropped four
 */
