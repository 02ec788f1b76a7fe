/*
 * parallel: runs a command for each line of standard input, so many at a time.
 *
 *     ls *.wav | parallel 4 flac -s
 *
 * The line is the last argument of the command. The output of each run is printed in one piece, in
 * the order in which the runs end. The exit status is the number of runs that failed, at most 100.
 */
#include <asyncio.h>
#include <asyncio/terminal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LINE = 4096, MOST_TOLD = 100, USAGE = 125 };

struct work {
    char *const *command; /* ended by NULL */
    size_t words;
    int failures;
};

/* Takes the line. */
static int run_line(struct work *work, char *line)
{
    const async_process_options options = {
        .in = ASYNC_DEVNULL, .out = ASYNC_PIPE, .err = ASYNC_STDOUT, .own_group = true};
    async_auto_output output = {0};
    char **argv = calloc(work->words + 2, sizeof *argv);
    int result = argv != NULL ? 0 : -ENOMEM;
    if (result == 0) {
        memcpy(argv, work->command, work->words * sizeof *argv);
        argv[work->words] = line;
        result = async_run_processv(&options, &output, argv);
    }
    if (result == 0 || result == -ECHILD)
        ASYNC_TRY(async_stream_write(async_stdout(), output.out, output.out_size));
    if (result < 0 && result != -ECANCELED) {
        work->failures++;
        fprintf(stderr, "parallel: %s\n", async_strerror(result));
    }
    free(argv);
    free(line);
    return result == -ECANCELED ? result : async_stream_drain(async_stdout());
}
async_fn(run_line, struct work *, char *);

/* The group starts no more than its limit at once; the rest of the lines waits in memory. */
static int run(size_t at_once, char *const *command, size_t words)
{
    char line[MAX_LINE];
    int length;
    struct work work = {.command = command, .words = words};
    ASYNC_TASK_GROUP_WITH(runs, .limit = at_once);
    while ((length = async_input(NULL, line, sizeof line)) >= 0) {
        char *copy = strdup(line);
        if (copy == NULL || async_group_create_task(&runs, run_line, &work, copy) == NULL)
            return -ENOMEM;
    }
    if (length != -ENODATA)
        return length;
    ASYNC_TRY(async_group_wait(&runs));
    return work.failures < MOST_TOLD ? work.failures : MOST_TOLD;
}
async_fn(run, size_t, char *const *, size_t);

int main(int argc, char **argv)
{
    int at_once = argc > 2 ? atoi(argv[1]) : 0;
    if (at_once <= 0) {
        fprintf(stderr, "usage: %s NUMBER COMMAND [ARGUMENT...]\n", argv[0]);
        return USAGE;
    }
    return async_main(run, (size_t)at_once, argv + 2, (size_t)argc - 2);
}
