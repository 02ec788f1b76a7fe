/*
 * async_metrics_get.c: see how busy a loop is, and export it to Prometheus
 *
 * Pages: async_metrics_get async_metrics_text async_metrics_print async_metrics async_histogram
 * ASYNC_HISTOGRAM_BUCKETS
 */
#include <asyncio.h>
#include <stdio.h>
#include <string.h>

static int work(int turns)
{
    for (int i = 0; i < turns; i++)
        ASYNC_TRY(async_sleep(0.5));
    return 0;
}
async_fn(work, int);

/* The durations of at most 2^last microseconds. */
static int count_up_to(const async_histogram *histogram, int last)
{
    uint64_t count = 0;
    for (int i = 0; i <= last && i < ASYNC_HISTOGRAM_BUCKETS; i++)
        count += histogram->counts[i];
    return (int)count;
}

/* As the textfile collector of node_exporter reads it. */
static int count_metrics(FILE *file)
{
    char line[256];
    int count = 0;
    rewind(file);
    while (fgets(line, sizeof line, file) != NULL)
        count += strncmp(line, "# TYPE ", 7) == 0;
    return count;
}

static void close_file(FILE **file)
{
    if (*file != NULL)
        fclose(*file);
}

static int amain(void)
{
    async_metrics metrics;
    char text[256];
    ASYNC_CLEANUP(close_file) FILE *file = tmpfile();
    ASYNC_TRY(
        async_gather(async_create_task(work, 10), async_create_task(work, 4)));
    ASYNC_TRY(async_metrics_get(&metrics));
    printf("%d tasks created, %d ended\n", (int)metrics.created,
           (int)metrics.ended);
    printf("asleep %.1f s\n", metrics.asleep);
    printf("%d timers fired in time\n",
           count_up_to(&metrics.timer_lateness, 0));
    ASYNC_TRY(async_metrics_text(text, sizeof text)); /* cut: all are longer */
    printf("%.*s\n", (int)strcspn(text, "\n"), text);
    if (file == NULL)
        return -ENOMEM;
    ASYNC_TRY(async_metrics_print(fileno(file)));
    printf("%d metrics\n", count_metrics(file));
    return 0;
}
async_fn(amain);

int main(void)
{
    async_run_options options = {.virtual_clock = true};
    return async_run_with(&options, amain) < 0;
}

/* Prints:
 * 3 tasks created, 2 ended
 * asleep 5.0 s
 * 14 timers fired in time
 * # HELP asyncio_tasks Tasks that have not ended.
 * 15 metrics
 */
