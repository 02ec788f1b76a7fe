/*
 * bench/queue.c: queues in Redis. Each measurement has a server of its own on a Unix socket,
 * without persistence unless it says otherwise; run.py pins both to two processors.
 */
#include <asyncio/redis_queue.h>
#include <ours.h>
#include <redis_server.h>

enum { MANY = 128, FEW = 16, ITEMS = 200000, FEW_ITEMS = 20000, SAMPLES = 2000 };

struct job {
    char bytes[64];
};

struct bench {
    const struct redis_server *server;
    async_redis *redis;
    async_queue *queue;
    long left; /* items to be taken */
};

static int put_items(async_queue *queue, long count)
{
    struct job job = {"x"};
    for (; count > 0; count--)
        ASYNC_TRY(async_queue_put(queue, &job));
    return 0;
}
async_fn(put_items, async_queue *, long);

static int put_by(async_queue *queue, int tasks, long count)
{
    ASYNC_TASK_GROUP(putters);
    for (int i = 0; i < tasks; i++)
        async_group_create_task(&putters, put_items, queue, count / tasks);
    return async_group_wait(&putters);
}

static int take_items(struct bench *bench)
{
    struct job job;
    while (bench->left > 0) {
        ASYNC_TRY(async_queue_get(bench->queue, &job));
        bench->left--;
        async_queue_task_done(bench->queue);
    }
    return 0;
}
async_fn(take_items, struct bench *);

static int take_by(struct bench *bench, int tasks)
{
    ASYNC_TASK_GROUP(takers);
    for (int i = 0; i < tasks; i++)
        async_group_create_task(&takers, take_items, bench);
    while (bench->left > 0)
        ASYNC_TRY(async_sleep(0.001));
    async_group_cancel(&takers); /* those that wait for more */
    async_ignore(async_group_wait(&takers));
    return 0;
}

/* ---- measurements --------------------------------------------------------------------------- */

static void say_rate(const char *row, double seconds, long count)
{
    bench_say(row, (double)count / seconds);
}

static int puts_of_one(struct bench *bench)
{
    double begun = bench_clock(CLOCK_MONOTONIC);
    ASYNC_TRY(put_by(bench->queue, 1, FEW_ITEMS));
    say_rate("put/1", bench_clock(CLOCK_MONOTONIC) - begun, FEW_ITEMS);
    return 0;
}

static int puts_of_few(struct bench *bench)
{
    double begun = bench_clock(CLOCK_MONOTONIC);
    ASYNC_TRY(put_by(bench->queue, FEW, ITEMS));
    say_rate("put/16", bench_clock(CLOCK_MONOTONIC) - begun, ITEMS);
    return 0;
}

static int ask_bytes(async_redis *redis, int64_t *bytes)
{
    async_auto_redis_reply *reply = NULL;
    ASYNC_TRY(async_redis_command(redis, &reply, "MEMORY USAGE {bench}:s SAMPLES 0"));
    return async_redis_reply_integer(reply, bytes);
}

static int puts_and_gets_of_many(struct bench *bench)
{
    int64_t bytes;
    double begun = bench_clock(CLOCK_MONOTONIC), cpu = bench_cpu();
    ASYNC_TRY(put_by(bench->queue, MANY, ITEMS));
    long count = ITEMS / MANY * MANY;
    say_rate("put/128", bench_clock(CLOCK_MONOTONIC) - begun, count);
    bench_say("put cpu/128", (bench_cpu() - cpu) * 1e6 / (double)count);
    ASYNC_TRY(ask_bytes(bench->redis, &bytes));
    bench_say("bytes an item", (double)bytes / (double)count - sizeof(struct job));
    bench->left = count;
    begun = bench_clock(CLOCK_MONOTONIC), cpu = bench_cpu();
    ASYNC_TRY(take_by(bench, MANY));
    say_rate("get+done/128", bench_clock(CLOCK_MONOTONIC) - begun, count);
    bench_say("get+done cpu/128", (bench_cpu() - cpu) * 1e6 / (double)count);
    return 0;
}

/* The server writes each command to a file from now on. */
static int begin_file(async_redis *redis, const char *fsync)
{
    ASYNC_TRY(async_redis_command(redis, NULL, "CONFIG SET appendfsync %s appendonly yes", fsync));
    for (;;) {
        async_auto_redis_reply *reply = NULL;
        const char *text;
        ASYNC_TRY(async_redis_command(redis, &reply, "INFO persistence"));
        ASYNC_TRY(async_redis_reply_text(reply, &text));
        if (strstr(text, "aof_rewrite_in_progress:0") != NULL &&
            strstr(text, "aof_rewrite_scheduled:0") != NULL)
            return 0;
        ASYNC_TRY(async_sleep(0.01));
    }
}

