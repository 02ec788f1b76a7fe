/*
 * async_timeout_when.c: inspect a time limit, and change it
 *
 * Pages: async_timeout_when async_timeout_reschedule async_timeout_expired
 */
#include <asyncio.h>
#include <stdio.h>

/* Each chunk may take 5 seconds, however many there are. */
static int download(const double pauses[], int count)
{
    int result = 0;
    async_timeout_scope limit;
    async_timeout_begin(&limit, 5);
    for (int i = 0; i < count && result >= 0; i++) {
        result = async_sleep(pauses[i]);
        if (result >= 0)
            result = async_timeout_reschedule(&limit, async_time() + 5);
        printf("%.0f s: chunk %d, limit at %.0f s\n", async_time(), i,
               async_timeout_when(&limit));
    }
    result = async_timeout_end(&limit, result);
    printf("%s\n", async_timeout_expired(&limit) ? "too slow" : "in time");
    return result;
}

static int amain(void)
{
    ASYNC_TRY(download((double[]){4, 3, 2}, 3));
    async_ignore(download((double[]){1, 20, 2}, 3));
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_run_with(&(async_run_options){.virtual_clock = true}, amain) <
           0;
}

/* Prints:
 * 4 s: chunk 0, limit at 9 s
 * 7 s: chunk 1, limit at 12 s
 * 9 s: chunk 2, limit at 14 s
 * in time
 * 10 s: chunk 0, limit at 15 s
 * 15 s: chunk 1, limit at 15 s
 * too slow
 */
