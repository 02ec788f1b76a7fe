/*
 * farm.h: the producer and the workers of a checksum farm. They use a queue of struct job, and do
 * not know where its items are.
 */
#ifndef FARM_H
#define FARM_H

#include <asyncio.h>

/* A file. It may travel to another process: its size is fixed, and it has no pointers. */
struct job {
    char path[256];
};

/* Puts a job for each path; NULL ends them. */
ASYNC_MUST int put_files(async_queue *jobs, char *const *paths);

/* Takes jobs with several tasks until the calling task is cancelled. */
ASYNC_MUST int work(async_queue *jobs);

/* Puts a job for each path, and works until all jobs are done. */
ASYNC_MUST int put_and_work(async_queue *jobs, char *const *paths);

/*
 * Does the job that the calling task took last, prints the checksum or an error, and reports it.
 *
 * Returns 0; -ECANCELED if the task was cancelled before the job began: it is not reported.
 */
ASYNC_MUST int do_job(async_queue *jobs, const char *path);

#endif
