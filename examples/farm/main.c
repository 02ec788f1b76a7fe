/*
 * farm: checksums of files, computed by one process or by many machines.
 *
 *     farm local FILE...   puts the files into a queue of this process, works until all are done
 *     farm shared FILE...  the same with a queue in Redis
 *     farm put FILE...     puts the files into the queue in Redis
 *     farm work            works until Ctrl-C or SIGTERM
 *     farm texts           the same for paths that put.py has put
 *
 * REDIS_URL names the Redis server, such as redis://localhost:6379. Without it, `farm shared`
 * starts one of its own; the others use that of this machine.
 */
#include "farm.h"
#include <asyncio/redis_queue.h>
#include <redis_server.h> /* examples/redis_server.c */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A file that cannot be read is tried three times, then kept in {farm}:dead. */
static const async_redis_queue_options options = {.lease = 5, .tries = 3, .pause = 0.5};

static int run_local(char *const *paths)
{
    async_auto_queue *jobs = NULL;
    ASYNC_TRY(async_queue_new(&jobs, 0, sizeof(struct job)));
    return put_and_work(jobs, paths);
}

static int run_shared(async_redis *redis, char *const *paths)
{
    async_auto_queue *jobs = NULL;
    ASYNC_TRY(async_redis_queue_open(&jobs, redis, "farm", sizeof(struct job), &options));
    return put_and_work(jobs, paths);
}

static int run_put(async_redis *redis, char *const *paths)
{
    async_auto_queue *jobs = NULL;
    ASYNC_TRY(async_redis_queue_open(&jobs, redis, "farm", sizeof(struct job), &options));
    return put_files(jobs, paths);
}

static int run_work(async_redis *redis, char *const *paths)
{
    (void)paths;
    async_auto_queue *jobs = NULL;
    ASYNC_TRY(async_redis_queue_open(&jobs, redis, "farm", sizeof(struct job), &options));
    return work(jobs);
}

/* Paths of any length, from programs in any language. */
static int run_texts(async_redis *redis, char *const *paths)
{
    (void)paths;
    async_auto_queue *jobs = NULL;
    ASYNC_TRY(async_redis_queue_open(&jobs, redis, "farm-texts", 0, &options));
    for (;;) {
        async_redis_item path;
        ASYNC_TRY(async_queue_get(jobs, &path));
        int result = do_job(jobs, path.data);
        free(path.data);
        ASYNC_TRY(result);
    }
}

/* ---- the command line ----------------------------------------------------------------------- */

struct command {
    const char *name;
    int (*run)(async_redis *redis, char *const *paths); /* NULL: local */
};

static const struct command commands[] = {{"local", NULL},
                                          {"shared", run_shared},
                                          {"put", run_put},
                                          {"work", run_work},
                                          {"texts", run_texts}};

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int amain(const struct command *command, char **paths)
{
    if (command->run == NULL)
        return run_local(paths);
    const char *url = getenv("REDIS_URL");
    ASYNC_CLEANUP(redis_server_stop) struct redis_server server = {0};
    if (url == NULL && command->run == run_shared) {
        ASYNC_TRY(redis_server_start(&server));
        url = server.url;
    }
    async_auto_wait_redis *redis = NULL;
    ASYNC_TRY(async_redis_connect(&redis, url, NULL));
    return command->run(redis, paths);
}
async_fn(amain, const struct command *, char **);

int main(int argc, char **argv)
{
    const async_run_options run_options = {.cancel_on_sigterm = true};
    const struct command *command = argc > 1 ? find_command(argv[1]) : NULL;
    if (command == NULL) {
        fprintf(stderr, "usage: %s local|shared|put FILE...\n       %s work|texts\n", argv[0],
                argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ); /* each line at once, also into a pipe */
    return async_main_with(&run_options, amain, command, argv + 2);
}
