/*
 * bench/core_memory.c: a million tasks at once, in a process that had none before: the time to
 * create them on untouched stacks, and the memory that each holds while it waits. For comparison,
 * the time of the kernel alone for the same memory: one page touched in each of a million slots.
 */
#define _GNU_SOURCE
#include "core.h"
#include <sys/mman.h>

enum { TASKS = 1000000 };
enum { SLOT = 64 * 1024, SLAB = 256 * 1024 * 1024 };
static const double MAX_TIMES_TOUCHING = 1.2;

static char *slabs[TASKS / (SLAB / SLOT) + 1];

/*
 * Maps slots as the library maps stacks and writes one byte in the last page of each. Returns the
 * nanoseconds of one slot.
 */
static double touch_slots(void)
{
    long slots = 0;
    size_t count = 0;
    double begun = bench_cpu();
    while (slots < TASKS) {
        char *slab = mmap(NULL, SLAB, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
        if (slab == MAP_FAILED)
            bench_die("mmap", "no address space for a million stacks");
        madvise(slab, SLAB, MADV_NOHUGEPAGE);
        slabs[count++] = slab;
        for (long end = SLOT; end <= SLAB && slots < TASKS; end += SLOT, slots++)
            *(volatile char *)(slab + end - 1) = 1;
    }
    double took = bench_cpu() - begun;
    while (count > 0)
        munmap(slabs[--count], SLAB);
    return took * 1e9 / TASKS;
}

static int wait_for_item(async_queue *queue)
{
    char item;
    return async_queue_get(queue, &item);
}
async_fn(wait_for_item, async_queue *);

static async_task *tasks[TASKS];

/* Per task: the time of the creation, the time until all tasks wait, and the bytes held then. */
static int park_a_million(double *create_ns, double *park_ns, double *bytes)
{
    async_auto_queue *queue = NULL;
    ASYNC_TRY(async_queue_new(&queue, 1, 1));
    double before = bench_memory(), begun = bench_cpu();
    for (long i = 0; i < TASKS; i++)
        tasks[i] = async_create_task(wait_for_item, queue);
    *create_ns = (bench_cpu() - begun) * 1e9 / TASKS;
    ASYNC_TRY(async_sleep(0)); /* each task runs until it waits */
    *park_ns = (bench_cpu() - begun) * 1e9 / TASKS;
    *bytes = (bench_memory() - before) / TASKS;
    async_queue_shutdown(queue, true);
    return async_gather_n(tasks, TASKS, NULL, ASYNC_RETURN_EXCEPTIONS);
}
async_fn(park_a_million, double *, double *, double *);

void measure_million(void)
{
    double create_ns, park_ns, bytes;
    memset(tasks, 1, sizeof tasks); /* page faults of this array must not be counted */
    double touch_ns = touch_slots();
    async_ignore(async_run(park_a_million, &create_ns, &park_ns, &bytes));
    double again_ns = touch_slots();
    double least_ns = touch_ns < again_ns ? touch_ns : again_ns;
    bench_say("parked", bytes);
    bench_say_against("cold create", create_ns, MAX_TIMES_TOUCHING * least_ns);
    bench_say("cold create+park", park_ns);
    bench_say("touching alone", least_ns);
}
