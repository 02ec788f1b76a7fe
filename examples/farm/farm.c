/*
 * farm.c: the producer and the workers of a checksum farm.
 */
#include "farm.h"
#include "checksum.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { WORKERS = 4 };

/* ---- the producer --------------------------------------------------------------------------- */

int put_files(async_queue *jobs, char *const *paths)
{
    for (; *paths != NULL; paths++) {
        struct job job = {.path = ""};
        if (strlen(*paths) >= sizeof job.path)
            return async_fail(-ENAMETOOLONG, "the path %s is too long", *paths);
        memcpy(job.path, *paths, strlen(*paths));
        ASYNC_TRY(async_queue_put(jobs, &job));
    }
    return 0;
}

/* ---- the workers ---------------------------------------------------------------------------- */

int do_job(async_queue *jobs, const char *path)
{
    uint32_t sum;
    int result = async_to_thread(checksum_file, path, &sum);
    if (result == -ECANCELED)
        return result; /* not reported: a queue in Redis gives it to another worker */
    if (result < 0) {
        fprintf(stderr, "farm: %s\n", async_strerror(result));
        async_queue_task_failed(jobs, result);
    } else {
        printf("%08" PRIx32 "  %s\n", sum, path);
        async_queue_task_done(jobs);
    }
    return 0;
}

static int do_jobs(async_queue *jobs)
{
    struct job job;
    for (;;) {
        ASYNC_TRY(async_queue_get(jobs, &job));
        job.path[sizeof job.path - 1] = 0; /* another process may have written it */
        ASYNC_TRY(do_job(jobs, job.path));
    }
}
async_fn(do_jobs, async_queue *);

int work(async_queue *jobs)
{
    ASYNC_TASK_GROUP(workers);
    for (int i = 0; i < WORKERS; i++)
        async_group_create_task(&workers, do_jobs, jobs);
    return async_group_wait(&workers);
}

/* ---- both ----------------------------------------------------------------------------------- */

int put_and_work(async_queue *jobs, char *const *paths)
{
    ASYNC_TASK_GROUP(workers);
    for (int i = 0; i < WORKERS; i++)
        async_group_create_task(&workers, do_jobs, jobs);
    ASYNC_TRY(put_files(jobs, paths));
    ASYNC_TRY(async_queue_join(jobs));
    async_group_cancel(&workers); /* they wait for more jobs */
    return async_group_wait(&workers);
}