/* redis_server_stop removes an empty folder only. */
static int end_file(struct bench *bench)
{
    char path[64];
    snprintf(path, sizeof path, "%s/appendonlydir", bench->server->folder);
    ASYNC_TRY(async_redis_command(bench->redis, NULL, "CONFIG SET appendonly no"));
    return async_run_process(NULL, NULL, "rm", "-rf", path);
}

/* The items are on the disk when a put returns (always), or a second later (everysec). */
static int puts_and_gets_with_file(struct bench *bench, const char *fsync)
{
    char row[64];
    ASYNC_TRY(begin_file(bench->redis, fsync));
    double begun = bench_clock(CLOCK_MONOTONIC);
    ASYNC_TRY(put_by(bench->queue, MANY, ITEMS));
    long count = ITEMS / MANY * MANY;
    snprintf(row, sizeof row, "put/128 %s", fsync);
    say_rate(row, bench_clock(CLOCK_MONOTONIC) - begun, count);
    bench->left = count;
    begun = bench_clock(CLOCK_MONOTONIC);
    ASYNC_TRY(take_by(bench, MANY));
    snprintf(row, sizeof row, "get+done/128 %s", fsync);
    say_rate(row, bench_clock(CLOCK_MONOTONIC) - begun, count);
    return end_file(bench);
}

static int puts_and_gets_everysec(struct bench *bench)
{
    return puts_and_gets_with_file(bench, "everysec");
}

static int puts_and_gets_always(struct bench *bench)
{
    return puts_and_gets_with_file(bench, "always");
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct sample {
    double put_at, got_at; /* times */
};

static int take_samples(async_queue *queue, struct sample *samples)
{
    struct job job;
    for (int i = 0; i < SAMPLES; i++) {
        ASYNC_TRY(async_queue_get(queue, &job));
        samples[i].got_at = bench_clock(CLOCK_MONOTONIC);
        async_queue_task_done(queue);
    }
    return 0;
}
async_fn(take_samples, async_queue *, struct sample *);

/* From the call of put to the return of get, on a queue where nothing else happens. */
static int latency(struct bench *bench)
{
    static struct sample samples[SAMPLES];
    static double times[SAMPLES];
    struct job job = {"x"};
    async_task *taker = async_create_task(take_samples, bench->queue, samples);
    ASYNC_TRY(async_sleep(0.05));
    for (int i = 0; i < SAMPLES; i++) {
        samples[i].put_at = bench_clock(CLOCK_MONOTONIC);
        ASYNC_TRY(async_queue_put(bench->queue, &job));
        ASYNC_TRY(async_sleep(0.0005));
    }
    ASYNC_TRY(async_await(taker));
    for (int i = 0; i < SAMPLES; i++)
        times[i] = (samples[i].got_at - samples[i].put_at) * 1e6;
    qsort(times, SAMPLES, sizeof times[0], compare_doubles);
    bench_say("latency p50", times[SAMPLES / 2]);
    bench_say("latency p99", times[SAMPLES / 100 * 99]);
    return 0;
}

/* ---- all ------------------------------------------------------------------------------------ */

static int measure(int (*what)(struct bench *bench))
{
    ASYNC_CLEANUP(redis_server_stop) struct redis_server server = {0};
    ASYNC_TRY(redis_server_start(&server));
    async_auto_wait_redis *redis = NULL;
    ASYNC_TRY(async_redis_connect(&redis, server.url, NULL));
    async_auto_queue *queue = NULL;
    ASYNC_TRY(async_redis_queue_open(&queue, redis, "bench", sizeof(struct job), NULL));
    struct bench bench = {.server = &server, .redis = redis, .queue = queue};
    return what(&bench);
}
async_fn(measure, int (*)(struct bench *));

static void measure_puts_of_one(void)
{
    must(async_run(measure, puts_of_one), "put/1");
}

static void measure_puts_of_few(void)
{
    must(async_run(measure, puts_of_few), "put/16");
}

static void measure_many(void)
{
    must(async_run(measure, puts_and_gets_of_many), "many");
}

static void measure_everysec(void)
{
    must(async_run(measure, puts_and_gets_everysec), "everysec");
}

static void measure_always(void)
{
    must(async_run(measure, puts_and_gets_always), "always");
}

static void measure_latency(void)
{
    must(async_run(measure, latency), "latency");
}

int main(int argc, char **argv)
{
    static const struct bench_measurement all[] = {
        {"put/1", measure_puts_of_one}, {"put/16", measure_puts_of_few},
        {"many", measure_many},         {"everysec", measure_everysec},
        {"always", measure_always},     {"latency", measure_latency}};
    return bench_main(argc, argv, all, sizeof all / sizeof all[0]);
}
