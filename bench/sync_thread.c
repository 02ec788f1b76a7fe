/*
 * bench/sync_thread.c: a call on another thread and back, and the latency of a wake-up from another
 * thread. Measured in wall-clock time, because the threads wait for each other.
 */
#include "sync.h"
#include <pthread.h>
#include <stdatomic.h>

enum { CALLS = 60000, MAX_CALLERS = 64 };
enum { WAKES = 4000, PAUSE_NS = 100000 };

static int give_one(void)
{
    return 1;
}
async_fn(give_one);

static int call_threads(long times)
{
    for (long i = 0; i < times; i++)
        ASYNC_TRY(async_to_thread(give_one));
    return 0;
}

static int calling_threads(const char *row, int callers)
{
    ASYNC_TRY(bench_all(callers, CALLS / 10, call_threads));
    double begun = bench_clock(CLOCK_MONOTONIC);
    ASYNC_TRY(bench_all(callers, CALLS, call_threads));
    bench_say(row, (bench_clock(CLOCK_MONOTONIC) - begun) * 1e6 / CALLS);
    return 0;
}
async_fn(calling_threads, const char *, int);

void measure_to_thread(void)
{
    must(async_run(calling_threads, "to_thread", 1), "to_thread");
}

void measure_to_thread_64(void)
{
    must(async_run(calling_threads, "to_thread/64", MAX_CALLERS), "to_thread/64");
}

void measure_to_thread_1(void)
{
    must(async_run(calling_threads, "to_thread/1", 1), "to_thread/1");
}

/* ---- threadsafe ----------------------------------------------------------------------------- */

/* Shared by the thread and the loop. */
static struct {
    async_loop *loop;
    async_queue *bell;   /* the loop's task waits for an item */
    _Atomic double sent; /* time of the last wake-up; 0 once the task has run */
} ringing;

static void sound(void *argument)
{
    char item = 0;
    (void)argument;
    must(async_queue_put_nowait(ringing.bell, &item), "async_queue_put_nowait");
}

static void *ring(void *argument)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    for (int i = 0; i < WAKES; i++) {
        do
            nanosleep(&pause, NULL);
        while (ringing.sent > 0);
        ringing.sent = bench_clock(CLOCK_MONOTONIC);
        must(async_call_soon_threadsafe(ringing.loop, sound, NULL), "async_call_soon_threadsafe");
    }
    return argument;
}

static int listen_often(double late[])
{
    for (int i = 0; i < WAKES; i++) {
        char item;
        ASYNC_TRY(async_queue_get(ringing.bell, &item));
        late[i] = bench_clock(CLOCK_MONOTONIC) - ringing.sent;
        ringing.sent = 0;
    }
    return 0;
}

static int compare(const void *a, const void *b)
{
    double difference = *(const double *)a - *(const double *)b;
    return (difference > 0) - (difference < 0);
}

static int ringing_often(const char *row)
{
    static double late[WAKES];
    pthread_t thread;
    async_auto_queue *bell = NULL;
    ASYNC_TRY(async_queue_new(&bell, 0, sizeof(char)));
    ringing.loop = async_get_loop();
    ringing.bell = bell;
    if (pthread_create(&thread, NULL, ring, NULL) != 0)
        bench_die("pthread_create", "failed");
    ASYNC_TRY(listen_often(late));
    pthread_join(thread, NULL);
    qsort(late, WAKES, sizeof late[0], compare);
    bench_say(row, late[WAKES / 2] * 1e6);
    return 0;
}
async_fn(ringing_often, const char *);

void measure_threadsafe(void)
{
    must(async_run(ringing_often, "threadsafe"), "threadsafe");
}

void measure_threadsafe_1(void)
{
    must(async_run(ringing_often, "threadsafe/1"), "threadsafe/1");
}
