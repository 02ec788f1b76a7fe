/*
 * async_group_next.c: receive the results of a group, and limit how many tasks run
 *
 * Pages: async_group_next ASYNC_TASK_GROUP_WITH async_group_options
 */
#include <asyncio.h>
#include <stdio.h>

static int count_words(int chapter)
{
    ASYNC_TRY(async_sleep(chapter == 0 ? 10 : chapter));
    return chapter * 1000 + 500;
}
async_fn(count_words, int);

static int count_all(void)
{
    ASYNC_TASK_GROUP_WITH(chapters, .limit = 2); /* two run at once */
    for (int chapter = 0; chapter < 4; chapter++) {
        const char *name = (const char *[]){"prologue", "first", "second",
                                            "epilogue"}[chapter];
        async_task_options options = {.name = name};
        async_group_create_task_with(&chapters, &options, count_words, chapter);
    }
    async_task *ended;
    int words;
    while ((words = async_group_next(&chapters, &ended)) >= 0)
        printf("%2.0f s: %d words in the %s\n", async_time(), words,
               async_task_name(ended));
    /* words is -ENODATA, or the group has failed */
    return async_group_wait(&chapters);
}

/* A long-lived group without handles, so that its memory does not grow. */
static int serve(int requests)
{
    ASYNC_TASK_GROUP_WITH(handlers, .discard = true);
    for (int i = 0; i < requests; i++) {
        async_group_create_task(&handlers, count_words, 1);
        ASYNC_TRY(async_sleep(5));
    }
    return async_group_wait(&handlers);
}

static int amain(void)
{
    ASYNC_TRY(count_all());
    ASYNC_TRY(serve(10));
    printf("%2.0f s: all requests are served\n", async_time());
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_run_with(&(async_run_options){.virtual_clock = true}, amain) <
           0;
}

/* Prints:
 *  1 s: 1500 words in the first
 *  3 s: 2500 words in the second
 *  6 s: 3500 words in the epilogue
 * 10 s: 500 words in the prologue
 * 60 s: all requests are served
 */
