/*
 * worker.c: puts items into a queue in Redis or works on them, and writes each number to a file:
 * for tests/scripts/redis_storm.py, which kills it. It uses only the public headers.
 *
 *     redis-storm-worker URL put  FILE FIRST [NAME=VALUE…]   puts items numbered from FIRST on
 *     redis-storm-worker URL work FILE TASKS [NAME=VALUE…]   works on items until SIGTERM
 *
 * A number is appended to FILE after its put has returned, or after the work and before
 * async_queue_task_done, together with the count of the delivery (0 for a put).
 *
 *     count   items to put; 0: until it is ended      tasks    tasks that put; default: 16
 *     hold    seconds after a put, or of the work     poison   the number that kills this process
 *     fail=1  reports items as failed                 keep=1   works on the first item for an hour
 *     lease, tries, maxsize                           options of the queue
 */
#include <asyncio.h>
#include <asyncio/redis_queue.h>
#include <endian.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILL_BYTES = 56, DEFAULT_TASKS = 16 };

struct item {
    uint64_t number;       /* big-endian: the script reads it from Redis's file */
    char fill[FILL_BYTES]; /* follows from the number */
};

struct plan {
    const char *url, *role;
    int file;
    int64_t next, end; /* numbers to put; end 0: without end */
    int64_t poison;    /* -1: none */
    long tasks;
    double hold; /* seconds */
    bool fail, keep;
    async_redis_queue_options options;
};

/* ---- items and lines ------------------------------------------------------------------------ */

static void fill_item(struct item *item, int64_t number)
{
    item->number = htobe64((uint64_t)number);
    for (int i = 0; i < FILL_BYTES; i++)
        item->fill[i] = (char)(number * 31 + i);
}

static int64_t number_of(const struct item *item)
{
    int64_t number = (int64_t)be64toh(item->number);
    struct item expected;
    fill_item(&expected, number);
    if (memcmp(item, &expected, sizeof expected) != 0) {
        fprintf(stderr, "item %lld has other bytes than were put\n", (long long)number);
        abort();
    }
    return number;
}

/* One write(2), so that lines of processes do not mix. */
static void append_line(const struct plan *plan, int64_t number, int count)
{
    char line[48];
    int size = snprintf(line, sizeof line, "%lld %d\n", (long long)number, count);
    if (write(plan->file, line, (size_t)size) != size) {
        perror("write");
        abort();
    }
}

/* ---- the roles ------------------------------------------------------------------------------ */

static int put_items(struct plan *plan, async_queue *queue)
{
    while (plan->end == 0 || plan->next < plan->end) {
        struct item item;
        int64_t number = plan->next++;
        fill_item(&item, number);
        ASYNC_TRY(async_queue_put(queue, &item));
        append_line(plan, number, 0);
        ASYNC_TRY(async_sleep(plan->hold));
    }
    return 0;
}
async_fn(put_items, struct plan *, async_queue *);

static int work_on_item(const struct plan *plan, async_queue *queue)
{
    const double hour = 3600;
    struct item item;
    async_redis_delivery delivery;
    ASYNC_TRY(async_queue_get(queue, &item));
    int64_t number = number_of(&item);
    if (number == plan->poison)
        raise(SIGKILL);
    ASYNC_TRY(async_redis_queue_delivery(queue, &delivery));
    if (plan->keep || plan->hold > 0)
        ASYNC_TRY(async_sleep(plan->keep ? hour : plan->hold));
    append_line(plan, number, delivery.count);
    if (plan->fail)
        async_queue_task_failed(queue, -EIO);
    else
        async_queue_task_done(queue);
    return 0;
}

static int work_on_items(const struct plan *plan, async_queue *queue)
{
    for (;;)
        ASYNC_TRY(work_on_item(plan, queue));
}
async_fn(work_on_items, const struct plan *, async_queue *);

/* ---- the process ---------------------------------------------------------------------------- */

/* Redis may be away, and the connection may be lost at each moment. */
static bool goes_by(int error)
{
    return error == -ECONNRESET || error == -ECONNREFUSED || error == -ENOENT || error == -EPIPE ||
           error == -EAGAIN || error == -ETIMEDOUT;
}

static int connect_patiently(async_redis **redis, const struct plan *plan)
{
    const async_redis_options options = {.longest_pause = 0.2};
    int result;
    while ((result = async_redis_connect(redis, plan->url, &options)) < 0 && goes_by(result))
        ASYNC_TRY(async_sleep(0.05));
    return result;
}

static int open_patiently(async_queue **queue, async_redis *redis, const struct plan *plan)
{
    int result;
    while ((result = async_redis_queue_open(queue, redis, "storm", sizeof(struct item),
                                            &plan->options)) < 0 &&
           goes_by(result))
        ASYNC_TRY(async_sleep(0.05));
    return result;
}

static int run_plan(struct plan *plan)
{
    bool puts = strcmp(plan->role, "put") == 0;
    async_auto_wait_redis *redis = NULL;
    ASYNC_TRY(connect_patiently(&redis, plan));
    async_auto_queue *queue = NULL;
    ASYNC_TRY(open_patiently(&queue, redis, plan));
    ASYNC_TASK_GROUP(tasks);
    for (long i = 0; i < plan->tasks; i++)
        if (puts)
            async_group_create_task(&tasks, put_items, plan, queue);
        else
            async_group_create_task(&tasks, work_on_items, plan, queue);
    return async_group_wait(&tasks);
}
async_fn(run_plan, struct plan *);

/* Reads NAME=VALUE. */
static bool set_option(struct plan *plan, const char *text)
{
    const char *sign = strchr(text, '=');
    double value = sign != NULL ? atof(sign + 1) : 0;
    size_t size = sign != NULL ? (size_t)(sign - text) : 0;
    char name[16] = "";
    memcpy(name, text, size < sizeof name ? size : 0);
    if (strcmp(name, "count") == 0)
        plan->end = plan->next + (int64_t)value;
    else if (strcmp(name, "tasks") == 0)
        plan->tasks = (long)value;
    else if (strcmp(name, "hold") == 0)
        plan->hold = value;
    else if (strcmp(name, "poison") == 0)
        plan->poison = (int64_t)value;
    else if (strcmp(name, "fail") == 0)
        plan->fail = value != 0;
    else if (strcmp(name, "keep") == 0)
        plan->keep = value != 0;
    else if (strcmp(name, "lease") == 0)
        plan->options.lease = value;
    else if (strcmp(name, "tries") == 0)
        plan->options.tries = (int)value;
    else if (strcmp(name, "maxsize") == 0)
        plan->options.maxsize = (size_t)value;
    else
        return false;
    return true;
}

static bool read_plan(struct plan *plan, int count, char **arguments)
{
    if (count < 5)
        return false;
    bool puts = strcmp(arguments[2], "put") == 0;
    *plan = (struct plan){.url = arguments[1], .role = arguments[2], .poison = -1};
    plan->next = puts ? atoll(arguments[4]) : 0;
    plan->tasks = puts ? DEFAULT_TASKS : atol(arguments[4]);
    plan->file = open(arguments[3], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    for (int i = 5; i < count; i++)
        if (!set_option(plan, arguments[i]))
            return false;
    return plan->file >= 0 && (puts || strcmp(plan->role, "work") == 0);
}

int main(int count, char **arguments)
{
    const async_run_options options = {.cancel_on_sigterm = true};
    struct plan plan;
    if (!read_plan(&plan, count, arguments)) {
        fprintf(stderr, "usage: redis-storm-worker URL put|work FILE N [NAME=VALUE…]\n");
        return 2;
    }
    return async_main_with(&options, run_plan, &plan);
}
