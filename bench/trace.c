/*
 * bench/trace.c: what a flight recorder costs: the same turns without and with ASYNCIO_TRACE, in
 * slices that take turns, so that the load of a busy machine meets both; medians count. Its memory
 * is touched before it is timed. A whole timeline costs the same, and the kernel 64 MiB of pages.
 */
#include <ours.h>

enum { SLICES = 15, TURNS = 400000, TURNS_BEFORE = 100000 };

/* A flight recorder writes nothing but reports. */
static const char flight[] = "flight:/dev/null/none.trace";

static double slice_ns; /* processor time of one turn of the last slice */

static int yield(long turns)
{
    for (long i = 0; i < turns; i++)
        ASYNC_TRY(async_sleep(0));
    return 0;
}

/* The first task measures the time. */
static int yields(int number)
{
    ASYNC_TRY(yield(TURNS_BEFORE / 2));
    double begun = bench_cpu();
    ASYNC_TRY(yield(TURNS / 2));
    if (number == 0)
        slice_ns = (bench_cpu() - begun) * 1e9 / TURNS;
    return 0;
}
async_fn(yields, int);

static int two_yield(void)
{
    return async_gather(async_create_task(yields, 0), async_create_task(yields, 1));
}
async_fn(two_yield);

static int put(async_queue *queue)
{
    for (long i = 0; i < TURNS_BEFORE + TURNS; i++)
        ASYNC_TRY(async_queue_put(queue, &i));
    return 0;
}
async_fn(put, async_queue *);

static int take(async_queue *queue, long items)
{
    long item;
    for (long i = 0; i < items; i++)
        ASYNC_TRY(async_queue_get(queue, &item));
    return 0;
}

static int pass_items(void)
{
    async_auto_queue *queue = NULL;
    ASYNC_TRY(async_queue_new(&queue, 1, sizeof(long)));
    async_task *producer = async_create_task(put, queue);
    ASYNC_TRY(take(queue, TURNS_BEFORE));
    double begun = bench_cpu();
    ASYNC_TRY(take(queue, TURNS));
    slice_ns = (bench_cpu() - begun) * 1e9 / TURNS;
    return async_await(producer);
}
async_fn(pass_items);

/* ---- with and without a trace ---------------------------------------------------------------- */

static double run_slice(bool with_queue, const char *trace)
{
    int result = trace != NULL ? setenv("ASYNCIO_TRACE", trace, 1) : unsetenv("ASYNCIO_TRACE");
    if (result == 0)
        result = with_queue ? async_run(pass_items) : async_run(two_yield);
    must(result, "async_run");
    return slice_ns;
}

static int compare_numbers(const void *a, const void *b)
{
    double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

static double median(double values[SLICES])
{
    qsort(values, SLICES, sizeof *values, compare_numbers);
    return values[SLICES / 2];
}

/* The row is the time with a trace; the target that without one, and what a trace may add. */
static void measure(const char *row, bool with_queue, const char *trace, double allowed_ns)
{
    double without[SLICES], with[SLICES];
    for (int i = 0; i < SLICES; i++) {
        without[i] = run_slice(with_queue, NULL);
        with[i] = run_slice(with_queue, trace);
    }
    bench_say_against(row, median(with), median(without) + allowed_ns);
}

enum { ALLOWED_NS = 6 };

static void measure_switch_flight(void)
{
    measure("switch/2 flight", false, flight, ALLOWED_NS);
}

static void measure_queue_flight(void)
{
    measure("queue/1 flight", true, flight, ALLOWED_NS);
}

static void measure_counter(void)
{
    enum { READINGS = 5000000 };
    struct timespec now;
    double begun = bench_cpu();
    for (long i = 0; i < READINGS; i++)
#if defined __x86_64__
        (void)__builtin_ia32_rdtsc();
#else
        clock_gettime(CLOCK_MONOTONIC, &now);
#endif
    (void)now;
    bench_say("counter alone", (bench_cpu() - begun) * 1e9 / READINGS);
}

int main(int argc, char **argv)
{
    static const struct bench_measurement all[] = {{"switch/2 flight", measure_switch_flight},
                                                   {"queue/1 flight", measure_queue_flight},
                                                   {"counter alone", measure_counter}};
    return bench_main(argc, argv, all, sizeof all / sizeof all[0]);
}
