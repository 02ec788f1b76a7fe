/*
 * million.c: a million tasks at once, each on its own guarded stack, and their cost in time and
 * memory. `million 100000` runs another number.
 */
#include <asyncio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TURNS = 3 };

/* Including page tables. Checked first: without enough memory the kernel would kill the program. */
static const double BYTES_A_TASK = 4600;

/* Waits until the gate is shut down, yields a few times, and ends. */
static int live(async_queue *gate)
{
    char item;
    int result = async_queue_get(gate, &item);
    if (result != -ESHUTDOWN)
        return result;
    for (int i = 0; i < TURNS; i++)
        ASYNC_TRY(async_sleep(0));
    return 0;
}
async_fn(live, async_queue *);

/* The number of kilobytes that a file of /proc has under that name; 0 if it has none. */
static long kilobytes(const char *path, const char *name)
{
    char line[256];
    long value = 0;
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            value = strtol(line + strlen(name), NULL, 10);
    fclose(file);
    return value;
}

static int count_mappings(void)
{
    int count = 0, character;
    FILE *maps = fopen("/proc/self/maps", "r");
    if (maps == NULL)
        return 0;
    while ((character = getc(maps)) != EOF)
        count += character == '\n';
    fclose(maps);
    return count;
}

static void print_memory(int count, long resident_before, long tables_before)
{
    long resident = kilobytes("/proc/self/status", "VmRSS:") - resident_before;
    long tables = kilobytes("/proc/self/status", "VmPTE:") - tables_before;
    printf("all wait       %7ld MiB of memory and %ld MiB of page tables: %.0f bytes a task\n",
           resident / 1024, tables / 1024, (double)(resident + tables) * 1024 / count);
    printf("               %7ld MiB of addresses in %d mappings\n",
           kilobytes("/proc/self/status", "VmSize:") / 1024, count_mappings());
}

/* Prints the time since `begun`, and that time divided by `count`. */
static void print_time(const char *title, double begun, double count, const char *each)
{
    double seconds = async_time() - begun;
    printf("%-12s %7.2f s, %.0f ns %s\n", title, seconds, seconds * 1e9 / count, each);
}

static int run_all(int count)
{
    async_auto_queue *gate = NULL;
    ASYNC_TRY(async_queue_new(&gate, 1, 1));
    async_task **tasks = malloc((size_t)count * sizeof *tasks);
    if (tasks == NULL)
        return -ENOMEM;
    long resident = kilobytes("/proc/self/status", "VmRSS:"),
         tables = kilobytes("/proc/self/status", "VmPTE:");
    double begun = async_time();
    for (int i = 0; i < count; i++)
        tasks[i] = async_create_task(live, gate);
    print_time("created", begun, count, "each, on untouched stacks");
    int result = async_sleep(0); /* each task runs until it waits at the gate */
    print_memory(count, resident, tables);

    async_queue_shutdown(gate, true);
    begun = async_time();
    for (int i = 0; i < TURNS && result == 0; i++)
        result = async_sleep(0); /* one turn of each task */
    print_time("turns", begun, (double)TURNS * count, "a switch, to a stack outside the caches");

    begun = async_time();
    int gathered = async_gather_n(tasks, (size_t)count, NULL, ASYNC_FIRST_ERROR);
    print_time("ended", begun, count, "each, awaited");
    free(tasks);
    return result < 0 ? result : gathered;
}
async_fn(run_all, int);

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 1000000;
    if (count < 1) {
        fprintf(stderr, "usage: %s [number of tasks]\n", argv[0]);
        return 2;
    }
    double needed_mib = count * BYTES_A_TASK / 1024 / 1024;
    long available_mib = kilobytes("/proc/meminfo", "MemAvailable:") / 1024;
    if (available_mib != 0 && available_mib < (long)needed_mib) {
        fprintf(stderr, "%d tasks need %.0f MiB of memory, and %ld are available here\n", count,
                needed_mib, available_mib);
        return 1;
    }
    printf("%d tasks at once, each on its own guarded stack\n", count);
    int result = async_run(run_all, count);
    if (result < 0)
        fprintf(stderr, "%s: %s\n", argv[0], async_strerror(result));
    return result < 0;
}
