/*
 * top/metrics.c: async_metrics_get, of the calling thread's loop, and the text with the metrics of
 * all loops of the process. They are collected first, so that no lock is held while text is
 * formatted or written.
 */
#include "top/metrics.h"
#include "loop/loops.h"
#include "loop/metrics.h"
#include "sched/sched.h"
#include "sys/file.h"
#include <limits.h>

/* The metrics of all loops. */
struct collection {
    async_metrics *loops;
    size_t count;
    struct async_loop *scratch;
};

/* A loop that changes at each copy is left out. */
static int collect_loop(void *argument, const struct async_loop *loop)
{
    struct collection *all = argument;
    const size_t size = all->count * sizeof *all->loops;
    async_metrics *loops = memory_resize(&asyncp_malloc, all->loops, size,
                                         size + sizeof *all->loops);
    if (loops == NULL)
        return -ENOMEM;
    all->loops = loops;
    all->count += asyncp_metrics_copy(&loops[all->count], loop, all->scratch);
    return 0;
}

static void free_collection(struct collection *all)
{
    memory_free(&asyncp_malloc, all->loops, all->count * sizeof *all->loops);
    memory_free(&asyncp_malloc, all->scratch, sizeof *all->scratch);
}

/* 0 or -ENOMEM. */
static int collect(struct collection *all)
{
    *all = (struct collection){.scratch = memory_new(&asyncp_malloc, sizeof *all->scratch)};
    int result = all->scratch != NULL ? asyncp_loops_each(collect_loop, all) : -ENOMEM;
    if (result < 0)
        free_collection(all);
    return result;
}

int async_metrics_get(async_metrics *metrics)
{
    if (asyncp_current == NULL)
        return async_fail(-ENXIO, "async_metrics_get: this thread has no loop");
    asyncp_metrics_read(metrics, asyncp_current);
    return 0;
}

int async_metrics_text(char *text, size_t size)
{
    struct collection all;
    int result = collect(&all);
    if (result < 0)
        return result;
    size_t length = asyncp_metrics_format(text, size, all.loops, all.count);
    free_collection(&all);
    return length < INT_MAX ? (int)length : INT_MAX;
}

/* -ENOMEM, or an error of write(2). */
static int write_collection(int fd, const struct collection *all)
{
    size_t length = asyncp_metrics_format(NULL, 0, all->loops, all->count);
    char *text = memory_new(&asyncp_malloc, length + 1);
    if (text == NULL)
        return -ENOMEM;
    asyncp_metrics_format(text, length + 1, all->loops, all->count);
    int result = asyncp_sys_write_all(fd, text, length);
    memory_free(&asyncp_malloc, text, length + 1);
    return result;
}

int async_metrics_print(int fd)
{
    struct collection all;
    int result = collect(&all);
    if (result < 0)
        return result;
    result = write_collection(fd, &all);
    free_collection(&all);
    return result < 0 ? async_fail_errno(result, "async_metrics_print: descriptor %d", fd) : 0;
}
